// SPDX-License-Identifier: MIT
// Goal: what others free waits, is found by its owner, and is free exactly once, whatever records
// stand and whoever dies. Method: two slots of one thread; records, deaths and double frees by
// hand.
#include "alloc/remote.h"

#include "alloc/drain.h"
#include "alloc/hand.h"
#include "alloc/hint.h"
#include "alloc/journal.h"
#include "alloc/partial.h"
#include "alloc/record.h"
#include "alloc/slab.h"
#include "tests/alloc/seats.h"
#include "tests/harness/harness.h"

static unsigned reports;
static shoal_off reported;

static void keep_misuse(shoal_heap *told, shoal_misuse what, shoal_off off, const char *text,
                        void *context) {
  (void)told;
  (void)text;
  (void)context;
  EXPECT_EQ(SHOAL_MISUSE_DOUBLE_FREE, what);
  reports++;
  reported = off;
}

static void open_heap(void) {
  seats_open(stand_open(0), 0);
  heap->on_misuse = keep_misuse;
  reports = 0;
}

static void close_heap(void) {
  shl_store_release_u64(&other.slot->record.op, SHL_JA_NONE);
  seats_close();
}

static uint64_t load(const shl_a64 *word) {
  return shl_load_relaxed_u64(word);
}

static void collect(struct shl_seat seat, uint32_t unit) {
  shl_remote_collect(seat, unit, 0);
  EXPECT_EQ(0, stand_journal(seat));
}

static void a_freed_block_waits_until_its_owner_collects(void) {
  shoal_off off = stand_alloc(here, 64);
  struct stand_bit at = stand_bit_of(heap, off);
  stand_free(other, off);
  EXPECT_EQ(at.bit, load(&at.remote->freed[at.word]));
  EXPECT_EQ(0, load(&at.hot->free[at.word]) & at.bit);
  EXPECT_EQ(0, stand_journal(other));
  EXPECT_EQ(0, stand_live(heap));
  EXPECT(shl_desc_pending(load(shl_unit_desc(heap, at.unit))));
  collect(here, at.unit);
  EXPECT_EQ(0, load(&at.remote->freed[at.word]));
  EXPECT_EQ(at.bit, load(&at.hot->free[at.word]) & at.bit);
  EXPECT_EQ(1, load(&at.hot->nonempty) >> at.word & 1);
  EXPECT(!shl_desc_pending(load(shl_unit_desc(heap, at.unit))));
}

static void a_second_remote_free_is_noticed_at_once(void) {
  shoal_off off = stand_alloc(here, 64);
  struct stand_bit at = stand_bit_of(heap, off);
  struct shl_remote_block block = {
      .unit = at.unit, .owner = shl_seat_id(here), .word = at.word, .bit = at.bit};
  EXPECT(shl_remote_free(other, &block));
  EXPECT(!shl_remote_free(other, &block));
  struct shl_seat nobody = {.heap = heap};
  EXPECT(!shl_remote_free(nobody, &block));
  EXPECT_EQ(0, stand_journal(other));
}

static void a_full_slab_is_listed_by_what_is_collected(void) {
  shoal_off off = stand_alloc(here, 32768);
  struct stand_bit at = stand_bit_of(heap, off);
  for (unsigned i = 1; i < 17; i++) (void)stand_alloc(here, 32768);
  EXPECT_EQ(SHL_SLAB_FULL, shl_load_relaxed_u8(&at.hot->state));
  collect(here, at.unit);
  EXPECT_EQ(SHL_SLAB_FULL, shl_load_relaxed_u8(&at.hot->state));
  stand_free(other, off);
  collect(here, at.unit);
  EXPECT_EQ(SHL_SLAB_PARTIAL, shl_load_relaxed_u8(&at.hot->state));
  EXPECT_EQ(at.unit, shl_partial_head(here, at.class_index));
}

static void set_record(uint64_t block, uint64_t second) {
  shl_store_release_u64(&other.slot->record.block, block);
  shl_store_release_u64(&other.slot->record.second, second);
  shl_store_release_u64(&other.slot->record.op, SHL_JA_FREE_FROM);
}

// "No bit while the record stands" must mean "not freed", so the collector leaves the bit.
static void a_block_that_a_record_names_stays_pending(void) {
  shoal_off off = stand_alloc(here, 64), second = stand_alloc(here, 64);
  struct stand_bit at = stand_bit_of(heap, off);
  uint64_t second_bit = stand_bit_of(heap, second).bit;
  shoal_off third = stand_alloc(here, 64);
  union shl_desc_rec *desc = shl_desc_row(heap, at.unit);
  shl_store_relaxed_u8(&desc->part.journalled, 1);
  set_record(off, second);
  stand_free(other, off);
  stand_free(other, second);
  stand_free(other, third);
  collect(here, at.unit);
  EXPECT_EQ(at.bit | second_bit, load(&at.remote->freed[at.word]));
  EXPECT_EQ(0, load(&at.hot->free[at.word]) & (at.bit | second_bit));
  EXPECT_NE(0, shl_load_relaxed_u32(&at.row->dirty));
  EXPECT_NE(0, load(&shl_owner_row(heap, shl_seat_id(here))->hint_summary));
  shl_store_release_u64(&other.slot->record.op, SHL_JA_NONE);
  shl_drain(here);
  EXPECT_EQ(0, load(&at.remote->freed[at.word]));
}

// Freed here, then by another who cannot see that: noticed when the owner collects, before
// the block is handed out again.
static void a_remote_free_of_a_free_block_is_noticed_at_collection(void) {
  shoal_off off = stand_alloc(here, 64);
  struct stand_bit at = stand_bit_of(heap, off);
  stand_free(here, off);
  uint64_t before = load(&at.hot->free[at.word]);
  stand_free(other, off);
  collect(here, at.unit);
  EXPECT_EQ(1, reports);
  EXPECT_EQ(off, reported);
  EXPECT_EQ(0, load(&at.remote->freed[at.word]));
  EXPECT_EQ(before, load(&at.hot->free[at.word]));
}

static void a_remote_free_of_a_block_in_the_hand_is_noticed(void) {
  shoal_off off = stand_alloc(here, 64);
  struct stand_bit at = stand_bit_of(heap, off);
  shl_a64 *blocks = &here.slot->hands[at.class_index].blocks;
  uint64_t in_hand = load(blocks);
  stand_free(other, off + 64);
  collect(here, at.unit);
  EXPECT_EQ(1, reports);
  EXPECT_EQ(off + 64, reported);
  EXPECT_EQ(in_hand, load(blocks));
  EXPECT_EQ(0, load(&at.hot->free[at.word]) & in_hand);
}

// Killed between F |= m and RB &= ~m: the redo finds its own bits in F and must not report them.
static void a_redo_reports_no_double_free(void) {
  shoal_off off = stand_alloc(other, 64);
  struct stand_bit at = stand_bit_of(heap, off);
  stand_free(here, off);
  shl_journal_set(other.slot, SHL_J_COLLECT, at.unit, 0);
  (void)shl_and_seq_cst_u32(&at.row->dirty, ~(UINT32_C(1) << at.unit % SHL_UNITS_PER_CHUNK));
  shl_store_release_u64(&at.hot->free[at.word], load(&at.hot->free[at.word]) | at.bit);
  stand_die(other);
  EXPECT_EQ(0, reports);
  EXPECT_EQ(0, load(&at.remote->freed[at.word]));
  EXPECT_EQ(at.bit, load(&at.hot->free[at.word]) & at.bit);
}

// In a drain J names the slab instead of the chunk while one is collected. Killed there, the
// other slabs of the chunk must be found all the same.
static void a_death_in_a_collection_loses_no_other_slab(void) {
  shoal_off first = stand_alloc(other, 64), second = stand_alloc(other, 5000);
  struct stand_bit at = stand_bit_of(heap, first), second_at = stand_bit_of(heap, second);
  EXPECT_EQ(at.row, second_at.row);
  stand_free(here, first);
  stand_free(here, second);
  struct shl_owner_rec *row = shl_owner_row(heap, shl_seat_id(other));
  shl_journal_set(other.slot, SHL_J_COLLECT, at.unit, 0);
  shl_store_relaxed_u64(&row->hint_summary, 0);
  shl_store_relaxed_u64(&row->hints[shl_unit_chunk(at.unit) / 64], 0);
  stand_die(other);
  stand_give(other, 0);
  shl_drain(other);
  EXPECT_EQ(0, load(&second_at.remote->freed[second_at.word]));
}

// In a redo a bit that the hand has cannot be the redo's own: in F too, the block would be handed
// out twice.
static void a_redo_takes_nothing_that_the_hand_has(void) {
  shoal_off off = stand_alloc(other, 64);
  struct stand_bit at = stand_bit_of(heap, off);
  stand_free(here, off + 64);
  shl_journal_set(other.slot, SHL_J_COLLECT, at.unit, 0);
  stand_die(other);
  EXPECT_EQ(0, load(&at.remote->freed[at.word]));
  EXPECT_EQ(0, load(&at.hot->free[at.word]));
  EXPECT(stand_is_clean(heap));
}

static void what_is_no_slab_of_ones_own_is_not_collected(void) {
  shoal_off off = stand_alloc(here, 10000);
  struct stand_bit at = stand_bit_of(heap, off);
  stand_free(other, off);
  shl_journal_set(other.slot, SHL_J_DRAIN, 5, 0);
  uint64_t journal = stand_journal(other);
  shl_remote_collect(other, at.unit, 0);
  EXPECT_EQ(journal, stand_journal(other));
  shl_journal_clear(other.slot);
  // The cells of a further unit, as an earlier slab left them.
  struct shl_hot_rec *further = shl_hot_row(heap, at.unit + 1);
  shl_store_relaxed_u64(&further->free[0], 1);
  shl_store_relaxed_u8(&further->state, SHL_SLAB_FULL);
  shl_remote_collect(here, at.unit + 1, 0);
  EXPECT_EQ(SHL_SLAB_FULL, shl_load_relaxed_u8(&further->state));
  EXPECT_EQ(at.bit, load(&at.remote->freed[at.word]));
}

static void freed_bits_past_the_last_block_are_not_taken(void) {
  shoal_off off = stand_alloc(here, 32768);
  struct stand_bit at = stand_bit_of(heap, off);
  shl_store_relaxed_u64(&at.remote->freed[0], UINT64_C(0xffffffffffff0000));
  collect(here, at.unit);
  EXPECT_EQ(0, load(&at.hot->free[0]) >> 16);
  shl_store_relaxed_u64(&at.remote->freed[0], 0);
}

static void the_hint_of_a_dead_freer_is_raised_for_it(void) {
  shoal_off off = stand_alloc(here, 64);
  struct stand_bit at = stand_bit_of(heap, off);
  shl_journal_set(other.slot, SHL_J_HINT, at.unit, 0);
  (void)shl_or_seq_cst_u64(&at.remote->freed[at.word], at.bit);
  EXPECT_EQ(0, load(&shl_owner_row(heap, shl_seat_id(here))->hint_summary));
  stand_die(other);
  EXPECT(stand_is_clean(heap));
  shl_drain(here);
  EXPECT_EQ(0, load(&at.remote->freed[at.word]));
}

SUITE(remote, SET_UP(open_heap), TEAR_DOWN(close_heap),
      TEST(a_freed_block_waits_until_its_owner_collects),
      TEST(a_second_remote_free_is_noticed_at_once),
      TEST(a_full_slab_is_listed_by_what_is_collected),
      TEST(a_block_that_a_record_names_stays_pending),
      TEST(a_remote_free_of_a_free_block_is_noticed_at_collection),
      TEST(a_remote_free_of_a_block_in_the_hand_is_noticed), TEST(a_redo_reports_no_double_free),
      TEST(a_death_in_a_collection_loses_no_other_slab),
      TEST(a_redo_takes_nothing_that_the_hand_has),
      TEST(what_is_no_slab_of_ones_own_is_not_collected),
      TEST(freed_bits_past_the_last_block_are_not_taken),
      TEST(the_hint_of_a_dead_freer_is_raised_for_it))
