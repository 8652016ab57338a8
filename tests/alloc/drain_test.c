// SPDX-License-Identifier: MIT
// Goal: a drain finds whatever waits; what it does not come to is found by the next; stale hints do
// no harm.
// Method: hints raised by frees and by hand, cut short, left behind by the dead.
#include "alloc/drain.h"

#include "alloc/chunk.h"
#include "alloc/class.h"
#include "alloc/hand.h"
#include "alloc/hint.h"
#include "alloc/journal.h"
#include "alloc/orphan.h"
#include "alloc/partial.h"
#include "alloc/run.h"
#include "alloc/slab.h"
#include "tests/alloc/seats.h"
#include "tests/harness/harness.h"

static void open_heap(void) {
  seats_open(stand_open(0), 0);
}

static struct shl_owner_rec *owner_row(void) {
  return shl_owner_row(heap, shl_seat_id(here));
}

// Who frees without a journal: that of a holder names its claim.
static struct shl_seat nobody(void) {
  return (struct shl_seat){.heap = heap};
}

static bool is_pending(struct stand_bit at) {
  return (shl_load_relaxed_u64(&at.remote->freed[at.word]) & at.bit) != 0;
}

static void a_drain_finds_all_that_waits(void) {
  enum { BLOCKS = 2000 };
  static shoal_off offs[BLOCKS];
  for (unsigned i = 0; i < BLOCKS; i++) offs[i] = stand_alloc(here, 1500);
  for (unsigned i = 0; i < BLOCKS; i++) stand_free(other, offs[i]);
  EXPECT_EQ(0, stand_live(heap));
  shl_seat_drain(here);
  EXPECT_EQ(0, shl_load_relaxed_u64(&owner_row()->hint_summary));
  EXPECT_EQ(0, stand_stats(heap).cached);
  EXPECT_EQ(0, stand_stats(heap).slabs);
}

enum { SLABS = 100 };

static struct stand_bit waiting[SLABS];

static unsigned count_waiting(void) {
  unsigned count = 0;
  for (unsigned i = 0; i < SLABS; i++) count += is_pending(waiting[i]) ? 1 : 0;
  return count;
}

// A block of each of many slabs is freed by another.
static void free_into_many_slabs(void) {
  for (unsigned i = 0; i < SLABS; i++) {
    uint32_t unit = stand_slab(here, 4);
    shl_hand_refill(here, 4, unit, 0);
    waiting[i] = stand_bit_of(heap, stand_alloc(here, 64));
    shl_hand_give_back(here, 4);
  }
  for (unsigned i = 0; i < SLABS; i++) {
    stand_free(other, shl_unit_offset(waiting[i].unit) + 64 * (waiting[i].word * 64));
  }
  EXPECT_EQ(SLABS, count_waiting());
}

// A drain ends after some slabs; what it did not come to is found by the next.
static void a_drain_cut_short_leaves_its_hints(void) {
  free_into_many_slabs();
  unsigned rounds = 0;
  for (; count_waiting() > 0 && rounds < SLABS; rounds++) {
    shl_drain(here);
    EXPECT(stand_is_clean(heap));
  }
  EXPECT_LT(1, rounds);
  EXPECT_LE(rounds, 5);
  EXPECT_EQ(0, count_waiting());
}

static void a_full_drain_comes_to_every_slab(void) {
  free_into_many_slabs();
  shl_drain_all(here);
  EXPECT_EQ(0, count_waiting());
  EXPECT_EQ(0, shl_load_relaxed_u64(&owner_row()->hint_summary));
  EXPECT_EQ(1, stand_stats(heap).slabs);
}

// A hint that comes late, when its slab is gone and its unit a further one of another slab: that
// unit's own cells mean nothing and must not be read as a slab's.
static void a_late_hint_into_a_wider_slab_is_ignored(void) {
  uint32_t low = stand_slab(here, 4), high = stand_slab(here, 4);
  EXPECT_EQ(low + 1, high);
  EXPECT(shl_slab_examine(here, low, false));
  EXPECT(shl_slab_examine(here, high, false));
  uint32_t wide = stand_slab(here, 56);
  EXPECT_EQ(low, wide);
  EXPECT_EQ(2, shl_classes[56].units);
  // As an earlier slab of this class left its cells here.
  shl_store_relaxed_u64(&shl_hot_row(heap, high)->nonempty, 1);
  shl_store_relaxed_u64(&shl_hot_row(heap, high)->free[0],
                        shl_class_word_mask(&shl_classes[56], 0));
  shl_hint_raise(heap, high, shl_seat_id(here));
  shl_drain(here);
  EXPECT_EQ(wide, shl_partial_head(here, 56));
  EXPECT_EQ(0, shl_load_relaxed_u32(&shl_hot_row(heap, wide)->next));
  EXPECT(stand_is_clean(heap));
  for (unsigned i = 0; i < 16; i++) {
    EXPECT_EQ(shl_unit_offset(wide) + i * UINT64_C(8192), stand_alloc(here, 8192));
  }
}

// A slot's hints are of chunks modulo 4096.
static void chunks_4096_apart_share_a_hint(void) {
  enum { APART = 4096 };
  shoal_heap *wide = NULL;
  shoal_options options = {.size = sizeof options,
                           .kind = SHOAL_KIND_PRIVATE,
                           .flags = SHOAL_CREATE,
                           .capacity = (APART + 100) * (uint64_t)SHL_CHUNK_BYTES,
                           .max_threads = 4,
                           .max_processes = STAND_PROCESSES};
  ASSERT_OK(shoal_open(NULL, &options, &wide));
  struct shl_seat owner = stand_here(wide), freer = stand_other(wide, 0);
  shoal_off low = stand_alloc(owner, 64);
  EXPECT_NE(0, shoal_alloc(wide, (APART - 1) * (uint64_t)SHL_CHUNK_BYTES, 0));
  uint32_t unit;
  do {
    unit = stand_slab(owner, 72);
  } while (shl_unit_chunk(unit) != low / SHL_CHUNK_BYTES + APART && stand_is_clean(wide));
  shl_hand_refill(owner, 72, unit, 0);
  shoal_off high = shl_hand_pop(&owner.slot->hands[72]);
  shl_hand_refill(owner, 72, unit, 0);
  EXPECT_NE(0, shl_hand_pop(&owner.slot->hands[72]));  // keeps the slab
  stand_free(freer, low);
  stand_free(freer, high);
  shl_drain(owner);
  EXPECT_EQ(0, shl_load_relaxed_u64(&stand_bit_of(wide, low).remote->freed[0]));
  EXPECT_EQ(0, shl_load_relaxed_u64(&stand_bit_of(wide, high).remote->freed[0]));
  stand_close(wide);
}

static void a_late_hint_to_a_released_slab_is_ignored(void) {
  uint32_t low = stand_slab(here, 4), high = stand_slab(here, 4);
  EXPECT(shl_slab_examine(here, low, false));
  shl_hint_raise(heap, low, shl_seat_id(here));
  shl_drain(here);
  EXPECT_EQ(high, shl_partial_head(here, 4));
  EXPECT_EQ(0, stand_journal(here));
}

// Others' dirty slabs under the same hint are theirs to collect.
static void anothers_slab_under_the_same_hint_is_left(void) {
  shoal_off mine = stand_alloc(here, 64), its = stand_alloc(other, 64);
  struct stand_bit at = stand_bit_of(heap, mine), its_at = stand_bit_of(heap, its);
  EXPECT_EQ(shl_unit_chunk(at.unit), shl_unit_chunk(its_at.unit));
  stand_free(other, mine);
  stand_free(here, its);
  shl_drain(here);
  EXPECT(!is_pending(at));
  EXPECT(is_pending(its_at));
  shl_drain(other);
  EXPECT(!is_pending(its_at));
}

// A drain killed after its first collection: what it had not come to is found by the heir.
static void a_dead_drains_hints_are_restored(void) {
  shoal_off first = stand_alloc(other, 64), second = stand_alloc(other, 5000);
  stand_free(here, first);
  stand_free(here, second);
  struct shl_owner_rec *row = shl_owner_row(heap, shl_seat_id(other));
  uint32_t chunk = (uint32_t)(first >> SHL_CHUNK_SHIFT);
  shl_journal_set(other.slot, SHL_J_DRAIN, chunk, 0);
  shl_store_relaxed_u64(&row->hint_summary, 0);
  shl_store_relaxed_u64(&row->hints[chunk / 64], 0);
  stand_die(other);
  EXPECT(stand_is_clean(heap));
  stand_give(other, 0);
  shl_drain(other);
  EXPECT(!is_pending(stand_bit_of(heap, first)));
  EXPECT(!is_pending(stand_bit_of(heap, second)));
}

// A wholly free slab in a chunk that another holds for the moment.
static void what_could_not_be_released_is_looked_at_again(void) {
  uint32_t low = stand_slab(here, 4), high = stand_slab(here, 4), chunk = shl_unit_chunk(low);
  EXPECT_EQ(SHL_CLAIM_TAKEN, shl_chunk_claim(other, chunk));
  EXPECT(!shl_slab_examine(here, high, true));
  shl_drain_all(here);
  EXPECT_NE(0, shl_load_relaxed_u64(&owner_row()->hint_summary));
  EXPECT_EQ(high, shl_partial_head(here, 4));
  shl_run_end_claim(other, chunk);
  shl_drain(here);
  EXPECT_EQ(low, shl_partial_head(here, 4));
  EXPECT_EQ(0, shl_load_relaxed_u64(&owner_row()->hint_summary));
  EXPECT(stand_is_clean(heap));
}

// The same where the slab became free in the drain itself.
static void what_was_collected_in_a_held_chunk_is_looked_at_again(void) {
  uint32_t low = stand_slab(here, 4);
  shoal_off off = stand_alloc(here, 64);
  shl_hand_give_back(here, 4);
  uint32_t chunk = shl_unit_chunk(low), high = stand_slab(here, 4);
  EXPECT_EQ(SHL_CLAIM_TAKEN, shl_chunk_claim(other, chunk));
  stand_free(nobody(), off);
  shl_drain(here);
  EXPECT(!is_pending(stand_bit_of(heap, off)));
  EXPECT_EQ(2, stand_stats(heap).slabs);
  shl_run_end_claim(other, chunk);
  shl_drain(here);
  EXPECT_EQ(1, stand_stats(heap).slabs);
  EXPECT_EQ(high, shl_partial_head(here, 4));
}

// As many slabs as one drain collects, in a chunk whose holder does not move.
static void a_held_chunk_hides_nothing_behind_it(void) {
  uint32_t units[SHL_UNITS_PER_CHUNK];
  for (unsigned i = 0; i < SHL_UNITS_PER_CHUNK; i++) units[i] = stand_slab(here, 4);
  uint32_t chunk = shl_unit_chunk(units[0]);
  EXPECT_EQ(chunk, shl_unit_chunk(units[SHL_UNITS_PER_CHUNK - 1]));
  struct stand_bit behind = stand_bit_of(heap, stand_alloc(here, 8192));
  EXPECT_LT(chunk, shl_unit_chunk(behind.unit));
  EXPECT_EQ(SHL_CLAIM_TAKEN, shl_chunk_claim(other, chunk));
  for (unsigned i = 0; i < SHL_UNITS_PER_CHUNK; i++)
    EXPECT(!shl_slab_examine(here, units[i], true));
  stand_free(nobody(), shl_unit_offset(behind.unit));
  shl_drain(here);
  EXPECT(!is_pending(behind));
  EXPECT_EQ(SHL_UNITS_PER_CHUNK + 1, stand_stats(heap).slabs);
  shl_run_end_claim(other, chunk);
  shl_drain_all(here);
  EXPECT_EQ(2, stand_stats(heap).slabs);
}

SUITE(drain, SET_UP(open_heap), TEAR_DOWN(seats_close), TEST(a_drain_finds_all_that_waits),
      TEST(a_drain_cut_short_leaves_its_hints), TEST(a_full_drain_comes_to_every_slab),
      TEST(a_late_hint_into_a_wider_slab_is_ignored), TEST(chunks_4096_apart_share_a_hint),
      TEST(a_late_hint_to_a_released_slab_is_ignored),
      TEST(anothers_slab_under_the_same_hint_is_left), TEST(a_dead_drains_hints_are_restored),
      TEST(what_could_not_be_released_is_looked_at_again),
      TEST(what_was_collected_in_a_held_chunk_is_looked_at_again),
      TEST(a_held_chunk_hides_nothing_behind_it))
