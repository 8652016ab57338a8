// SPDX-License-Identifier: MIT
// Goal: free chunks give their memory back, data and metadata, and nothing else does; what comes
// back is zero. Method: chunks made free by hand, times written by hand.
#include <string.h>

#include "alloc/chunk.h"
#include "alloc/journal.h"
#include "alloc/run.h"
#include "mapping/os.h"
#include "tests/alloc/stand.h"
#include "tests/harness/harness.h"

enum { HUGE_BYTES = 5 << 20 };

static shoal_heap *heap;
static struct shl_seat here;

static void open_heap(void) {
  heap = stand_open(64 << 20);
  here = stand_here(heap);
}

static void close_heap(void) {
  stand_close(heap);
}

static struct shl_chunk_rec *row_of(uint32_t chunk) {
  return shl_chunk_row(heap, chunk);
}

// Leaves a free chunk that held a run and a slab. returns: its number.
static uint32_t make_free_chunk(void) {
  shoal_off run = shoal_alloc(heap, 100000, 0);
  shoal_off block = shoal_alloc(heap, 64, 0);
  memset(shoal_ptr(heap, run), 0x5a, 100000);
  EXPECT_OK(shoal_free_offset(heap, block));
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  EXPECT_OK(shoal_free_offset(heap, run));
  uint32_t chunk = (uint32_t)(run >> SHL_CHUNK_SHIFT);
  EXPECT_EQ(SHL_CHUNK_FREE, shl_chunk_read(heap, chunk).state);
  EXPECT_NE(0, shl_load_relaxed_u32(&row_of(chunk)->committed));
  return chunk;
}

static void a_free_chunk_gives_data_and_metadata_back(void) {
  uint32_t chunk = make_free_chunk();
  EXPECT(shl_chunk_trim(here, chunk));
  EXPECT_EQ(0, shl_load_relaxed_u32(&row_of(chunk)->committed));
  EXPECT_EQ(0, shl_load_relaxed_u16(&row_of(chunk)->meta));
  EXPECT_EQ(0, shl_load_relaxed_u64(&heap->words->committed_bytes));
  EXPECT_EQ(shl_chunk_encode(SHL_CHUNK_FREE, 0, 0), shl_load_relaxed_u64(&row_of(chunk)->word));
  EXPECT_EQ(0, stand_journal(here));
  EXPECT_EQ(0, ((char *)shoal_ptr(heap, shl_chunk_offset(chunk)))[0]);
  EXPECT(!shl_chunk_trim(here, chunk));
}

static void chunks_in_use_keep_theirs(void) {
  shoal_off run = shoal_alloc(heap, 100000, 0);
  shoal_off huge = shoal_alloc(heap, HUGE_BYTES, 0);
  memset(shoal_ptr(heap, run), 0x5a, 100000);
  EXPECT(!shl_chunk_trim(here, (uint32_t)(run >> SHL_CHUNK_SHIFT)));
  EXPECT(!shl_chunk_trim(here, (uint32_t)(huge >> SHL_CHUNK_SHIFT)));
  EXPECT(!shl_chunk_trim(here, (uint32_t)(huge >> SHL_CHUNK_SHIFT) + 1));
  shl_chunk_trim_all(here);
  EXPECT_EQ(0x5a, ((char *)shoal_ptr(heap, run))[99999]);
}

static void a_claimed_chunk_is_passed_by(void) {
  uint32_t chunk = make_free_chunk();
  struct shl_seat other = stand_other(heap, STAND_STOPPED);
  EXPECT_EQ(SHL_CLAIM_TAKEN, shl_chunk_claim(other, chunk));
  EXPECT(!shl_chunk_trim(here, chunk));
  EXPECT_NE(0, shl_load_relaxed_u32(&row_of(chunk)->committed));
  shl_chunk_release(other, chunk);
  shl_journal_clear(other.slot);
}

static void all_free_chunks_at_once(void) {
  shoal_off huge = shoal_alloc(heap, HUGE_BYTES, 0);
  uint32_t chunk = make_free_chunk();
  EXPECT_OK(shoal_free_offset(heap, huge));
  shl_chunk_trim_all(here);
  EXPECT_EQ(0, shl_load_relaxed_u32(&row_of(chunk)->committed));
  EXPECT_EQ(0, stand_stats(heap).committed);
}

// Says that the chunk has been free for so long, and that this process has not looked since.
static void let_time_pass(uint32_t chunk, uint32_t milliseconds) {
  uint32_t now = (uint32_t)(shl_os_now_ns() / 1000000);
  shl_store_relaxed_u32(&row_of(chunk)->free_since, now - milliseconds);
  shl_store_relaxed_u64(&heap->last_decay_ns, 0);
}

static void chunks_decay_after_a_second(void) {
  uint32_t chunk = make_free_chunk();
  let_time_pass(chunk, 100);
  shl_chunk_decay(here);
  EXPECT_NE(0, shl_load_relaxed_u32(&row_of(chunk)->committed));
  let_time_pass(chunk, 1100);
  shl_chunk_decay(here);
  EXPECT_EQ(0, shl_load_relaxed_u32(&row_of(chunk)->committed));
}

static void decay_looks_four_times_a_second_at_most(void) {
  uint32_t chunk = make_free_chunk();
  let_time_pass(chunk, 1100);
  shl_store_relaxed_u64(&heap->last_decay_ns, shl_os_now_ns());
  shl_chunk_decay(here);
  EXPECT_NE(0, shl_load_relaxed_u32(&row_of(chunk)->committed));
}

// Whoever works on runs or slabs gives back what others have left free.
static void any_work_on_pages_lets_chunks_decay(void) {
  uint32_t chunk = make_free_chunk();
  shoal_off run = shoal_alloc(heap, 100000, 0);
  uint32_t used = (uint32_t)(run >> SHL_CHUNK_SHIFT);
  EXPECT_EQ(chunk, used);
  shoal_off huge = shoal_alloc(heap, HUGE_BYTES, 0);
  EXPECT_OK(shoal_free_offset(heap, huge));
  let_time_pass((uint32_t)(huge >> SHL_CHUNK_SHIFT), 1100);
  EXPECT_OK(shoal_free_offset(heap, run));
  EXPECT_EQ(0, shl_load_relaxed_u32(&row_of((uint32_t)(huge >> SHL_CHUNK_SHIFT))->committed));
}

// As far as a trimmer gets that dies early.
static void begin_trim(struct shl_seat seat, uint32_t chunk) {
  uint64_t word = shl_chunk_encode(SHL_CHUNK_TRIM, shl_seat_id(seat), 0);
  shl_journal_set(seat.slot, SHL_J_TRIM, chunk, 0);
  shl_store_release_u64(&row_of(chunk)->word, word);
}

// A dead trimmer may not have looked at the pins yet: recovery does.
static void recovery_of_a_trim_respects_pins(void) {
  struct shl_seat other = stand_other(heap, STAND_STOPPED);
  shoal_off huge = shoal_alloc(heap, HUGE_BYTES, 0);
  uint32_t chunk = (uint32_t)(huge >> SHL_CHUNK_SHIFT);
  shoal_pin_id pin;
  memset(shoal_ptr(heap, huge), 0x5a, HUGE_BYTES);
  EXPECT_OK(shoal_pin(heap, huge, 1, &pin));
  EXPECT_OK(shoal_free_offset(heap, huge));
  begin_trim(other, chunk);
  stand_die(other);
  EXPECT_EQ(SHL_CHUNK_FREE, shl_chunk_read(heap, chunk).state);
  EXPECT_EQ(0x5a, ((char *)shoal_ptr(heap, huge))[0]);
  EXPECT_NE(0, shl_load_relaxed_u32(&row_of(chunk)->committed));
  EXPECT_OK(shoal_unpin(heap, pin));
}

static void recovery_of_a_trim_finishes_it(void) {
  struct shl_seat other = stand_other(heap, STAND_STOPPED);
  uint32_t chunk = make_free_chunk();
  begin_trim(other, chunk);
  shl_store_release_u32(&row_of(chunk)->committed, 0);
  stand_die(other);
  EXPECT_EQ(SHL_CHUNK_FREE, shl_chunk_read(heap, chunk).state);
  EXPECT_EQ(0, shl_load_relaxed_u16(&row_of(chunk)->meta));
  EXPECT_EQ(0, ((char *)shoal_ptr(heap, shl_chunk_offset(chunk)))[0]);
}

// A trimmer dies with the bits cleared, and then a pin keeps the pages: what is backed anew there
// holds what was there before.
static void old_bytes_that_outlive_a_trim_are_not_taken_for_zero(void) {
  struct shl_seat other = stand_other(heap, STAND_STOPPED);
  shoal_off huge = shoal_alloc(heap, HUGE_BYTES, 0);
  uint32_t chunk = (uint32_t)(huge >> SHL_CHUNK_SHIFT);
  shoal_pin_id pin;
  memset(shoal_ptr(heap, huge), 0x5a, HUGE_BYTES);
  EXPECT_OK(shoal_pin(heap, huge, HUGE_BYTES, &pin));
  EXPECT_OK(shoal_free_offset(heap, huge));
  for (uint32_t part = chunk; part < chunk + 3; part++) {
    begin_trim(other, part);
    shl_store_release_u8(&row_of(part)->stale, 1);
    shl_store_release_u32(&row_of(part)->committed, 0);
    stand_die(other);
    stand_give(other, STAND_STOPPED);
  }
  char *run = shoal_calloc(heap, 1, 200000);
  char *again = shoal_calloc(heap, 1, SHL_CHUNK_BYTES);
  EXPECT_EQ(huge, shoal_offset(heap, run));
  EXPECT_EQ(0, run[0]);
  EXPECT_EQ(0, run[199999]);
  EXPECT_EQ(0, again[SHL_CHUNK_BYTES / 2]);
  EXPECT_OK(shoal_unpin(heap, pin));
}

SUITE(trim, SET_UP(open_heap), TEAR_DOWN(close_heap),
      TEST(a_free_chunk_gives_data_and_metadata_back), TEST(chunks_in_use_keep_theirs),
      TEST(a_claimed_chunk_is_passed_by), TEST(all_free_chunks_at_once),
      TEST(chunks_decay_after_a_second), TEST(decay_looks_four_times_a_second_at_most),
      TEST(any_work_on_pages_lets_chunks_decay), TEST(recovery_of_a_trim_respects_pins),
      TEST(recovery_of_a_trim_finishes_it),
      TEST(old_bytes_that_outlive_a_trim_are_not_taken_for_zero))
