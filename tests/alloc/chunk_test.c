// SPDX-License-Identifier: MIT
// Goal: a chunk is changed by one slot at a time, what was freed meanwhile is found by the next
// claim, and what is backed is known. Method: two slots of one thread, words looked at in between.
#include "alloc/chunk.h"

#include "alloc/journal.h"
#include "alloc/run.h"
#include "base/bits.h"
#include "tests/alloc/seats.h"
#include "tests/harness/harness.h"

static uint32_t first;

static void open_heap(void) {
  seats_open(stand_open(0), STAND_STOPPED);
  first = heap->first_chunk;
  EXPECT_OK(shl_chunk_raise(heap, first));
}

static void end_claim(struct shl_seat seat, uint32_t chunk) {
  shl_chunk_release(seat, chunk);
  shl_journal_clear(seat.slot);
}

static struct shl_chunk_rec *row_of(uint32_t chunk) {
  return shl_chunk_row(heap, chunk);
}

static void take_run(struct shl_seat seat, uint32_t chunk, unsigned page, unsigned pages) {
  struct shl_run_place place = {.chunk = chunk, .page = page};
  EXPECT_OK(shl_chunk_back_units(seat, chunk, page / SHL_PAGES_PER_UNIT, 1));
  shl_run_take(seat.heap, place, pages, SHL_RUN_BLOCK);
}

static void a_claim_names_its_slot_in_word_and_journal(void) {
  EXPECT_EQ(SHL_CLAIM_TAKEN, shl_chunk_claim(here, first));
  struct shl_chunk_word word = shl_chunk_read(heap, first);
  EXPECT_EQ(SHL_CHUNK_MIXED, word.state);
  EXPECT_EQ(shl_seat_id(here), word.slot);
  struct shl_journal entry = shl_journal_decode(stand_journal(here));
  EXPECT_EQ(SHL_J_CHUNK, entry.op);
  EXPECT_EQ(first, entry.a);
  end_claim(here, first);
}

static void who_comes_second_is_told_and_waits_for_nobody(void) {
  EXPECT_EQ(SHL_CLAIM_TAKEN, shl_chunk_claim(here, first));
  EXPECT_EQ(SHL_CLAIM_BUSY, shl_chunk_claim(other, first));
  EXPECT_EQ(0, stand_journal(other));
  take_run(here, first, 0, 3);
  end_claim(here, first);
  EXPECT_EQ(SHL_CLAIM_TAKEN, shl_chunk_claim(other, first));
  end_claim(other, first);
}

static void a_huge_runs_chunks_are_others(void) {
  shoal_off off = shoal_alloc(heap, 3 << 20, 0);
  uint32_t head = (uint32_t)(off >> SHL_CHUNK_SHIFT);
  EXPECT_EQ(SHL_CLAIM_OTHER, shl_chunk_claim(here, head));
  EXPECT_EQ(SHL_CLAIM_OTHER, shl_chunk_claim(here, head + 1));
  EXPECT_EQ(0, stand_journal(here));
}

static void a_chunk_without_runs_becomes_free(void) {
  EXPECT_EQ(SHL_CLAIM_TAKEN, shl_chunk_claim(here, first));
  end_claim(here, first);
  EXPECT_EQ(SHL_CHUNK_FREE, shl_chunk_read(heap, first).state);
  EXPECT_EQ(SHL_ROOM_FREE, shl_load_relaxed_u16(shl_room(heap, first)));
  EXPECT_EQ(SHL_CLAIM_TAKEN, shl_chunk_claim(here, first));
  take_run(here, first, 0, 10);
  end_claim(here, first);
  struct shl_chunk_word word = shl_chunk_read(heap, first);
  EXPECT_EQ(SHL_CHUNK_MIXED, word.state);
  EXPECT_EQ(0, word.slot);
  EXPECT_EQ(SHL_PAGES_PER_CHUNK - 10, shl_load_relaxed_u16(shl_room(heap, first)));
}

static void what_was_freed_meanwhile_is_collected_first(void) {
  EXPECT_EQ(SHL_CLAIM_TAKEN, shl_chunk_claim(here, first));
  take_run(here, first, 0, 10);
  take_run(here, first, 10, 5);
  end_claim(here, first);
  (void)shl_or_seq_cst_u64(&row_of(first)->remote_pages[0], 1);
  EXPECT_EQ(SHL_CLAIM_TAKEN, shl_chunk_claim(other, first));
  EXPECT_EQ(0, shl_run_word(heap, first, 0));
  EXPECT_EQ(0, shl_load_relaxed_u64(&row_of(first)->remote_pages[0]));
  EXPECT_NE(0, shl_run_word(heap, first, 10));
  end_claim(other, first);
}

// A run is freed while the chunk is claimed: the freer cannot collect, who lets go does.
static void who_lets_go_settles_what_came_meanwhile(void) {
  EXPECT_EQ(SHL_CLAIM_TAKEN, shl_chunk_claim(here, first));
  take_run(here, first, 0, 10);
  take_run(here, first, 10, 5);
  EXPECT(shl_run_free(heap, first, 0));
  shl_run_settle(other, first);
  EXPECT_NE(0, shl_run_word(heap, first, 0));
  shl_run_end_claim(here, first);
  EXPECT_EQ(0, shl_run_word(heap, first, 0));
  EXPECT(!shl_run_pending(heap, first));
  EXPECT_EQ(0, shl_chunk_read(heap, first).slot);
}

static void the_mark_rises_one_by_one_to_the_end(void) {
  uint32_t high = shl_chunk_high_water(heap);
  EXPECT_EQ(first + 1, high);
  EXPECT_OK(shl_chunk_raise(heap, high));
  EXPECT_OK(shl_chunk_raise(heap, high));
  EXPECT_EQ(high + 1, shl_chunk_high_water(heap));
  while (shl_chunk_high_water(heap) < heap->chunk_end) {
    EXPECT_OK(shl_chunk_raise(heap, shl_chunk_high_water(heap)));
  }
  EXPECT_STATUS(SHOAL_E_FULL, shl_chunk_raise(heap, heap->chunk_end));
  EXPECT_EQ(SHL_ROOM_FREE, shl_load_relaxed_u16(shl_room(heap, heap->chunk_end - 1)));
}

// 64 KiB, then as much again as there is: few system calls, and not much more than is used.
static void units_are_backed_ahead_by_as_many_as_are_backed(void) {
  const unsigned counts[] = {1, 3, 7, 15, 31, 32};
  const uint32_t chunk = first;
  EXPECT_EQ(SHL_CLAIM_TAKEN, shl_chunk_claim(here, first));
  for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++) {
    unsigned backed = shl_count_bits(shl_load_relaxed_u32(&row_of(first)->committed));
    EXPECT_OK(shl_chunk_back_units(here, chunk, backed, 1));
    EXPECT_EQ(counts[i], shl_count_bits(shl_load_relaxed_u32(&row_of(first)->committed)));
  }
  uint64_t zero = 0;
  for (unsigned w = 0; w < 8; w++) {
    zero += shl_count_bits(shl_load_relaxed_u64(&shl_run_page(heap, first)->zero[w]));
  }
  EXPECT_EQ(SHL_PAGES_PER_CHUNK, zero);
  end_claim(here, first);
}

static void the_limit_counts_what_is_backed(void) {
  shoal_heap *limited = stand_open(3 * SHL_UNIT_BYTES);
  struct shl_seat seat = stand_here(limited);
  uint32_t chunk = limited->first_chunk;
  EXPECT_OK(shl_chunk_raise(limited, chunk));
  EXPECT_EQ(SHL_CLAIM_TAKEN, shl_chunk_claim(seat, chunk));
  EXPECT_OK(shl_chunk_back_units(seat, chunk, 0, 2));
  EXPECT_STATUS(SHOAL_E_FULL, shl_chunk_back_units(seat, chunk, 2, 2));
  EXPECT_EQ(3, shl_load_relaxed_u32(&shl_chunk_row(limited, chunk)->committed));
  EXPECT_OK(shl_chunk_back_units(seat, chunk, 2, 1));
  EXPECT_EQ(3 * SHL_UNIT_BYTES, shl_load_relaxed_u64(&limited->words->committed_bytes));
  end_claim(seat, chunk);
  stand_close(limited);
}

SUITE(chunk, SET_UP(open_heap), TEAR_DOWN(seats_close),
      TEST(a_claim_names_its_slot_in_word_and_journal),
      TEST(who_comes_second_is_told_and_waits_for_nobody), TEST(a_huge_runs_chunks_are_others),
      TEST(a_chunk_without_runs_becomes_free), TEST(what_was_freed_meanwhile_is_collected_first),
      TEST(who_lets_go_settles_what_came_meanwhile), TEST(the_mark_rises_one_by_one_to_the_end),
      TEST(units_are_backed_ahead_by_as_many_as_are_backed), TEST(the_limit_counts_what_is_backed))
