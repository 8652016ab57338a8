// SPDX-License-Identifier: MIT
// Goal: a number leads to its row and nowhere else, and marks that another process has spoilt lead
// out of no table. Method: the areas of a real heap.
#include "alloc/handle.h"

#include "alloc/slot.h"
#include "tests/alloc/stand.h"
#include "tests/harness/harness.h"

static shoal_heap *heap;

static void open_heap(void) {
  heap = stand_open(0);
}

static void close_heap(void) {
  stand_close(heap);
}

static const struct shl_area_rec *area(uint32_t kind) {
  return shl_superblock_area(&heap->region->header, kind);
}

static uint64_t place(const void *row) {
  return shl_region_offset(heap, row);
}

static void the_first_rows_begin_their_areas(void) {
  uint32_t first_unit = heap->first_chunk * SHL_UNITS_PER_CHUNK;
  EXPECT_EQ(area(SHL_AREA_OWNER)->offset, place(shl_owner_row(heap, 1)));
  EXPECT_EQ(area(SHL_AREA_SLOT)->offset, place(shl_slot_page(heap, 1)));
  EXPECT_EQ(area(SHL_AREA_CHUNK)->offset, place(shl_chunk_row(heap, heap->first_chunk)));
  EXPECT_EQ(area(SHL_AREA_ROOM)->offset, place(shl_room(heap, heap->first_chunk)));
  EXPECT_EQ(area(SHL_AREA_RUN)->offset, place(shl_run_page(heap, heap->first_chunk)));
  EXPECT_EQ(area(SHL_AREA_HOT)->offset, place(shl_hot_row(heap, first_unit)));
  EXPECT_EQ(area(SHL_AREA_REMOTE)->offset, place(shl_remote_row(heap, first_unit)));
  EXPECT_EQ(SHL_HEAP_WORDS_OFFSET, place(heap->words));
  EXPECT_EQ(area(SHL_AREA_ROOT)->offset, place(heap->roots));
  EXPECT_EQ(place(heap->roots + heap->root_count), place(heap->root_names));
  EXPECT_EQ(area(SHL_AREA_PIN)->offset, place(heap->pins));
}

static uint64_t end_of(uint32_t kind) {
  return area(kind)->offset + area(kind)->bytes;
}

static void the_last_rows_end_them(void) {
  uint32_t unit_end = heap->chunk_end * SHL_UNITS_PER_CHUNK;
  EXPECT_EQ(end_of(SHL_AREA_OWNER), place(shl_owner_row(heap, heap->slot_count + 1)));
  EXPECT_EQ(end_of(SHL_AREA_SLOT), place(shl_slot_page(heap, heap->slot_count + 1)));
  EXPECT_EQ(end_of(SHL_AREA_CHUNK), place(shl_chunk_row(heap, heap->chunk_end)));
  EXPECT_EQ(end_of(SHL_AREA_ROOM), place(shl_room(heap, heap->chunk_end)));
  EXPECT_EQ(end_of(SHL_AREA_RUN), place(shl_run_page(heap, heap->chunk_end)));
  EXPECT_EQ(end_of(SHL_AREA_HOT), place(shl_hot_row(heap, unit_end)));
  EXPECT_EQ(end_of(SHL_AREA_REMOTE), place(shl_remote_row(heap, unit_end)));
  EXPECT_EQ(end_of(SHL_AREA_ROOT), place(heap->root_names + heap->root_count));
  EXPECT_EQ(end_of(SHL_AREA_PIN), place(heap->pins + heap->pin_count));
}

static void a_slots_number_comes_back_from_its_page(void) {
  for (uint32_t id = 1; id <= heap->slot_count; id++) {
    EXPECT_EQ(id, shl_slot_id(heap, shl_slot_page(heap, id)));
  }
}

static void chunks_are_known_below_the_mark_alone(void) {
  uint32_t first = heap->first_chunk;
  EXPECT(!shl_chunk_known(heap, first));
  EXPECT(!shl_chunk_known(heap, 0));
  EXPECT_NE(0, shoal_alloc(heap, 5 << 20, 0));
  EXPECT(shl_chunk_known(heap, first));
  EXPECT(shl_chunk_known(heap, first + 2));
  EXPECT(!shl_chunk_known(heap, first + 3));
  EXPECT(!shl_chunk_known(heap, first - 1));
  EXPECT(!shl_chunk_known(heap, UINT32_MAX));
  EXPECT(shl_unit_known(heap, first * SHL_UNITS_PER_CHUNK));
  EXPECT(!shl_unit_known(heap, first * SHL_UNITS_PER_CHUNK - 1));
  EXPECT(!shl_unit_known(heap, 0));
}

static void spoilt_marks_stay_in_their_tables(void) {
  uint64_t chunks = shl_load_relaxed_u64(&heap->words->chunk_high_water);
  uint64_t slots = shl_load_relaxed_u64(&heap->words->slot_high_water);
  shl_store_relaxed_u64(&heap->words->chunk_high_water, UINT64_MAX);
  shl_store_relaxed_u64(&heap->words->slot_high_water, UINT64_MAX);
  EXPECT_EQ(heap->chunk_end, shl_chunk_high_water(heap));
  EXPECT_EQ(heap->slot_count, shl_slot_high_water(heap));
  shl_store_relaxed_u64(&heap->words->chunk_high_water, 0);
  EXPECT_EQ(heap->first_chunk, shl_chunk_high_water(heap));
  shl_store_relaxed_u64(&heap->words->chunk_high_water, chunks);
  shl_store_relaxed_u64(&heap->words->slot_high_water, slots);
  (void)shl_chunk_high_water(heap);
}

static void readers_and_forked_children_may_not_store(void) {
  EXPECT_OK(shl_handle_may_store(heap));
  heap->read_only = true;
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shl_handle_may_store(heap));
  heap->read_only = false;
  heap->inherited = true;
  EXPECT_STATUS(SHOAL_E_STALE, shl_handle_may_store(heap));
  heap->inherited = false;
}

SUITE(handle, SET_UP(open_heap), TEAR_DOWN(close_heap), TEST(the_first_rows_begin_their_areas),
      TEST(the_last_rows_end_them), TEST(a_slots_number_comes_back_from_its_page),
      TEST(chunks_are_known_below_the_mark_alone), TEST(spoilt_marks_stay_in_their_tables),
      TEST(readers_and_forked_children_may_not_store))
