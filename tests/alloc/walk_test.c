// SPDX-License-Identifier: MIT
// Goal: a walk visits exactly the allocated blocks, ascending; the census behind it cuts the data
// without gaps and finds the block under any byte. Method: a heap with one of everything against
// the test's own list.
#include "tests/alloc/populated.h"
#include "alloc/chunk.h"
#include "alloc/run.h"
#include "tests/alloc/stand.h"
#include "tests/harness/harness.h"

// What a visitor has seen. Private to the process.
struct seen {
  const struct populated *populated;
  uint64_t blocks;
  uint64_t bytes;
  shoal_off last;
  uint64_t unordered;
  uint64_t stop_after;
  bool saw_run;
  bool saw_huge;
  bool saw_wide;
};

static int note(void *context, const shoal_block *block) {
  struct seen *seen = context;
  seen->unordered += block->off <= seen->last ? 1 : 0;
  seen->last = block->off;
  seen->blocks++;
  seen->bytes += block->bytes;
  seen->saw_run = seen->saw_run || block->off == seen->populated->run;
  seen->saw_huge = seen->saw_huge || block->off == seen->populated->huge;
  seen->saw_wide = seen->saw_wide || block->off == seen->populated->wide;
  return seen->blocks == seen->stop_after ? 1 : 0;
}

static void a_walk_visits_each_allocated_block_once_ascending(void) {
  struct populated populated;
  ASSERT(populated_open(&populated));
  struct seen seen = {.populated = &populated};
  EXPECT_OK(shoal_walk(populated.heap, note, &seen));
  EXPECT_EQ(populated.blocks, seen.blocks);
  EXPECT_EQ(populated.bytes, seen.bytes);
  EXPECT_EQ(0, seen.unordered);
  EXPECT(seen.saw_run && seen.saw_huge && seen.saw_wide);
  populated_close(&populated);
}

static void a_visitor_ends_the_walk(void) {
  struct populated populated;
  ASSERT(populated_open(&populated));
  struct seen seen = {.populated = &populated, .stop_after = 17};
  EXPECT_OK(shoal_walk(populated.heap, note, &seen));
  EXPECT_EQ(17, seen.blocks);
  populated_close(&populated);
}

static int free_it(void *context, const shoal_block *block) {
  return shoal_free_offset(context, block->off) == SHOAL_OK ? 0 : 1;
}

static void a_visitor_may_free_what_it_is_given(void) {
  struct populated populated;
  ASSERT(populated_open(&populated));
  EXPECT_OK(shoal_walk(populated.heap, free_it, populated.heap));
  struct seen seen = {.populated = &populated};
  EXPECT_OK(shoal_walk(populated.heap, note, &seen));
  EXPECT_EQ(0, seen.blocks);
  EXPECT(populated_is_clean(&populated));
  populated_close(&populated);
}

static void *free_all(void *heap) {
  EXPECT_OK(shoal_walk(heap, free_it, heap));
  return NULL;
}

// The first free by another of a slab changes what its descriptor says of it, but not the slab.
static void a_visitor_may_free_what_others_own(void) {
  struct populated populated;
  ASSERT(populated_open(&populated));
  stand_in_thread(free_all, populated.heap);
  struct seen seen = {.populated = &populated};
  EXPECT_OK(shoal_walk(populated.heap, note, &seen));
  EXPECT_EQ(0, seen.blocks);
  EXPECT(populated_is_clean(&populated));
  populated_close(&populated);
}

static void pending_runs_are_not_visited(void) {
  struct populated populated;
  ASSERT(populated_open(&populated));
  uint32_t chunk = (uint32_t)(populated.run >> SHL_CHUNK_SHIFT);
  unsigned page = (unsigned)(populated.run >> SHL_PAGE_SHIFT) % SHL_PAGES_PER_CHUNK;
  EXPECT(shl_run_free(populated.heap, chunk, page));
  struct seen seen = {.populated = &populated};
  EXPECT_OK(shoal_walk(populated.heap, note, &seen));
  EXPECT(!seen.saw_run);
  EXPECT_EQ(populated.blocks - 1, seen.blocks);
  EXPECT(populated_is_clean(&populated));
  populated_close(&populated);
}

static void a_broken_heap_ends_the_walk(void) {
  struct populated populated;
  ASSERT(populated_open(&populated));
  struct seen seen = {.populated = &populated};
  shl_a64 *word = &populated_row(&populated, populated.run)->word;
  uint64_t before = shl_load_relaxed_u64(word);
  shl_store_relaxed_u64(word, 15);
  EXPECT_STATUS(SHOAL_E_CORRUPT, shoal_walk(populated.heap, note, &seen));
  shl_store_relaxed_u64(word, before);
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_walk(populated.heap, NULL, NULL));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_walk(NULL, note, &seen));
  populated_close(&populated);
}

static void parts_follow_each_other_without_gaps(void) {
  struct populated populated;
  ASSERT(populated_open(&populated));
  struct shl_census census;
  struct shl_part part;
  shl_census_begin(&census, populated.heap);
  uint64_t next = shl_chunk_offset(populated.heap->first_chunk);
  while (shl_census_next(&census, &part)) {
    EXPECT_EQ(next, shl_chunk_offset(part.chunk) + (uint64_t)part.page * SHL_PAGE_BYTES);
    EXPECT_NE(SHL_PART_BROKEN, part.kind);
    next += part.chunks != 0 ? (uint64_t)part.chunks * SHL_CHUNK_BYTES
                             : (uint64_t)part.pages * SHL_PAGE_BYTES;
  }
  EXPECT_EQ(shl_chunk_offset(shl_chunk_high_water(populated.heap)), next);
  populated_close(&populated);
}

static void expect_block(const struct populated *populated, shoal_off off, uint64_t bytes) {
  shoal_block block;
  const uint64_t inside[] = {0, bytes / 2, bytes - 1};
  for (unsigned i = 0; i < 3; i++) {
    EXPECT(shl_block_find(populated->heap, off + inside[i], &block));
    EXPECT_EQ(off, block.off);
    EXPECT_EQ(bytes, block.bytes);
  }
  bool before = shl_block_find(populated->heap, off - 1, &block);
  EXPECT(!before || block.off < off);
  bool after = shl_block_find(populated->heap, off + bytes, &block);
  EXPECT(!after || block.off == off + bytes);
}

static void every_byte_leads_to_its_block(void) {
  struct populated populated;
  ASSERT(populated_open(&populated));
  uint64_t huge = (POPULATED_HUGE_CHUNKS - 1) * (uint64_t)SHL_CHUNK_BYTES + 2 * SHL_UNIT_BYTES;
  expect_block(&populated, populated.small[1], POPULATED_SMALL_BYTES);
  expect_block(&populated, populated.wide, shl_classes[shl_class_of(POPULATED_WIDE_BYTES)].bytes);
  expect_block(&populated, populated.run, POPULATED_RUN_PAGES * SHL_PAGE_BYTES);
  expect_block(&populated, populated.huge, huge);
  shoal_block block;
  uint64_t data = shl_chunk_offset(populated.heap->first_chunk);
  EXPECT(!shl_block_find(populated.heap, 0, &block));
  EXPECT(!shl_block_find(populated.heap, data - 1, &block));
  EXPECT(!shl_block_find(populated.heap, populated.heap->view.capacity - 1, &block));
  EXPECT(!shl_block_find(populated.heap, UINT64_MAX, &block));
  populated_close(&populated);
}

SUITE(walk, TEST(a_walk_visits_each_allocated_block_once_ascending), TEST(a_visitor_ends_the_walk),
      TEST(a_visitor_may_free_what_it_is_given), TEST(a_visitor_may_free_what_others_own),
      TEST(pending_runs_are_not_visited), TEST(a_broken_heap_ends_the_walk),
      TEST(parts_follow_each_other_without_gaps), TEST(every_byte_leads_to_its_block))
