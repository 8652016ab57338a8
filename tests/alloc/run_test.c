// SPDX-License-Identifier: MIT
// Goal: runs of pages are handed out once, to the page, and come back; whoever frees them.
// Method: single steps, words looked at; records and deaths written by hand.
#include "alloc/run.h"

#include <string.h>

#include "alloc/chunk.h"
#include "alloc/journal.h"
#include "tests/alloc/seats.h"
#include "tests/harness/harness.h"

static void open_heap(void) {
  seats_open(stand_open(0), STAND_STOPPED);
}

static void close_heap(void) {
  shl_store_release_u64(&other.slot->record.op, SHL_JA_NONE);
  seats_close();
}

struct run {
  uint64_t off;
  uint32_t chunk;
  unsigned page;
};

static struct run alloc(unsigned pages, unsigned align_pages, bool zeroed) {
  struct shl_run_request request = {.pages = pages, .align_pages = align_pages};
  struct run run = {.off = 0};
  EXPECT_OK(shl_run_alloc(here, request, zeroed, &run.off));
  run.chunk = (uint32_t)(run.off >> SHL_CHUNK_SHIFT);
  run.page = (unsigned)(run.off >> SHL_PAGE_SHIFT) % SHL_PAGES_PER_CHUNK;
  return run;
}

static uint32_t word_of(struct run run) {
  return shl_run_word(heap, run.chunk, run.page);
}

static bool free_run(struct shl_seat seat, struct run run) {
  bool freed = shl_run_free(seat.heap, run.chunk, run.page);
  if (freed) shl_run_settle(seat, run.chunk);
  return freed;
}

static void a_run_is_one_word(void) {
  struct run first = alloc(9, 1, false), second = alloc(1, 1, false);
  EXPECT_EQ(shl_run_encode(9, SHL_RUN_BLOCK), word_of(first));
  EXPECT_EQ(shl_run_encode(1, SHL_RUN_BLOCK), word_of(second));
  EXPECT_EQ(first.page + 9, second.page);
  for (unsigned i = 1; i < 9; i++) EXPECT_EQ(0, shl_run_word(heap, first.chunk, first.page + i));
  EXPECT_EQ(0, stand_journal(here));
}

static void freed_pages_are_used_again_and_merge(void) {
  struct run first = alloc(9, 1, false), second = alloc(9, 1, false), third = alloc(9, 1, false);
  EXPECT(free_run(here, first));
  EXPECT(free_run(here, second));
  EXPECT_EQ(0, word_of(first) | word_of(second));
  struct run both = alloc(18, 1, false);
  EXPECT_EQ(first.page, both.page);
  EXPECT(free_run(here, both));
  EXPECT(free_run(here, third));
  EXPECT_EQ(SHL_CHUNK_FREE, shl_chunk_read(heap, first.chunk).state);
}

static void alignment_is_kept(void) {
  (void)alloc(3, 1, false);
  for (unsigned align = 1; align <= 256; align *= 2) {
    EXPECT_EQ(0, alloc(5, align, false).page % align);
  }
}

// Freed by who has no slot a run waits; the next claim of its chunk finds it.
static void a_run_freed_by_nobody_waits_for_the_next_claim(void) {
  struct shl_seat nobody = {.heap = heap};
  struct run first = alloc(9, 1, false), second = alloc(3, 1, false);
  EXPECT(free_run(nobody, first));
  EXPECT_NE(0, word_of(first));
  EXPECT(shl_run_is_pending(heap, first.chunk, first.page));
  EXPECT(!shl_run_is_pending(heap, second.chunk, second.page));
  EXPECT(shl_run_pending(heap, first.chunk));
  EXPECT_EQ(first.page, alloc(9, 1, false).page);
}

static void a_second_free_is_noticed_while_the_first_waits(void) {
  struct shl_seat nobody = {.heap = heap};
  struct run run = alloc(9, 1, false);
  EXPECT(free_run(nobody, run));
  EXPECT(!free_run(here, run));
  EXPECT(!free_run(nobody, run));
}

// While a record names the run its bit stays, so that "no bit" means "not freed".
static void a_run_that_a_record_names_stays_pending(void) {
  struct run run = alloc(9, 1, false);
  shl_store_release_u8(&shl_chunk_row(heap, run.chunk)->journalled, 1);
  shl_store_release_u64(&other.slot->record.block, run.off);
  shl_store_release_u64(&other.slot->record.op, SHL_JA_FREE_FROM);
  EXPECT(free_run(here, run));
  EXPECT_NE(0, word_of(run));
  EXPECT(shl_run_is_pending(heap, run.chunk, run.page));
  EXPECT(!shl_run_pending(heap, run.chunk));
  EXPECT_NE(run.page, alloc(9, 1, false).page);
  shl_store_release_u64(&other.slot->record.op, SHL_JA_NONE);
  EXPECT_EQ(run.page, alloc(9, 1, false).page);
}

static void a_run_grows_where_the_pages_behind_are_free(void) {
  struct run run = alloc(9, 1, false);
  EXPECT(shl_run_resize(here, run.chunk, run.page, 30));
  EXPECT_EQ(shl_run_encode(30, SHL_RUN_BLOCK), word_of(run));
  struct run next = alloc(1, 1, false);
  EXPECT_EQ(run.page + 30, next.page);
  EXPECT(!shl_run_resize(here, run.chunk, run.page, 31));
  EXPECT_EQ(shl_run_encode(30, SHL_RUN_BLOCK), word_of(run));
  EXPECT(!shl_run_resize(here, next.chunk, next.page, SHL_PAGES_PER_CHUNK));
}

static void a_tagged_run_stays_one(void) {
  struct run run = alloc(9, 1, false);
  shl_a32 *word = &shl_run_page(heap, run.chunk)->pages[run.page];
  shl_store_release_u32(word, shl_run_encode(9, SHL_RUN_TAGGED));
  EXPECT(shl_run_resize(here, run.chunk, run.page, 30));
  EXPECT_EQ(shl_run_encode(30, SHL_RUN_TAGGED), word_of(run));
  EXPECT(shl_run_resize(here, run.chunk, run.page, 5));
  EXPECT_EQ(shl_run_encode(5, SHL_RUN_TAGGED), word_of(run));
  EXPECT(free_run(here, run));
}

// As a process gone wild may leave it: nobody frees a slab so.
static void a_pending_bit_at_a_slab_frees_none(void) {
  uint32_t unit = stand_slab(here, 4);
  struct run run = {.chunk = shl_unit_chunk(unit),
                    .page = unit % SHL_UNITS_PER_CHUNK * SHL_PAGES_PER_UNIT};
  EXPECT(free_run(here, run));
  EXPECT_EQ(shl_run_encode(SHL_PAGES_PER_UNIT, SHL_RUN_SLAB), word_of(run));
  EXPECT(!shl_run_is_pending(heap, run.chunk, run.page));
}

static void a_shrunk_run_leaves_its_tail(void) {
  struct run run = alloc(30, 1, false);
  EXPECT(shl_run_resize(here, run.chunk, run.page, 30));
  EXPECT(shl_run_resize(here, run.chunk, run.page, 9));
  EXPECT_EQ(shl_run_encode(9, SHL_RUN_BLOCK), word_of(run));
  EXPECT_EQ(run.page + 9, alloc(21, 1, false).page);
}

static void a_claimed_chunk_resizes_no_run(void) {
  struct run run = alloc(9, 1, false);
  EXPECT_EQ(SHL_CLAIM_TAKEN, shl_chunk_claim(other, run.chunk));
  EXPECT(!shl_run_resize(here, run.chunk, run.page, 10));
  EXPECT(!shl_run_resize(here, run.chunk, run.page, 8));
  EXPECT_EQ(shl_run_encode(9, SHL_RUN_BLOCK), word_of(run));
  shl_run_end_claim(other, run.chunk);
}

static void where_no_run_starts_none_is_resized(void) {
  struct run run = alloc(9, 1, false);
  EXPECT(!shl_run_resize(here, run.chunk, run.page + 1, 3));
  EXPECT(!shl_run_resize(here, run.chunk, run.page + 100, 3));
}

static void expect_zero(struct run run, unsigned pages) {
  const char *bytes = shoal_ptr(heap, run.off);
  for (size_t i = 0; i < (size_t)pages * SHL_PAGE_BYTES; i++) {
    if (bytes[i] != 0) {
      FAIL("byte %zu is 0x%x", i, bytes[i]);
      return;
    }
  }
}

static void used_pages_are_cleared_on_demand_and_new_ones_are_zero(void) {
  struct run run = alloc(9, 1, true);
  expect_zero(run, 9);
  memset(shoal_ptr(heap, run.off), 0x5a, 9 * SHL_PAGE_BYTES);
  (void)alloc(1, 1, false);
  EXPECT(free_run(here, run));
  struct run dirty = alloc(9, 1, false);
  EXPECT_EQ(run.page, dirty.page);
  EXPECT_EQ(0x5a, ((char *)shoal_ptr(heap, dirty.off))[1]);
  EXPECT(free_run(here, dirty));
  struct run clean = alloc(9, 1, true);
  EXPECT_EQ(run.page, clean.page);
  expect_zero(clean, 9);
}

static void the_bitmap_is_recomputed_from_the_words(void) {
  struct run run = alloc(70, 1, false);
  shl_a64 *used = shl_run_page(heap, run.chunk)->used;
  uint64_t before[8];
  for (unsigned w = 0; w < 8; w++) before[w] = shl_load_relaxed_u64(&used[w]);
  EXPECT_EQ(SHL_CLAIM_TAKEN, shl_chunk_claim(here, run.chunk));
  for (unsigned w = 0; w < 8; w++) shl_store_relaxed_u64(&used[w], UINT64_C(0x1234567) << w);
  shl_run_rebuild(heap, run.chunk);
  for (unsigned w = 0; w < 8; w++) EXPECT_EQ(before[w], shl_load_relaxed_u64(&used[w]));
  EXPECT_EQ(SHL_PAGES_PER_CHUNK - 70, shl_run_room(heap, run.chunk));
  shl_run_end_claim(here, run.chunk);
}

static void a_word_without_its_page_reads_as_none(void) {
  struct run run = alloc(9, 1, false);
  shl_a16 *meta = &shl_chunk_row(heap, run.chunk)->meta;
  uint16_t before = shl_load_relaxed_u16(meta);
  shl_store_relaxed_u16(meta, 0);
  EXPECT_EQ(0, word_of(run));
  shl_store_relaxed_u16(meta, before);
  EXPECT_NE(0, word_of(run));
}

// A run that nobody has been given yet is taken back, one that was is kept.
static void recovery_takes_back_what_nobody_was_given(void) {
  struct run run = alloc(9, 1, false);
  EXPECT_EQ(SHL_CLAIM_TAKEN, shl_chunk_claim(other, run.chunk));
  struct shl_run_place place = {.chunk = run.chunk, .page = 100};
  shl_journal_set(other.slot, SHL_J_RUN, place.chunk, place.page);
  shl_run_take(heap, place, 7, SHL_RUN_BLOCK);
  stand_die(other);
  EXPECT_EQ(0, shl_run_word(heap, run.chunk, 100));
  EXPECT_NE(0, word_of(run));
  EXPECT_EQ(0, shl_chunk_read(heap, run.chunk).slot);
}

SUITE(run, SET_UP(open_heap), TEAR_DOWN(close_heap), TEST(a_run_is_one_word),
      TEST(freed_pages_are_used_again_and_merge), TEST(alignment_is_kept),
      TEST(a_run_freed_by_nobody_waits_for_the_next_claim),
      TEST(a_second_free_is_noticed_while_the_first_waits),
      TEST(a_run_that_a_record_names_stays_pending),
      TEST(a_run_grows_where_the_pages_behind_are_free), TEST(a_tagged_run_stays_one),
      TEST(a_pending_bit_at_a_slab_frees_none), TEST(a_shrunk_run_leaves_its_tail),
      TEST(a_claimed_chunk_resizes_no_run), TEST(where_no_run_starts_none_is_resized),
      TEST(used_pages_are_cleared_on_demand_and_new_ones_are_zero),
      TEST(the_bitmap_is_recomputed_from_the_words), TEST(a_word_without_its_page_reads_as_none),
      TEST(recovery_takes_back_what_nobody_was_given))
