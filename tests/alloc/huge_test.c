// SPDX-License-Identifier: MIT
// Goal: runs of whole chunks are claimed by one, freed once, and grow and shrink where they stand.
// Method: a heap of few chunks; conflicts and deaths by hand.
#include "alloc/huge.h"

#include <string.h>

#include "alloc/census.h"
#include "alloc/chunk.h"
#include "alloc/journal.h"
#include "alloc/run.h"
#include "tests/alloc/seats.h"
#include "tests/harness/harness.h"

static uint32_t first;

static const uint64_t mib = UINT64_C(1) << 20;

static void open_heap(void) {
  seats_open(stand_open_small(), STAND_STOPPED);
  first = heap->first_chunk;
}

static shoal_status take(struct shl_seat seat, uint64_t bytes, unsigned flags, uint64_t *out) {
  struct shl_wish wish = {.bytes = bytes, .alignment = 16, .flags = flags};
  return shl_huge_alloc(seat, &wish, out);
}

static uint32_t alloc(uint64_t bytes) {
  uint64_t off = 0;
  EXPECT_OK(take(here, bytes, 0, &off));
  EXPECT_EQ(0, off % SHL_CHUNK_BYTES);
  return (uint32_t)(off >> SHL_CHUNK_SHIFT);
}

static void expect_word(uint32_t chunk, unsigned state, uint32_t x) {
  struct shl_chunk_word word = shl_chunk_read(heap, chunk);
  EXPECT_EQ(state, word.state);
  EXPECT_EQ(x, word.x);
}

static uint32_t committed(uint32_t chunk) {
  return shl_load_relaxed_u32(&shl_chunk_row(heap, chunk)->committed);
}

static void a_run_names_its_head(void) {
  uint32_t head = alloc(5 * mib);
  expect_word(head, SHL_CHUNK_HEAD, 3);
  expect_word(head + 1, SHL_CHUNK_CONT, head);
  expect_word(head + 2, SHL_CHUNK_CONT, head);
  EXPECT_EQ(shl_seat_id(here), shl_chunk_read(heap, head).slot);
  EXPECT(shl_huge_free(here, head));
  for (uint32_t i = 0; i < 3; i++) expect_word(head + i, SHL_CHUNK_FREE, 0);
  EXPECT_EQ(0, stand_journal(here));
}

static void the_tail_is_backed_to_the_unit(void) {
  uint32_t head = alloc(2 * mib + 100000);
  EXPECT_EQ(UINT32_MAX, committed(head));
  EXPECT_EQ(3, committed(head + 1));
  EXPECT_EQ(2 * mib + 2 * SHL_UNIT_BYTES, shl_huge_bytes(heap, head));
  EXPECT_EQ(0, shl_huge_bytes(heap, head + 1));
  EXPECT_EQ(SHL_UNIT_BYTES, shl_huge_bytes(heap, alloc(1)));
}

static void a_second_free_is_noticed(void) {
  uint32_t head = alloc(3 * mib);
  EXPECT(!shl_huge_free(here, head + 1));
  EXPECT(shl_huge_free(other, head));
  EXPECT(!shl_huge_free(here, head));
  EXPECT_EQ(0, stand_journal(here) | stand_journal(other));
}

static void gaps_are_used_before_new_chunks(void) {
  uint32_t low = alloc(4 * mib), high = alloc(mib);
  EXPECT_EQ(low + 2, high);
  EXPECT(shl_huge_free(here, low));
  EXPECT_EQ(low, alloc(2 * mib));
  EXPECT_EQ(low + 1, alloc(2 * mib));
  EXPECT_EQ(high + 1, alloc(2 * mib));
}

static void full_is_said_when_no_chunks_in_a_row_are_left(void) {
  uint64_t off;
  uint32_t heads[5];
  for (unsigned i = 0; i < 5; i++) heads[i] = alloc(2 * mib);
  EXPECT(shl_huge_free(here, heads[1]));
  EXPECT(shl_huge_free(here, heads[3]));
  EXPECT_STATUS(SHOAL_E_FULL, take(here, 3 * mib, 0, &off));
  EXPECT_STATUS(SHOAL_E_FULL, take(here, 100 * mib, 0, &off));
  EXPECT_OK(take(here, 2 * mib, 0, &off));
}

// Part of the only place is being claimed or freed by one who does not move.
static void chunks_in_passing_are_busy_not_full(void) {
  uint64_t off;
  const unsigned states[] = {SHL_CHUNK_CLAIM, SHL_CHUNK_FREEING, SHL_CHUNK_TRIM, SHL_CHUNK_MIXED};
  uint32_t head = alloc(10 * mib);
  EXPECT(shl_huge_free(here, head));
  shl_a64 *word = &shl_chunk_row(heap, head + 2)->word;
  for (unsigned i = 0; i < 4; i++) {
    shl_store_seq_cst_u64(word, shl_chunk_encode(states[i], shl_seat_id(other), 0));
    EXPECT_STATUS(SHOAL_E_BUSY, take(here, 8 * mib, 0, &off));
    EXPECT_OK(take(here, 4 * mib, 0, &off));
    EXPECT(shl_huge_free(here, (uint32_t)(off >> SHL_CHUNK_SHIFT)));
    shl_store_seq_cst_u64(word, shl_chunk_encode(SHL_CHUNK_FREE, 0, 0));
  }
  EXPECT_OK(take(here, 8 * mib, 0, &off));
}

static void a_run_grows_over_free_chunks_behind(void) {
  uint32_t head = alloc(3 * mib);
  memset(shoal_ptr(heap, shl_chunk_offset(head)), 0x5a, 3 * mib);
  EXPECT(shl_huge_resize(here, head, 7 * mib));
  expect_word(head, SHL_CHUNK_HEAD, 4);
  expect_word(head + 3, SHL_CHUNK_CONT, head);
  EXPECT_EQ(7 * mib, shl_huge_bytes(heap, head));
  EXPECT_EQ(0x5a, ((char *)shoal_ptr(heap, shl_chunk_offset(head)))[3 * mib - 1]);
  ((char *)shoal_ptr(heap, shl_chunk_offset(head)))[7 * mib - 1] = 1;
  EXPECT(!shl_huge_resize(here, head, 100 * mib));
  (void)alloc(mib);
  EXPECT(!shl_huge_resize(here, head, 9 * mib));
  expect_word(head, SHL_CHUNK_HEAD, 4);
  EXPECT_EQ(0, stand_journal(here));
}

static void a_run_is_as_long_as_asked_whatever_is_backed(void) {
  uint32_t head = alloc(4 * mib);
  EXPECT(shl_huge_free(here, head));
  EXPECT_EQ(head, alloc(3 * mib));
  EXPECT_EQ(UINT32_MAX, committed(head + 1));
  EXPECT_EQ(3 * mib, shl_huge_bytes(heap, head));
  EXPECT(shl_huge_resize(here, head, 3 * mib - SHL_UNIT_BYTES));
  EXPECT_EQ(3 * mib - SHL_UNIT_BYTES, shl_huge_bytes(heap, head));
  EXPECT(shl_huge_resize(here, head, 4 * mib));
  EXPECT_EQ(4 * mib, shl_huge_bytes(heap, head));
}

static void a_run_shrinks_from_its_end(void) {
  uint32_t head = alloc(9 * mib);
  EXPECT(shl_huge_resize(here, head, 3 * mib));
  expect_word(head, SHL_CHUNK_HEAD, 2);
  for (uint32_t i = 2; i < 5; i++) expect_word(head + i, SHL_CHUNK_FREE, 0);
  EXPECT_EQ(3 * mib, shl_huge_bytes(heap, head));
  EXPECT(shl_huge_resize(here, head, 4 * mib));
  EXPECT_EQ(4 * mib, shl_huge_bytes(heap, head));
  EXPECT(!shl_huge_resize(here, head + 1, mib));
}

static void zeroed_means_zero_whatever_was_there(void) {
  uint32_t head = alloc(5 * mib);
  memset(shoal_ptr(heap, shl_chunk_offset(head)), 0x5a, 5 * mib);
  EXPECT(shl_huge_free(here, head));
  uint64_t off = 0;
  EXPECT_OK(take(here, 6 * mib, SHOAL_ZERO, &off));
  const char *bytes = shoal_ptr(heap, off);
  uint64_t dirty = 0;
  for (uint64_t i = 0; i < 6 * mib; i++) dirty += bytes[i] != 0 ? 1 : 0;
  EXPECT_EQ(0, dirty);
}

static void without_growth_backed_chunks_alone_are_taken(void) {
  uint64_t off;
  EXPECT_STATUS(SHOAL_E_FULL, take(here, 2 * mib, SHOAL_NO_GROW, &off));
  EXPECT_EQ(first, shl_chunk_high_water(heap));
  uint32_t head = alloc(4 * mib);
  EXPECT(shl_huge_free(here, head));
  EXPECT_OK(take(here, 4 * mib, SHOAL_NO_GROW, &off));
  EXPECT(shl_huge_free(here, head));
  EXPECT(shl_chunk_trim(here, head));
  EXPECT_STATUS(SHOAL_E_FULL, take(here, 4 * mib, SHOAL_NO_GROW, &off));
  EXPECT_OK(take(here, 2 * mib, SHOAL_NO_GROW, &off));
  EXPECT_EQ(head + 1, off >> SHL_CHUNK_SHIFT);
}

static void the_limit_refuses_and_leaves_nothing(void) {
  shoal_heap *limited = stand_open(3 * mib);
  struct shl_seat seat = stand_here(limited);
  uint64_t off;
  EXPECT_STATUS(SHOAL_E_FULL, take(seat, 4 * mib, 0, &off));
  EXPECT_EQ(0, stand_stats(limited).committed);
  EXPECT_EQ(0, shl_load_relaxed_u64(&limited->words->committed_bytes));
  EXPECT_OK(take(seat, 3 * mib, 0, &off));
  EXPECT(!shl_huge_resize(seat, (uint32_t)(off >> SHL_CHUNK_SHIFT), 5 * mib));
  stand_close(limited);
}

// A free whose owner is stopped between its phases, while the chunks are used again: whatever
// it left, recovery frees no run but its own.
static void recovery_of_an_old_free_spares_the_next_run(void) {
  uint32_t head = alloc(5 * mib);
  EXPECT(shl_huge_free(here, head));
  EXPECT_EQ(head, alloc(5 * mib));
  shl_journal_set(other.slot, SHL_J_HFREE2, head, 3);
  stand_die(other);
  expect_word(head, SHL_CHUNK_HEAD, 3);
  EXPECT_EQ(1, stand_live(heap));
}

static void set_word(uint32_t chunk, unsigned state, uint32_t slot, uint32_t x) {
  shl_store_seq_cst_u64(&shl_chunk_row(heap, chunk)->word, shl_chunk_encode(state, slot, x));
}

// Killed while it resized: the block is all there for whoever has it, and whole once recovered.
static void a_part_that_the_dead_was_resizing_is_the_blocks(void) {
  uint32_t head = alloc(5 * mib);
  shoal_off inside = shl_chunk_offset(head + 1) + 8;
  shoal_pin_id pin;
  shoal_block block;
  shl_journal_set(other.slot, SHL_J_HGROW, head, 3);
  set_word(head + 1, SHL_CHUNK_CLAIM, shl_seat_id(other), head);
  EXPECT(shl_block_find(heap, inside, &block));
  EXPECT_EQ(shl_chunk_offset(head), block.off);
  EXPECT_OK(shoal_pin(heap, inside, 8, &pin));
  EXPECT_OK(shoal_unpin(heap, pin));
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  stand_die(other);
  expect_word(head + 1, SHL_CHUNK_CONT, head);
}

// Killed while it claimed: what another claimed behind it is not its own.
static void recovery_of_a_claim_spares_what_another_claimed(void) {
  uint32_t head = alloc(6 * mib), next = head + 1;
  set_word(next, SHL_CHUNK_HEAD, shl_seat_id(here), 2);
  set_word(next + 1, SHL_CHUNK_CONT, 0, next);
  set_word(head, SHL_CHUNK_CLAIM, shl_seat_id(other), 0);
  shl_journal_set(other.slot, SHL_J_HUGE, head, 3);
  stand_die(other);
  expect_word(head, SHL_CHUNK_FREE, 0);
  expect_word(next, SHL_CHUNK_HEAD, 2);
  expect_word(next + 1, SHL_CHUNK_CONT, next);
}

static void recovery_spares_what_another_is_about(void) {
  struct shl_seat victim = stand_other(heap, STAND_STOPPED);
  const struct {
    unsigned op;
    unsigned state;
  } cases[] = {{SHL_J_HUGE, SHL_CHUNK_CLAIM},     {SHL_J_HFREE1, SHL_CHUNK_FREEING},
               {SHL_J_HFREE2, SHL_CHUNK_FREEING}, {SHL_J_TRIM, SHL_CHUNK_TRIM},
               {SHL_J_CHUNK, SHL_CHUNK_MIXED},    {SHL_J_RUN, SHL_CHUNK_MIXED}};
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    uint32_t head = alloc(2 * mib);
    set_word(head, cases[i].state, shl_seat_id(other), 0);
    shl_journal_set(victim.slot, cases[i].op, head, 1);
    stand_die(victim);
    EXPECT_EQ(cases[i].state, shl_chunk_read(heap, head).state);
    EXPECT_EQ(shl_seat_id(other), shl_chunk_read(heap, head).slot);
    set_word(head, SHL_CHUNK_HEAD, shl_seat_id(here), 1);
    EXPECT(shl_huge_free(here, head));
  }
}

// Killed between the commit and J = 0: nobody was given the block.
static void recovery_takes_back_what_nobody_was_given(void) {
  uint32_t head = alloc(5 * mib);
  set_word(head, SHL_CHUNK_HEAD, shl_seat_id(other), 3);
  shl_journal_set(other.slot, SHL_J_HUGE, head, 3);
  stand_die(other);
  for (uint32_t i = 0; i < 3; i++) expect_word(head + i, SHL_CHUNK_FREE, 0);
}

static void spoilt_lengths_are_no_blocks(void) {
  uint32_t head = alloc(5 * mib);
  const uint32_t lengths[] = {0, heap->chunk_end - head + 1, 1000000};
  for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    set_word(head, SHL_CHUNK_HEAD, shl_seat_id(here), lengths[i]);
    EXPECT(!shl_huge_free(here, head));
    EXPECT(!shl_huge_resize(here, head, 3 * mib));
    EXPECT_EQ(0, shl_huge_bytes(heap, head));
  }
  set_word(head, SHL_CHUNK_HEAD, shl_seat_id(here), 3);
  EXPECT(shl_huge_free(here, head));
}

static void what_cannot_grow_raises_no_mark(void) {
  uint32_t head = alloc(2 * mib), high = shl_chunk_high_water(heap);
  EXPECT(!shl_huge_resize(here, head, heap->view.capacity));
  EXPECT_EQ(high, shl_chunk_high_water(heap));
}

// A run's zero bits say "untouched": a huge block has touched its chunks all over.
static void no_run_takes_a_huge_blocks_bytes_for_zero(void) {
  struct shl_run_request request = {.pages = 1, .align_pages = 1};
  uint64_t off = 0;
  EXPECT_OK(shl_run_alloc(here, request, false, &off));
  EXPECT(stand_free_run(here, off));
  EXPECT_EQ(first, alloc(2 * mib));
  memset(shoal_ptr(heap, shl_chunk_offset(first)), 0x5a, 2 * mib);
  EXPECT(shl_huge_free(here, first));
  request.pages = 256;
  EXPECT_OK(shl_run_alloc(here, request, true, &off));
  EXPECT_EQ(shl_chunk_offset(first), off);
  const char *start = shoal_ptr(heap, off);
  uint64_t dirty = 0;
  for (uint64_t b = 0; b < mib; b++) dirty += start[b] != 0 ? 1 : 0;
  EXPECT_EQ(0, dirty);
}

// Killed after the commit of a free: the rest is done for it, the head last.
static void recovery_finishes_a_free(void) {
  for (unsigned left = 0; left <= 2; left++) {
    uint32_t head = alloc(5 * mib);
    struct shl_seat victim = stand_other(heap, STAND_STOPPED);
    shl_journal_set(victim.slot, SHL_J_HFREE2, head, 3);
    shl_store_seq_cst_u64(&shl_chunk_row(heap, head)->word,
                          shl_chunk_encode(SHL_CHUNK_FREEING, shl_seat_id(victim), 0));
    for (uint32_t i = 2; i > left; i--) {
      shl_store_seq_cst_u64(&shl_chunk_row(heap, head + i)->word,
                            shl_chunk_encode(SHL_CHUNK_FREE, 0, 0));
    }
    stand_die(victim);
    for (uint32_t i = 0; i < 3; i++) expect_word(head + i, SHL_CHUNK_FREE, 0);
  }
}

SUITE(huge, SET_UP(open_heap), TEAR_DOWN(seats_close), TEST(a_run_names_its_head),
      TEST(the_tail_is_backed_to_the_unit), TEST(a_second_free_is_noticed),
      TEST(gaps_are_used_before_new_chunks), TEST(full_is_said_when_no_chunks_in_a_row_are_left),
      TEST(chunks_in_passing_are_busy_not_full), TEST(a_run_grows_over_free_chunks_behind),
      TEST(a_run_is_as_long_as_asked_whatever_is_backed),
      TEST(a_part_that_the_dead_was_resizing_is_the_blocks), TEST(a_run_shrinks_from_its_end),
      TEST(zeroed_means_zero_whatever_was_there),
      TEST(without_growth_backed_chunks_alone_are_taken),
      TEST(the_limit_refuses_and_leaves_nothing), TEST(spoilt_lengths_are_no_blocks),
      TEST(what_cannot_grow_raises_no_mark), TEST(no_run_takes_a_huge_blocks_bytes_for_zero),
      TEST(recovery_of_an_old_free_spares_the_next_run),
      TEST(recovery_of_a_claim_spares_what_another_claimed),
      TEST(recovery_spares_what_another_is_about), TEST(recovery_takes_back_what_nobody_was_given),
      TEST(recovery_finishes_a_free))
