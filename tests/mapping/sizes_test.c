// SPDX-License-Identifier: MIT
// Goal: every size and alignment has a defined result, and what is refused leaves no trace.
// Method: tables of edges; a small PRIVATE heap and one with a limit.
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <shoal/inspect.h>

#include "base/align.h"
#include "mapping/superblock.h"
#include "tests/harness/harness.h"

enum { CAPACITY = 32 << 20, BLOCKS_MAX = 1 << 16 };

static shoal_heap *heap;
static shoal_off blocks[BLOCKS_MAX];

static void open_heap(uint64_t limit_bytes) {
  shoal_options options = {.size = sizeof options,
                           .kind = SHOAL_KIND_PRIVATE,
                           .flags = SHOAL_CREATE,
                           .capacity = CAPACITY,
                           .max_processes = 1,
                           .max_threads = 4,
                           .limit_bytes = limit_bytes};
  ASSERT_OK(shoal_open(NULL, &options, &heap));
}

static void begin(void) {
  open_heap(0);
}

static void end(void) {
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_close(heap));
}

static uint64_t live_blocks(void) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(heap, &stats));
  return stats.live_blocks;
}

static void sizes_at_every_edge_give_a_block_of_at_least_that(void) {
  static const size_t sizes[] = {0,
                                 1,
                                 15,
                                 16,
                                 17,
                                 4095,
                                 4096,
                                 4097,
                                 32767,
                                 32768,
                                 32769,
                                 SHL_UNIT_BYTES - 1,
                                 SHL_UNIT_BYTES + 1,
                                 (1 << 20) - 1,
                                 1 << 20,
                                 (1 << 20) + 1,
                                 SHL_CHUNK_BYTES - 1,
                                 SHL_CHUNK_BYTES,
                                 SHL_CHUNK_BYTES + 1};
  enum { COUNT = sizeof sizes / sizeof sizes[0] };
  for (unsigned i = 0; i < COUNT; i++) {
    char *block = shoal_malloc(heap, sizes[i]);
    ASSERT(block != NULL);
    EXPECT_EQ(0, (uintptr_t)block % 16);
    EXPECT_LE(sizes[i], shoal_usable_size(heap, block));
    EXPECT_LE(1, shoal_usable_size(heap, block));
    memset(block, 1, shoal_usable_size(heap, block));
    shoal_free(heap, block);
  }
  EXPECT_EQ(0, live_blocks());
}

static void blocks_of_no_bytes_are_blocks(void) {
  void *first = shoal_malloc(heap, 0), *second = shoal_malloc(heap, 0);
  EXPECT(first != NULL && second != NULL);
  EXPECT_NE(first, second);
  EXPECT_EQ(2, live_blocks());
  shoal_free(heap, first);
  shoal_free(heap, second);
}

static const size_t too_large[] = {CAPACITY,
                                   CAPACITY + 1,
                                   (size_t)1 << 40,
                                   PTRDIFF_MAX,
                                   (size_t)PTRDIFF_MAX + 1,
                                   SIZE_MAX - SHL_CHUNK_BYTES,
                                   SIZE_MAX - 4096,
                                   SIZE_MAX - 16,
                                   SIZE_MAX - 1,
                                   SIZE_MAX};
enum { TOO_LARGE = sizeof too_large / sizeof too_large[0] };

static void expect_no_memory(const void *block, size_t bytes) {
  if (block != NULL || errno != ENOMEM) FAIL("%zu bytes: %p, errno %d", bytes, block, errno);
  errno = 0;
}

// Nothing wraps.
static void what_no_heap_can_hold_is_out_of_memory(void) {
  void *kept = shoal_malloc(heap, 5000);
  memset(kept, 7, 5000);
  errno = 0;
  for (unsigned i = 0; i < TOO_LARGE; i++) {
    size_t bytes = too_large[i];
    expect_no_memory(shoal_malloc(heap, bytes), bytes);
    expect_no_memory(shoal_ptr(heap, shoal_alloc(heap, bytes, SHOAL_ZERO)), bytes);
    expect_no_memory(shoal_calloc(heap, 1, bytes), bytes);
    expect_no_memory(shoal_aligned_alloc(heap, 64, bytes), bytes);
    expect_no_memory(shoal_aligned_alloc(heap, SHL_CHUNK_BYTES, bytes), bytes);
    expect_no_memory(shoal_realloc(heap, NULL, bytes), bytes);
    expect_no_memory(shoal_realloc(heap, kept, bytes), bytes);
  }
  for (unsigned i = 0; i < 5000; i++) ASSERT(((char *)kept)[i] == 7);
  EXPECT_EQ(1, live_blocks());
  shoal_free(heap, kept);
}

static void products_that_overflow_are_out_of_memory(void) {
  const struct {
    size_t count;
    size_t size;
  } rows[] = {{SIZE_MAX, 2},         {2, SIZE_MAX},
              {SIZE_MAX / 2 + 1, 2}, {(size_t)1 << 32, (size_t)1 << 32},
              {SIZE_MAX, SIZE_MAX},  {SIZE_MAX / 16 + 2, 16}};
  for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    errno = 0;
    expect_no_memory(shoal_calloc(heap, rows[i].count, rows[i].size), rows[i].size);
  }
  EXPECT(shoal_calloc(heap, 0, SIZE_MAX) != NULL);
  EXPECT(shoal_calloc(heap, SIZE_MAX, 0) != NULL);
}

static void alignments_are_powers_of_two_up_to_a_chunk(void) {
  for (size_t alignment = 1; alignment <= SHL_CHUNK_BYTES; alignment *= 2) {
    void *block = shoal_aligned_alloc(heap, alignment, 100);
    EXPECT(block != NULL && (uintptr_t)block % alignment == 0);
    shoal_free(heap, block);
    shoal_off off = shoal_alloc(heap, 100, SHOAL_ALIGN(alignment));
    EXPECT(off != 0 && off % alignment == 0);
    EXPECT_OK(shoal_free_offset(heap, off));
  }
  static const size_t wrong[] = {0, 3, 48, 4095, 2 * SHL_CHUNK_BYTES, SIZE_MAX, (size_t)1 << 63};
  for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    errno = 0;
    EXPECT_EQ(NULL, shoal_aligned_alloc(heap, wrong[i], 100));
    EXPECT_EQ(EINVAL, errno);
    errno = 0;
    if (wrong[i] == 0) continue;
    EXPECT_EQ(0, shoal_alloc(heap, 100, SHOAL_ALIGN(wrong[i])));
    EXPECT_EQ(EINVAL, errno);
  }
  EXPECT_EQ(0, live_blocks());
}

static void flags_that_are_none_are_refused(void) {
  static const unsigned wrong[] = {8, 16, 64, 128, 1U << 31, UINT32_MAX};
  for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    errno = 0;
    EXPECT_EQ(0, shoal_alloc(heap, 100, wrong[i]));
    EXPECT_EQ(EINVAL, errno);
  }
}

// Takes blocks of `bytes` until there is no more. returns: how many.
static unsigned fill(size_t bytes) {
  unsigned count = 0;
  errno = 0;
  while (count < BLOCKS_MAX && (blocks[count] = shoal_alloc(heap, bytes, 0)) != 0) count++;
  EXPECT_LT(count, BLOCKS_MAX);
  EXPECT_EQ(ENOMEM, errno);
  EXPECT(strstr(shoal_status_text(SHOAL_E_FULL), "No room for") != NULL);
  return count;
}

static void empty(unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    if (blocks[i] != 0) EXPECT_OK(shoal_free_offset(heap, blocks[i]));
  }
}

// Nothing of being full sticks.
static void a_full_heap_serves_what_is_freed(void) {
  static const size_t sizes[] = {1000, 20000, 200000, SHL_CHUNK_BYTES};
  for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    unsigned count = fill(sizes[i]);
    ASSERT(count > 4);
    for (unsigned k = 0; k < 4; k++) {
      unsigned at = count * k / 4;
      EXPECT_OK(shoal_free_offset(heap, blocks[at]));
      blocks[at] = shoal_alloc(heap, sizes[i], 0);
      EXPECT_NE(0, blocks[at]);
      EXPECT_EQ(0, shoal_alloc(heap, sizes[i], 0));
    }
    empty(count);
    EXPECT_EQ(0, live_blocks());
    EXPECT_EQ(count, fill(sizes[i]));
    empty(count);
    EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  }
}

// Of the softer quota: what is given back can be had by others again.
static void a_limit_is_kept_and_named(void) {
  end();
  open_heap(8 << 20);
  unsigned count = fill(100000);
  EXPECT_LE(60, count);
  EXPECT_LE(count, 8 * 1024 * 1024 / 100000);
  EXPECT(strstr(shoal_status_text(SHOAL_E_FULL), "8388608") != NULL);
  empty(count);
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  shoal_off off = shoal_alloc(heap, 5 << 20, 0);
  EXPECT_NE(0, off);
  EXPECT_OK(shoal_free_offset(heap, off));
}

SUITE(sizes, SET_UP(begin), TEAR_DOWN(end), TEST(sizes_at_every_edge_give_a_block_of_at_least_that),
      TEST(blocks_of_no_bytes_are_blocks), TEST(what_no_heap_can_hold_is_out_of_memory),
      TEST(products_that_overflow_are_out_of_memory),
      TEST(alignments_are_powers_of_two_up_to_a_chunk), TEST(flags_that_are_none_are_refused),
      TEST(a_full_heap_serves_what_is_freed), TEST(a_limit_is_kept_and_named))
