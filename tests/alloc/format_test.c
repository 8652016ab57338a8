// SPDX-License-Identifier: MIT
// Goal: for every capacity and table size the areas lie apart, in order, below the data, and small
// heaps have small metadata. Method: plan superblocks and look at their areas.
#include "alloc/format.h"

#include "alloc/layout.h"
#include "base/align.h"
#include "tests/alloc/stand.h"
#include "tests/harness/harness.h"

static const uint64_t mib = UINT64_C(1) << 20;

// As the mapping layer does: tables, then its own area, then the rest.
static shoal_status plan(const shoal_options *options, struct shl_superblock_rec *superblock) {
  shoal_status status = shl_heap_format.tables(options, superblock);
  if (status != SHOAL_OK) return status;
  uint64_t bytes = superblock->max_processes * UINT64_C(64);
  superblock->areas[0] = (struct shl_area_rec){
      .offset = SHL_PAGE_BYTES, .bytes = bytes, .kind = SHL_AREA_PROCESS, .sharing = 2};
  superblock->area_count = 1;
  superblock->metadata_bytes = SHL_PAGE_BYTES + shl_align_up(bytes, SHL_PAGE_BYTES);
  return shl_heap_format.plan(superblock);
}

static void expect_areas_in_order(const struct shl_superblock_rec *superblock) {
  uint64_t end = SHL_PAGE_BYTES;
  unsigned kinds = 0;
  for (uint32_t i = 0; i < superblock->area_count; i++) {
    const struct shl_area_rec *area = &superblock->areas[i];
    kinds |= 1U << area->kind;
    if (area->kind == SHL_AREA_HEAP) {
      EXPECT_EQ(SHL_HEAP_WORDS_OFFSET, area->offset);
      continue;
    }
    EXPECT_LE(end, area->offset);
    EXPECT(shl_is_aligned(area->offset, SHL_PAGE_BYTES));
    end = area->offset + area->bytes;
    bool metadata = area->kind != SHL_AREA_DATA;
    EXPECT_LE(end, metadata ? superblock->metadata_bytes : superblock->capacity);
  }
  EXPECT_EQ((1U << (SHL_AREA_DESC + 1)) - 2, kinds);
  EXPECT_EQ(superblock->capacity, end);
  EXPECT(shl_is_aligned(superblock->data_offset, SHL_CHUNK_BYTES));
  EXPECT(shl_is_aligned(superblock->metadata_bytes, SHL_PAGE_BYTES));
  uint64_t guard = shl_align_up(superblock->metadata_bytes, SHL_UNIT_BYTES) + SHL_GUARD_BYTES;
  EXPECT_LE(guard, superblock->data_offset);
}

static uint64_t rows_of(const struct shl_superblock_rec *superblock, uint32_t kind, size_t row) {
  return shl_superblock_area(superblock, kind)->bytes / row;
}

static void expect_rows_for_all_chunks(const struct shl_superblock_rec *superblock) {
  uint64_t chunks = (superblock->capacity - superblock->data_offset) / SHL_CHUNK_BYTES;
  uint64_t units = chunks * SHL_UNITS_PER_CHUNK;
  EXPECT_NE(0, chunks);
  EXPECT_EQ(chunks, rows_of(superblock, SHL_AREA_CHUNK, sizeof(struct shl_chunk_rec)));
  EXPECT_EQ(units, rows_of(superblock, SHL_AREA_DESC, sizeof(union shl_desc_rec)));
  EXPECT_EQ(chunks, rows_of(superblock, SHL_AREA_ROOM, sizeof(shl_a16)));
  EXPECT_EQ(chunks, rows_of(superblock, SHL_AREA_RUN, sizeof(struct shl_run_rec)));
  EXPECT_EQ(units, rows_of(superblock, SHL_AREA_HOT, sizeof(struct shl_hot_rec)));
  EXPECT_EQ(units, rows_of(superblock, SHL_AREA_REMOTE, sizeof(struct shl_remote_rec)));
  EXPECT_EQ(superblock->max_slots,
            rows_of(superblock, SHL_AREA_SLOT, sizeof(struct shl_slot_rec)));
}

static void areas_lie_apart_for_every_capacity(void) {
  const uint64_t capacities[] = {4 * mib,    6 * mib,     8 * mib,        64 * mib,
                                 100 * mib,  1024 * mib,  65536 * mib,    262144 * mib,
                                 524288 * mib, 4194302 * mib, 4194304 * mib};
  for (unsigned i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
    struct shl_superblock_rec superblock = {.capacity = capacities[i]};
    EXPECT_OK(plan(NULL, &superblock));
    expect_areas_in_order(&superblock);
    expect_rows_for_all_chunks(&superblock);
    EXPECT_EQ(shl_format_layout_hash(), superblock.layout_hash);
  }
}

static void a_small_heap_for_few_has_small_metadata(void) {
  shoal_options options = {.size = sizeof options, .max_processes = 4, .max_threads = 8};
  struct shl_superblock_rec superblock = {.capacity = 4 * mib};
  EXPECT_OK(plan(&options, &superblock));
  EXPECT_EQ(12, superblock.max_slots);
  EXPECT_LE(superblock.metadata_bytes, 128 * 1024);
  EXPECT_EQ(2 * mib, superblock.data_offset);
}

static void tables_grow_with_the_capacity_up_to_their_default(void) {
  struct shl_superblock_rec small = {.capacity = 64 * mib}, large = {.capacity = 65536 * mib};
  EXPECT_OK(plan(NULL, &small));
  EXPECT_OK(plan(NULL, &large));
  EXPECT_EQ(16, small.max_processes);
  EXPECT_EQ(64, small.max_slots);
  EXPECT_EQ(1024, large.max_processes);
  EXPECT_EQ(4096, large.max_slots);
  EXPECT_EQ(1024, large.max_roots);
  EXPECT_EQ(1024, large.max_pins);
}

static void table_sizes_past_their_limits_are_arguments(void) {
  const shoal_options wrong[] = {{.max_processes = 16384},
                                 {.max_threads = 49153},
                                 {.max_roots = 65537},
                                 {.max_pins = 65537}};
  const shoal_options most = {
      .max_processes = 16383, .max_threads = 49152, .max_roots = 65536, .max_pins = 65536};
  struct shl_superblock_rec superblock = {.capacity = 65536 * mib};
  for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    EXPECT_STATUS(SHOAL_E_ARGUMENT, shl_heap_format.tables(&wrong[i], &superblock));
  }
  EXPECT_OK(plan(&most, &superblock));
  EXPECT_EQ(SHL_SLOT_MAX, superblock.max_slots);
  expect_areas_in_order(&superblock);
}

static void tables_that_leave_no_data_are_a_wrong_size(void) {
  const shoal_options options = {.max_threads = 40000};
  struct shl_superblock_rec superblock = {.capacity = 8 * mib};
  EXPECT_STATUS(SHOAL_E_SIZE, plan(&options, &superblock));
}

// Whoever has another number stores other structures.
static void the_layout_hash_is_frozen(void) {
  EXPECT_EQ(UINT64_C(0x5f48b90c84d1c56e), shl_format_layout_hash());
}

static void a_new_heap_has_its_marks_at_the_start(void) {
  shoal_heap *heap = stand_open(0);
  EXPECT_EQ(heap->first_chunk, heap->words->first_chunk);
  EXPECT_EQ(heap->first_chunk, shl_load_relaxed_u64(&heap->words->chunk_high_water));
  EXPECT_EQ(1, shl_load_relaxed_u64(&heap->words->slot_high_water));
  EXPECT_EQ(0, shl_load_relaxed_u64(&heap->words->committed_bytes));
  stand_close(heap);
}

SUITE(format, TEST(areas_lie_apart_for_every_capacity),
      TEST(a_small_heap_for_few_has_small_metadata),
      TEST(tables_grow_with_the_capacity_up_to_their_default),
      TEST(table_sizes_past_their_limits_are_arguments),
      TEST(tables_that_leave_no_data_are_a_wrong_size), TEST(the_layout_hash_is_frozen),
      TEST(a_new_heap_has_its_marks_at_the_start))
