// SPDX-License-Identifier: MIT
// Goal: blocks come from where they cost least, and from wherever there are any before the answer
// is no. Method: slabs brought into each state, then one allocation.
#include "alloc/refill.h"

#include "alloc/chunk.h"
#include "alloc/hand.h"
#include "alloc/journal.h"
#include "alloc/partial.h"
#include "alloc/run.h"
#include "alloc/seat.h"
#include "alloc/slab.h"
#include "tests/alloc/seats.h"
#include "tests/harness/harness.h"

enum { CLASS = 72, BYTES = 32768, OF_SLAB = 16 };

static const struct shl_wish plain = {.flags = 0};
static const struct shl_wish no_growth = {.flags = SHOAL_NO_GROW};
static uint64_t first_off;

static void open_heap(void) {
  seats_open(stand_open(0), 0);
}

static uint64_t pop(struct shl_seat seat) {
  uint64_t off = 0;
  EXPECT_OK(shl_refill_pop(seat, CLASS, &plain, &off));
  EXPECT_EQ(0, stand_journal(seat));
  return off;
}

// A slab's blocks all handed out, its hand empty. The class's hand holds one block at a time.
static uint64_t use_up_a_slab(struct shl_seat seat) {
  uint64_t low = pop(seat);
  for (unsigned i = 1; i < OF_SLAB; i++) EXPECT_EQ(low + i * BYTES, pop(seat));
  return low;
}

static unsigned state_of(uint64_t off) {
  return shl_load_relaxed_u8(&stand_bit_of(heap, off).hot->state);
}

static void the_current_slab_comes_before_what_others_freed(void) {
  first_off = pop(here);
  (void)pop(here);
  stand_free(other, first_off);
  EXPECT_EQ(first_off + 2 * BYTES, pop(here));
  EXPECT_NE(0, shl_load_relaxed_u64(&shl_owner_row(heap, shl_seat_id(here))->hint_summary));
}

static void what_others_freed_comes_before_a_new_slab(void) {
  first_off = use_up_a_slab(here);
  stand_free(other, first_off + 5 * BYTES);
  EXPECT_EQ(first_off + 5 * BYTES, pop(here));
  EXPECT_EQ(1, stand_stats(heap).slabs);
}

static void listed_slabs_come_before_a_new_one_and_full_ones_leave_the_list(void) {
  first_off = use_up_a_slab(here);
  uint64_t second = use_up_a_slab(here);
  EXPECT_EQ(SHL_SLAB_FULL, state_of(first_off));
  stand_free(here, first_off + 3 * BYTES);
  EXPECT_EQ(SHL_SLAB_PARTIAL, state_of(first_off));
  EXPECT_EQ(first_off + 3 * BYTES, pop(here));
  uint64_t third = pop(here);
  EXPECT(third < first_off || third >= second + OF_SLAB * BYTES);
  EXPECT_EQ(SHL_SLAB_FULL, state_of(first_off));
  EXPECT_EQ(SHL_SLAB_FULL, state_of(second));
}

// A summary bit without free blocks in its word is cleared on the way.
static void a_stale_summary_costs_nothing_but_a_look(void) {
  first_off = use_up_a_slab(here);
  struct shl_hot_rec *hot = stand_bit_of(heap, first_off).hot;
  shl_store_relaxed_u64(&hot->nonempty, UINT64_MAX);
  uint64_t second = pop(here);
  EXPECT(second >= first_off + OF_SLAB * BYTES);
  EXPECT_EQ(0, shl_load_relaxed_u64(&hot->nonempty));
  EXPECT_EQ(SHL_SLAB_FULL, state_of(first_off));
}

static void fill_heap(struct shl_seat seat) {
  uint64_t off;
  while (shl_refill_pop(seat, CLASS, &plain, &off) == SHOAL_OK) {
  }
  struct shl_run_request request = {.pages = 1, .align_pages = 1};
  while (shl_run_alloc(seat, request, false, &off) == SHOAL_OK) {
  }
}

static void a_full_heap_says_so_and_one_free_is_enough(void) {
  first_off = pop(here);
  fill_heap(here);
  uint64_t off;
  EXPECT_STATUS(SHOAL_E_FULL, shl_refill_pop(here, CLASS, &plain, &off));
  stand_free(other, first_off);
  EXPECT_EQ(first_off, pop(here));
  EXPECT_STATUS(SHOAL_E_FULL, shl_refill_pop(here, CLASS, &plain, &off));
}

// Act as the orphan: its own hands, its pending frees, its lists.
static void a_full_heap_lives_on_orphans_blocks(void) {
  first_off = use_up_a_slab(other);
  fill_heap(here);
  stand_free(other, first_off + BYTES);
  stand_free(here, first_off + 2 * BYTES);
  shl_slot_let_go(other);
  EXPECT_EQ(first_off + BYTES, pop(here));
  EXPECT_EQ(first_off + 2 * BYTES, pop(here));
  uint64_t off;
  EXPECT_STATUS(SHOAL_E_FULL, shl_refill_pop(here, CLASS, &plain, &off));
  EXPECT_EQ(SHL_OWNER_ORPHAN, shl_owner_read(heap, shl_seat_id(other)).state);
}

// The dead's memory in another class: their empty slabs are released and cut anew.
static void a_full_heap_lives_on_what_the_dead_held(void) {
  uint64_t off = stand_alloc(other, 64);
  fill_heap(here);
  stand_free(other, off);
  stand_give(other, STAND_DEAD);
  EXPECT_OK(shl_refill_pop(here, 4, &plain, &off));
  EXPECT_NE(0, off);
}

// The same of orphans, whose memory is empty slabs of another class, in their hands.
static void a_full_heap_lives_on_what_orphans_hold(void) {
  uint64_t off = stand_alloc(other, 64);
  fill_heap(here);
  stand_free(other, off);
  shl_slot_let_go(other);
  EXPECT_OK(shl_refill_pop(here, 5, &plain, &off));
  EXPECT_EQ(5, stand_bit_of(heap, off).class_index);
}

static void before_a_new_slab_an_orphan_is_tended(void) {
  shoal_off off = stand_alloc(other, 64);
  stand_free(here, off);
  shl_slot_let_go(other);
  const shl_a64 *summary = &shl_owner_row(heap, shl_seat_id(other))->hint_summary;
  EXPECT_NE(0, shl_load_relaxed_u64(summary));
  (void)pop(here);
  EXPECT_EQ(0, shl_load_relaxed_u64(summary));
}

// A list that another process has tied into a ring: the refill ends, with a block of a new slab.
static void a_ring_of_full_slabs_ends(void) {
  first_off = use_up_a_slab(here);
  uint32_t unit = stand_bit_of(heap, first_off).unit;
  shl_store_relaxed_u32(&shl_hot_row(heap, unit)->next, unit);
  EXPECT_EQ(0, shl_refill_warm(here, CLASS));
  shl_store_relaxed_u8(&shl_hot_row(heap, unit)->state, SHL_SLAB_PARTIAL);
  EXPECT_NE(0, pop(here));
  // Mended, for the check at the end.
  shl_store_relaxed_u32(&shl_hot_row(heap, shl_partial_head(here, CLASS))->next, 0);
}

static void the_frequent_part_leaves_what_takes_more(void) {
  first_off = use_up_a_slab(here);
  EXPECT_EQ(0, shl_refill_warm(here, CLASS));
  EXPECT_EQ(SHL_SLAB_FULL, state_of(first_off));
  stand_free(here, first_off + 5 * BYTES);
  EXPECT_EQ(first_off + 5 * BYTES, shl_refill_warm(here, CLASS));
  stand_free(here, first_off + 6 * BYTES);
  // A step of its own that was cut: by a death in a child of a fork, say.
  shl_journal_set(here.slot, SHL_J_DRAIN, 5, 0);
  EXPECT_EQ(0, shl_refill_warm(here, CLASS));
  shl_journal_clear(here.slot);
  // What others freed comes first.
  stand_free(other, first_off + 7 * BYTES);
  shl_store_relaxed_u32(&here.slot->hands[CLASS].ref, 0);
  EXPECT_EQ(0, shl_refill_warm(here, CLASS));
  EXPECT_EQ(first_off + 6 * BYTES, pop(here));
  EXPECT_EQ(first_off + 7 * BYTES, pop(here));
  // A summary without a block behind it.
  shl_store_relaxed_u64(&stand_bit_of(heap, first_off).hot->nonempty, 1);
  EXPECT_EQ(0, shl_refill_warm(here, CLASS));
  shl_store_relaxed_u64(&stand_bit_of(heap, first_off).hot->nonempty, 0);
}

static void without_growth_no_more_is_backed(void) {
  uint64_t off;
  EXPECT_STATUS(SHOAL_E_FULL, shl_refill_pop(here, 4, &no_growth, &off));
  EXPECT_EQ(0, stand_stats(heap).committed);
  first_off = pop(here);
  uint64_t committed = stand_stats(heap).committed;
  for (unsigned i = 1; i < OF_SLAB; i++) EXPECT_OK(shl_refill_pop(here, CLASS, &no_growth, &off));
  while (shl_refill_pop(here, 4, &no_growth, &off) == SHOAL_OK) {
  }
  EXPECT_EQ(committed, stand_stats(heap).committed);
}

// A slab never has two owners: it stays its owner's, whoever acts as it.
static void a_block_taken_from_an_orphan_stays_the_orphans(void) {
  first_off = use_up_a_slab(other);
  fill_heap(here);
  stand_free(here, first_off);
  shl_slot_let_go(other);
  EXPECT_EQ(first_off, pop(here));
  uint32_t unit = stand_bit_of(heap, first_off).unit;
  EXPECT_EQ(shl_seat_id(other), shl_desc_owner(shl_load_relaxed_u64(shl_unit_desc(heap, unit))));
  EXPECT_EQ(0, here.slot->hands[CLASS].blocks);
}

SUITE(refill, SET_UP(open_heap), TEAR_DOWN(seats_close),
      TEST(the_current_slab_comes_before_what_others_freed),
      TEST(what_others_freed_comes_before_a_new_slab),
      TEST(listed_slabs_come_before_a_new_one_and_full_ones_leave_the_list),
      TEST(a_stale_summary_costs_nothing_but_a_look),
      TEST(a_full_heap_says_so_and_one_free_is_enough), TEST(a_full_heap_lives_on_orphans_blocks),
      TEST(a_full_heap_lives_on_what_the_dead_held), TEST(a_full_heap_lives_on_what_orphans_hold),
      TEST(before_a_new_slab_an_orphan_is_tended), TEST(a_ring_of_full_slabs_ends),
      TEST(the_frequent_part_leaves_what_takes_more), TEST(without_growth_no_more_is_backed),
      TEST(a_block_taken_from_an_orphan_stays_the_orphans))
