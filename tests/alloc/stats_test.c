// SPDX-License-Identifier: MIT
// Goal: the sums add up to the capacity to the byte in every state, and each figure is what it
// says.
// Method: a heap with one of everything against the test's own list; then emptied step by step.
#include <string.h>

#include "alloc/run.h"
#include "alloc/seat.h"
#include "tests/alloc/populated.h"
#include "tests/harness/harness.h"

static shoal_heap_stats read_stats(const struct populated *populated) {
  shoal_heap_stats stats;
  memset(&stats, 0xff, sizeof stats);
  stats.size = sizeof stats;
  EXPECT_OK(shoal_stats(populated->heap, &stats));
  EXPECT_EQ(stats.capacity, stats.metadata + stats.live + stats.cached + stats.free +
                                stats.uncommitted);
  EXPECT_EQ(stats.committed, stats.live + stats.cached + stats.free);
  EXPECT_LE(stats.metadata_committed, stats.metadata);
  return stats;
}

static void figures_match_the_tests_own_list(void) {
  struct populated populated;
  ASSERT(populated_open(&populated));
  shoal_heap_stats stats = read_stats(&populated);
  EXPECT_EQ(populated.blocks, stats.live_blocks);
  EXPECT_EQ(populated.bytes, stats.live);
  EXPECT_EQ(populated.heap->view.capacity, stats.capacity);
  EXPECT_EQ(shl_chunk_offset(populated.heap->first_chunk), stats.metadata);
  EXPECT_EQ(4, stats.slabs);
  EXPECT_EQ(1, stats.runs);
  EXPECT_EQ(1, stats.huge_runs);
  EXPECT_EQ(1, stats.chunks_mixed);
  EXPECT_EQ(0, stats.chunks_free);
  EXPECT_EQ(populated.heap->first_chunk + 1U + POPULATED_HUGE_CHUNKS, stats.chunks_high_water);
  EXPECT_EQ(2, stats.roots);
  EXPECT_EQ(1, stats.pins);
  EXPECT_EQ(1, stats.thread_slots);
  EXPECT_EQ(0, stats.thread_slots_dead);
  EXPECT_EQ(1, stats.processes);
  EXPECT_EQ(stats.capacity, stats.limit);
  populated_close(&populated);
}

static void cached_is_what_hands_and_pending_frees_hold(void) {
  struct populated populated;
  ASSERT(populated_open(&populated));
  const struct shl_slot_rec *page = populated_page(&populated);
  uint64_t expected = POPULATED_SMALL_BYTES;  // the one freed by another thread
  for (unsigned i = 1; i < SHL_CLASS_COUNT; i++) {
    uint64_t blocks = shl_load_relaxed_u64(&page->hands[i].blocks);
    expected += shl_count_bits(blocks) * (uint64_t)shl_classes[i].bytes;
  }
  EXPECT_EQ(expected, read_stats(&populated).cached);
  unsigned page_number = (unsigned)(populated.run >> SHL_PAGE_SHIFT) % SHL_PAGES_PER_CHUNK;
  EXPECT(shl_run_free(populated.heap, (uint32_t)(populated.run >> SHL_CHUNK_SHIFT), page_number));
  shoal_heap_stats stats = read_stats(&populated);
  EXPECT_EQ(expected + POPULATED_RUN_PAGES * SHL_PAGE_BYTES, stats.cached);
  EXPECT_EQ(populated.blocks - 1, stats.live_blocks);
  populated_close(&populated);
}

static void one_block_more_is_one_block_more(void) {
  struct populated populated;
  ASSERT(populated_open(&populated));
  const size_t sizes[] = {1, 64, 5000, 33000, 200000, 1 << 20, 3 << 20};
  for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    shoal_heap_stats before = read_stats(&populated);
    shoal_off off = shoal_alloc(populated.heap, sizes[i], 0);
    size_t bytes = shoal_usable_size(populated.heap, shoal_ptr(populated.heap, off));
    shoal_heap_stats after = read_stats(&populated);
    EXPECT_EQ(before.live + bytes, after.live);
    EXPECT_EQ(before.live_blocks + 1, after.live_blocks);
    EXPECT_OK(shoal_free_offset(populated.heap, off));
    EXPECT_EQ(before.live, read_stats(&populated).live);
  }
  populated_close(&populated);
}

static void an_emptied_heap_has_nothing_committed(void) {
  struct populated populated;
  ASSERT(populated_open(&populated));
  for (unsigned i = 0; i < POPULATED_SMALL; i++) {
    EXPECT_OK(shoal_free_offset(populated.heap, populated.small[i]));
    if (i % 500 == 0) (void)read_stats(&populated);
  }
  EXPECT_OK(shoal_free_offset(populated.heap, populated.wide));
  EXPECT_OK(shoal_free_offset(populated.heap, populated.run));
  EXPECT_OK(shoal_free_offset(populated.heap, populated.huge));
  EXPECT_OK(shoal_unpin(populated.heap, populated.pin));
  EXPECT_OK(shoal_trim(populated.heap, SHOAL_TRIM_ALL));
  shoal_heap_stats stats = read_stats(&populated);
  EXPECT_EQ(0, stats.live + stats.live_blocks + stats.cached + stats.committed + stats.free);
  EXPECT_EQ(0, stats.slabs + stats.runs + stats.huge_runs + stats.chunks_mixed + stats.pins);
  EXPECT_EQ(1 + POPULATED_HUGE_CHUNKS, stats.chunks_free);
  EXPECT(populated_is_clean(&populated));
  populated_close(&populated);
}

static void slots_are_counted_by_who_owns_them(void) {
  struct populated populated;
  ASSERT(populated_open(&populated));
  shoal_heap_stats before = read_stats(&populated);
  EXPECT_OK(shoal_thread_idle(populated.heap));
  shoal_heap_stats after = read_stats(&populated);
  EXPECT_EQ(before.thread_slots - 1, after.thread_slots);
  EXPECT_EQ(before.thread_slots_orphan + 1, after.thread_slots_orphan);
  EXPECT_EQ(before.live, after.live);
  EXPECT_EQ(before.cached, after.cached);
  populated_close(&populated);
}

static void unknown_sizes_are_arguments(void) {
  struct populated populated;
  ASSERT(populated_open(&populated));
  shoal_heap_stats stats = {.size = sizeof stats - 1};
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_stats(populated.heap, &stats));
  stats.size = 0;
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_stats(populated.heap, &stats));
  stats.size = sizeof stats;
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_stats(populated.heap, NULL));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_stats(NULL, &stats));
  populated_close(&populated);
}

SUITE(stats, TEST(figures_match_the_tests_own_list),
      TEST(cached_is_what_hands_and_pending_frees_hold), TEST(one_block_more_is_one_block_more),
      TEST(an_emptied_heap_has_nothing_committed), TEST(slots_are_counted_by_who_owns_them),
      TEST(unknown_sizes_are_arguments))
