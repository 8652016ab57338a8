// SPDX-License-Identifier: MIT
// Goal: a standing record is seen by whoever asks what it names, and nothing else is.
// Method: records written by hand in other slots, as a call with a caller's slot leaves them.
#include "alloc/record.h"

#include "alloc/class.h"
#include "alloc/run.h"
#include "tests/alloc/seats.h"
#include "tests/harness/harness.h"

static void open_heap(void) {
  seats_open(stand_open(0), STAND_STOPPED);
}

static void close_heap(void) {
  shl_store_release_u64(&other.slot->record.op, SHL_JA_NONE);
  seats_close();
}

static void stand_record(uint64_t op, uint64_t block, uint64_t second) {
  shl_store_release_u64(&other.slot->record.block, block);
  shl_store_release_u64(&other.slot->record.second, second);
  shl_store_release_u64(&other.slot->record.op, op);
}

static void a_record_names_its_block_and_its_second(void) {
  shoal_off old = stand_alloc(here, 64), fresh = stand_alloc(here, 64);
  struct stand_bit at = stand_bit_of(heap, old);
  uint64_t both = at.bit | stand_bit_of(heap, fresh).bit;
  EXPECT_EQ(0, shl_records_naming_blocks(heap, at.unit, at.word, UINT64_MAX));
  stand_record(SHL_JA_FREE_FROM, old, 0);
  EXPECT_EQ(at.bit, shl_records_naming_blocks(heap, at.unit, at.word, UINT64_MAX));
  stand_record(SHL_JA_REALLOC_TO, fresh, old);
  EXPECT_EQ(both, shl_records_naming_blocks(heap, at.unit, at.word, UINT64_MAX));
  EXPECT_EQ(at.bit, shl_records_naming_blocks(heap, at.unit, at.word, at.bit));
  EXPECT_EQ(0, shl_records_naming_blocks(heap, at.unit, at.word + 1, UINT64_MAX));
  stand_record(SHL_JA_NONE, old, fresh);
  EXPECT_EQ(0, shl_records_naming_blocks(heap, at.unit, at.word, UINT64_MAX));
}

static void what_lies_beside_a_block_is_not_named(void) {
  shoal_off first = stand_alloc(here, 64);
  struct stand_bit at = stand_bit_of(heap, first);
  const uint64_t beside[] = {first + 16, first - 16, 0, UINT64_MAX, shl_unit_offset(at.unit) - 64,
                             shl_unit_offset(at.unit) + SHL_UNIT_BYTES};
  for (unsigned i = 0; i < sizeof beside / sizeof beside[0]; i++) {
    stand_record(SHL_JA_FREE_FROM, beside[i], beside[i]);
    EXPECT_EQ(0, at.bit & shl_records_naming_blocks(heap, at.unit, at.word, UINT64_MAX));
  }
  EXPECT_EQ(0, shl_records_naming_blocks(heap, at.unit + 1, 0, UINT64_MAX));
}

static void records_of_all_slots_count(void) {
  shoal_off first = stand_alloc(here, 64), second = stand_alloc(here, 64);
  struct stand_bit at = stand_bit_of(heap, first);
  struct shl_seat third = stand_other(heap, STAND_STOPPED);
  stand_record(SHL_JA_FREE_FROM, first, 0);
  shl_store_release_u64(&third.slot->record.block, second);
  shl_store_release_u64(&third.slot->record.op, SHL_JA_FREE_FROM);
  EXPECT_EQ(at.bit | stand_bit_of(heap, second).bit,
            shl_records_naming_blocks(heap, at.unit, at.word, UINT64_MAX));
  shl_store_release_u64(&third.slot->record.op, SHL_JA_NONE);
}

static void a_record_names_a_run_by_its_first_page(void) {
  struct shl_run_request request = {.pages = 3, .align_pages = 1};
  uint64_t off = 0;
  EXPECT_OK(shl_run_alloc(here, request, false, &off));
  uint32_t chunk = (uint32_t)(off >> SHL_CHUNK_SHIFT);
  unsigned page = (unsigned)(off >> SHL_PAGE_SHIFT) % SHL_PAGES_PER_CHUNK;
  stand_record(SHL_JA_FREE_FROM, off, 0);
  EXPECT_EQ(UINT64_C(1) << page % 64,
            shl_records_naming_runs(heap, chunk, page / 64, UINT64_MAX));
  EXPECT_EQ(0, shl_records_naming_runs(heap, chunk, page / 64 + 1, UINT64_MAX));
  EXPECT_EQ(0, shl_records_naming_runs(heap, chunk + 1, page / 64, UINT64_MAX));
}

static void a_word_stands_in_backed_data_a_cell_or_a_roots_check(void) {
  shoal_off off = stand_alloc(here, 64);
  uint64_t row = shl_region_offset(heap, &here.slot->reservations[0]);
  uint64_t check = shl_region_offset(heap, &heap->roots[1].check);
  EXPECT(shl_record_may_be(heap, off));
  EXPECT(!shl_record_may_be(heap, off + 4));
  EXPECT(!shl_record_may_be(heap, shl_chunk_offset(heap->first_chunk + 1) - 8));
  EXPECT(!shl_record_may_be(heap, heap->view.capacity - 8));
  EXPECT(!shl_record_may_be(heap, UINT64_MAX - 7));
  EXPECT(shl_record_may_be(heap, row));
  EXPECT(shl_record_may_be(heap, row + (SHL_RESERVATIONS - 1) * sizeof(shl_a64)));
  EXPECT(!shl_record_may_be(heap, row + SHL_RESERVATIONS * sizeof(shl_a64)));
  EXPECT(!shl_record_may_be(heap, row - 8));
  EXPECT(shl_record_may_be(heap, check));
  EXPECT(!shl_record_may_be(heap, check - 8));
  EXPECT(!shl_record_may_be(heap, check + heap->root_count * sizeof(struct shl_root_rec)));
}

SUITE(record, SET_UP(open_heap), TEAR_DOWN(close_heap),
      TEST(a_record_names_its_block_and_its_second), TEST(what_lies_beside_a_block_is_not_named),
      TEST(records_of_all_slots_count),
      TEST(a_word_stands_in_backed_data_a_cell_or_a_roots_check),
      TEST(a_record_names_a_run_by_its_first_page))
