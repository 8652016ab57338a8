// SPDX-License-Identifier: MIT
// Goal: an offset is a block's start or it is told what else it is. Method: one block of each kind,
// and every sort of offset beside it.
#include "alloc/block.h"

#include "alloc/run.h"
#include "alloc/seat.h"
#include "tests/alloc/stand.h"
#include "tests/harness/harness.h"

static shoal_heap *heap;
static shoal_off small;
static shoal_off wide;
static shoal_off run;
static shoal_off huge;

static void open_heap(void) {
  heap = stand_open(0);
  small = shoal_alloc(heap, 48, 0);
  wide = shoal_alloc(heap, 20000, 0);
  run = shoal_alloc(heap, 40000, 0);
  huge = shoal_alloc(heap, 3 << 20, 0);
}

static void close_heap(void) {
  stand_close(heap);
}

static void expect_wrong(shoal_misuse expected, shoal_off off) {
  struct shl_place place;
  unsigned wrong = shl_block_at(heap, off, &place);
  if (wrong != (unsigned)expected) {
    FAIL("0x%llx: %u, expected %d", (unsigned long long)off, wrong, (int)expected);
  }
}

static void each_kind_of_block_is_found(void) {
  struct shl_place place;
  EXPECT_EQ(0, shl_block_at(heap, small, &place));
  EXPECT_EQ(SHL_BLOCK_SLAB, place.kind);
  EXPECT_EQ(48, place.bytes);
  EXPECT_EQ(0, shl_block_at(heap, wide + 20480, &place));
  EXPECT_EQ(SHL_BLOCK_SLAB, place.kind);
  EXPECT_EQ(20480, place.bytes);
  EXPECT_EQ(wide >> SHL_UNIT_SHIFT, place.unit);
  EXPECT_EQ(2, place.bit);
  EXPECT_EQ(0, shl_block_at(heap, run, &place));
  EXPECT_EQ(SHL_BLOCK_RUN, place.kind);
  EXPECT_EQ(40960, place.bytes);
  EXPECT_EQ(0, shl_block_at(heap, huge, &place));
  EXPECT_EQ(SHL_BLOCK_HUGE, place.kind);
  EXPECT_EQ(3 << 20, place.bytes);
}

static void every_block_of_a_slab_is_found_at_its_start_alone(void) {
  struct shl_place place;
  uint64_t start = shl_unit_offset((uint32_t)(wide >> SHL_UNIT_SHIFT));
  for (uint64_t byte = 0; byte < 5 * SHL_UNIT_BYTES; byte += 16) {
    unsigned wrong = shl_block_at(heap, start + byte, &place);
    bool starts = byte % 20480 == 0 && byte / 20480 < 16;
    EXPECT_EQ(starts ? 0 : SHOAL_MISUSE_INTERIOR, wrong);
    if (starts) EXPECT_EQ(UINT64_C(1) << byte / 20480, place.bit);
  }
}

static void what_is_no_block_is_told_apart(void) {
  uint32_t chunk = (uint32_t)(run >> SHL_CHUNK_SHIFT);
  expect_wrong(SHOAL_MISUSE_FOREIGN, heap->view.capacity);
  expect_wrong(SHOAL_MISUSE_FOREIGN, UINT64_MAX);
  expect_wrong(SHOAL_MISUSE_FOREIGN, UINT64_C(1) << 63);
  expect_wrong(SHOAL_MISUSE_METADATA, 16);
  expect_wrong(SHOAL_MISUSE_METADATA, shl_chunk_offset(heap->first_chunk) - 16);
  expect_wrong(SHOAL_MISUSE_UNALLOCATED, heap->view.capacity - 4096);
  expect_wrong(SHOAL_MISUSE_UNALLOCATED, shl_chunk_offset(chunk) + 511 * SHL_PAGE_BYTES);
  expect_wrong(SHOAL_MISUSE_INTERIOR, small + 16);
  expect_wrong(SHOAL_MISUSE_INTERIOR, small + 1);
  expect_wrong(SHOAL_MISUSE_INTERIOR, run + 16);
  expect_wrong(SHOAL_MISUSE_UNALLOCATED, run + SHL_PAGE_BYTES);
  expect_wrong(SHOAL_MISUSE_INTERIOR, huge + 16);
  expect_wrong(SHOAL_MISUSE_INTERIOR, huge + SHL_CHUNK_BYTES);
}

// The tail of a slab behind its last block: 1365 blocks of 48 bytes leave 16.
static void the_tail_of_a_slab_is_inside_of_it(void) {
  uint64_t start = shl_unit_offset((uint32_t)(small >> SHL_UNIT_SHIFT));
  expect_wrong(SHOAL_MISUSE_INTERIOR, start + UINT64_C(1365) * 48);
}

static void what_was_given_back_is_unallocated(void) {
  EXPECT_OK(shoal_free_offset(heap, run));
  EXPECT_OK(shoal_free_offset(heap, huge));
  EXPECT_OK(shoal_free_offset(heap, wide));
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  expect_wrong(SHOAL_MISUSE_UNALLOCATED, run);
  expect_wrong(SHOAL_MISUSE_UNALLOCATED, huge);
  expect_wrong(SHOAL_MISUSE_UNALLOCATED, wide);
}

static bool is_free(struct shl_seat seat, shoal_off off) {
  struct shl_place place;
  EXPECT_EQ(0, shl_block_at(heap, off, &place));
  return shl_block_is_free(seat, &place);
}

static void free_means_in_the_slab_in_the_hand_or_pending(void) {
  struct shl_seat here = shl_seat_here(heap), nobody = {.heap = heap};
  EXPECT(!is_free(here, small));
  EXPECT(is_free(here, small + 48));
  EXPECT(!is_free(nobody, small + 48));
  EXPECT(is_free(here, small + 200 * 48));
  EXPECT(is_free(nobody, small + 200 * 48));
  EXPECT_OK(stand_free_in_thread(heap, small));
  EXPECT(is_free(here, small));
  EXPECT(!is_free(here, huge));
  EXPECT(!is_free(here, run));
  struct shl_chunk_rec *row = shl_chunk_row(heap, (uint32_t)(run >> SHL_CHUNK_SHIFT));
  unsigned page = (unsigned)(run >> SHL_PAGE_SHIFT) % SHL_PAGES_PER_CHUNK;
  (void)shl_or_seq_cst_u64(&row->remote_pages[page / 64], UINT64_C(1) << page % 64);
  EXPECT(is_free(here, run));
}

static void a_tagged_run_is_a_run(void) {
  unsigned page = (unsigned)(run >> SHL_PAGE_SHIFT) % SHL_PAGES_PER_CHUNK;
  shl_a32 *word = &shl_run_page(heap, (uint32_t)(run >> SHL_CHUNK_SHIFT))->pages[page];
  uint32_t before = shl_load_relaxed_u32(word);
  struct shl_place place;
  shl_store_relaxed_u32(word, shl_run_encode(10, SHL_RUN_TAGGED));
  EXPECT_EQ(0, shl_block_at(heap, run, &place));
  EXPECT_EQ(SHL_BLOCK_RUN, place.kind);
  EXPECT(place.tagged);
  EXPECT_EQ(40960 - 8, place.bytes);
  shl_store_relaxed_u32(word, before);
}

// A further unit of a slab that would begin in front of the data.
static void a_slab_in_front_of_the_data_is_none(void) {
  uint32_t unit = heap->first_chunk * SHL_UNITS_PER_CHUNK + 1;
  shl_a64 *desc = shl_unit_desc(heap, unit);
  uint64_t before = shl_load_relaxed_u64(desc);
  shl_store_relaxed_u64(desc, shl_desc_make(1, 60, 2));
  expect_wrong(SHOAL_MISUSE_UNALLOCATED, (shoal_off)unit << SHL_UNIT_SHIFT);
  shl_store_relaxed_u64(desc, before);
}

// Descriptors that another process has spoilt lead to no address outside the tables.
static void spoilt_descriptors_are_survived(void) {
  uint32_t unit = (uint32_t)(small >> SHL_UNIT_SHIFT);
  shl_a64 *desc = shl_unit_desc(heap, unit);
  uint64_t before = shl_load_relaxed_u64(desc), random = 88172645463325252U;
  struct shl_place place;
  for (unsigned i = 0; i < 100000; i++) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    shl_store_relaxed_u64(desc, random);
    unsigned wrong = shl_block_at(heap, small + random % SHL_UNIT_BYTES, &place);
    if (wrong == 0 && place.kind == SHL_BLOCK_SLAB) EXPECT(shl_unit_known(heap, place.unit));
  }
  shl_store_relaxed_u64(desc, before);
}

SUITE(block, SET_UP(open_heap), TEAR_DOWN(close_heap), TEST(each_kind_of_block_is_found),
      TEST(every_block_of_a_slab_is_found_at_its_start_alone),
      TEST(what_is_no_block_is_told_apart), TEST(the_tail_of_a_slab_is_inside_of_it),
      TEST(what_was_given_back_is_unallocated),
      TEST(free_means_in_the_slab_in_the_hand_or_pending), TEST(a_tagged_run_is_a_run),
      TEST(a_slab_in_front_of_the_data_is_none), TEST(spoilt_descriptors_are_survived))
