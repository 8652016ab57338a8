// SPDX-License-Identifier: MIT
// Goal: limit_bytes is never passed, whoever meets it at the same time, and what deaths leave in
// the sum or in a cell refuses nobody for long.
// Method: sums and cells as the dead and the stopped leave them; threads that take and give.
#include "alloc/quota.h"

#include <pthread.h>

#include "alloc/chunk.h"
#include "alloc/journal.h"
#include "tests/alloc/seats.h"
#include "tests/harness/harness.h"

enum { UNITS = 4, THREADS = 4, TURNS = 3000 };

static void open_heap(void) {
  seats_open(stand_open(UNITS * SHL_UNIT_BYTES), 0);
  EXPECT_OK(shl_chunk_raise(heap, heap->first_chunk));
}

static void close_heap(void) {
  shl_store_relaxed_u64(&heap->words->committed_bytes, 0);
  seats_close();
}

static uint64_t sum(void) {
  return shl_load_relaxed_u64(&heap->words->committed_bytes);
}

static void set_sum(uint64_t bytes) {
  shl_store_relaxed_u64(&heap->words->committed_bytes, bytes);
}

static void what_is_taken_and_given_is_counted(void) {
  EXPECT(shl_quota_take(here, 3 * SHL_UNIT_BYTES));
  EXPECT_EQ(3 * SHL_UNIT_BYTES, sum());
  EXPECT_EQ(3 * SHL_UNIT_BYTES, shl_load_relaxed_u64(&here.slot->unsettled));
  shl_quota_settle(here);
  shl_quota_announce(here, SHL_UNIT_BYTES);
  shl_quota_give(here, SHL_UNIT_BYTES);
  shl_quota_settle(here);
  EXPECT_EQ(2 * SHL_UNIT_BYTES, sum());
  EXPECT_EQ(0, shl_load_relaxed_u64(&here.slot->unsettled));
}

// A death between counting and backing leaves the sum too high, one between giving back and
// counting too: whoever meets the limit counts anew.
static void a_sum_left_wrong_by_the_dead_is_made_anew(void) {
  set_sum(UNITS * SHL_UNIT_BYTES);
  EXPECT(shl_quota_take(here, 3 * SHL_UNIT_BYTES));
  EXPECT_EQ(3 * SHL_UNIT_BYTES, sum());
  set_sum(0 - (uint64_t)SHL_UNIT_BYTES);
  EXPECT(shl_quota_take(here, 4 * SHL_UNIT_BYTES));
  EXPECT(!shl_quota_take(here, 5 * SHL_UNIT_BYTES));
  EXPECT_EQ(0, shl_load_relaxed_u64(&here.slot->unsettled));
}

// What another has taken, and its chunk does not say yet, counts when the sum is made anew.
static void what_is_on_its_way_counts(void) {
  EXPECT(shl_quota_take(other, 3 * SHL_UNIT_BYTES));
  EXPECT(!shl_quota_take(here, 2 * SHL_UNIT_BYTES));
  EXPECT_EQ(3 * SHL_UNIT_BYTES, sum());
  EXPECT(shl_quota_take(here, SHL_UNIT_BYTES));
  shl_quota_settle(here);
}

static void what_the_dead_had_under_way_does_not(void) {
  EXPECT(shl_quota_take(other, 3 * SHL_UNIT_BYTES));
  shl_journal_set(other.slot, SHL_J_CHUNK, heap->first_chunk, 0);
  stand_die(other);
  EXPECT(shl_quota_take(here, UNITS * SHL_UNIT_BYTES));
  EXPECT_EQ(UNITS * SHL_UNIT_BYTES, sum());
}

// A resize within a block's last chunk stands under no journal.
static void nor_what_no_journal_says(void) {
  shl_store_relaxed_u64(&other.slot->unsettled, UNITS * SHL_UNIT_BYTES);
  EXPECT(shl_journal_is_clear(other.slot));
  shl_slot_let_go(other);
  EXPECT_EQ(0, shl_load_relaxed_u64(&other.slot->unsettled));
}

static void without_a_limit_nothing_is_counted(void) {
  shoal_heap *free_heap = stand_open(0);
  struct shl_seat seat = stand_here(free_heap);
  EXPECT(shl_quota_take(seat, UINT64_MAX / 2));
  EXPECT_EQ(0, shl_load_relaxed_u64(&free_heap->words->committed_bytes));
  EXPECT_EQ(0, shl_load_relaxed_u64(&seat.slot->unsettled));
  stand_close(free_heap);
}

static shl_a64 most;

// Takes and gives a unit at a time, with the chunk's bit as truth, so that sum and bits stay equal.
static void *take_and_give(void *argument) {
  struct shl_seat seat = *(const struct shl_seat *)argument;
  shl_a32 *bits = &shl_chunk_row(heap, heap->first_chunk)->committed;
  uint32_t bit = UINT32_C(1) << shl_seat_id(seat) % 32;
  for (uint64_t i = test_rounds(TURNS); i > 0; i--) {
    if (!shl_quota_take(seat, SHL_UNIT_BYTES)) continue;
    uint32_t now = shl_or_seq_cst_u32(bits, bit) | bit;
    uint64_t count = 0;
    for (; now != 0; now &= now - 1) count++;
    if (count > shl_load_relaxed_u64(&most)) shl_store_relaxed_u64(&most, count);
    shl_quota_settle(seat);
    shl_quota_announce(seat, SHL_UNIT_BYTES);
    (void)shl_and_seq_cst_u32(bits, ~bit);
    shl_quota_give(seat, SHL_UNIT_BYTES);
    shl_quota_settle(seat);
  }
  return NULL;
}

static void many_who_meet_the_limit_do_not_pass_it(void) {
  pthread_t threads[UNITS + THREADS];
  struct shl_seat seats[UNITS + THREADS];
  shl_store_relaxed_u64(&most, 0);
  for (unsigned i = 0; i < UNITS + THREADS; i++) {
    seats[i] = stand_other(heap, 0);
    ASSERT_EQ(0, pthread_create(&threads[i], NULL, take_and_give, &seats[i]));
  }
  for (unsigned i = 0; i < UNITS + THREADS; i++) ASSERT_EQ(0, pthread_join(threads[i], NULL));
  EXPECT_LE(shl_load_relaxed_u64(&most), UNITS);
  EXPECT_LT(0, shl_load_relaxed_u64(&most));
}

SUITE(quota, SET_UP(open_heap), TEAR_DOWN(close_heap), TEST(what_is_taken_and_given_is_counted),
      TEST(a_sum_left_wrong_by_the_dead_is_made_anew), TEST(what_is_on_its_way_counts),
      TEST(what_the_dead_had_under_way_does_not), TEST(nor_what_no_journal_says),
      TEST(without_a_limit_nothing_is_counted), TEST(many_who_meet_the_limit_do_not_pass_it))
