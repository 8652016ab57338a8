// SPDX-License-Identifier: MIT
// Goal: a heap can be filled to its last byte and emptied, again and again, and holds the same each
// time, whatever the blocks' kind and whoever frees them in whatever order. Method: a small heap,
// blocks until the heap refuses, every byte of the data accounted for.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/inspect.h>

#include "alloc/class.h"
#include "tests/harness/harness.h"
#include "tests/random/crew.h"
#include "tests/random/draw.h"

enum { CAPACITY = 10 << 20, DATA = 8 << 20, BLOCKS_MAX = DATA / 16, WORKERS = 3, MIXED_SIZES = 12 };

// A heap being filled. Private to the process.
struct filling {
  shoal_heap *heap;
  struct draw draw;
  struct crew crew;
  uint64_t count;
  shoal_off *blocks;  // BLOCKS_MAX
  uint64_t from;      // blocks [from, to) are freed next
  uint64_t to;
};

static bool begin(struct filling *filling) {
  shoal_options options = {.size = sizeof options,
                           .kind = SHOAL_KIND_PRIVATE,
                           .flags = SHOAL_CREATE,
                           .capacity = CAPACITY,
                           .max_processes = 4,
                           .max_threads = 16};
  *filling = (struct filling){.draw = {.state = 99}};
  filling->blocks = calloc(BLOCKS_MAX, sizeof filling->blocks[0]);
  EXPECT_OK(shoal_open(NULL, &options, &filling->heap));
  return filling->heap != NULL && filling->blocks != NULL && crew_start(&filling->crew, WORKERS);
}

static shoal_heap_stats read_stats(const struct filling *filling) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(filling->heap, &stats));
  EXPECT_EQ(CAPACITY, stats.metadata + stats.live + stats.cached + stats.free + stats.uncommitted);
  EXPECT_EQ(DATA, stats.capacity - stats.metadata);
  EXPECT_EQ(filling->count, stats.live_blocks);
  return stats;
}

static void end(struct filling *filling) {
  crew_stop(&filling->crew);
  EXPECT_OK(shoal_trim(filling->heap, SHOAL_TRIM_ALL));
  shoal_heap_stats stats = read_stats(filling);
  EXPECT_EQ(0, stats.live + stats.cached + stats.free);
  EXPECT_EQ(DATA, stats.uncommitted);
  EXPECT_OK(shoal_check(filling->heap, NULL, NULL));
  EXPECT_OK(shoal_close(filling->heap));
  free(filling->blocks);
}

// Marks both ends of the block with its own offset.
static void mark(const struct filling *filling, shoal_off off, uint64_t size) {
  char *start = shoal_ptr(filling->heap, off);
  memcpy(start, &off, sizeof off);
  memcpy(start + size - sizeof off, &off, sizeof off);
}

static bool is_marked(const struct filling *filling, shoal_off off) {
  const char *start = shoal_ptr(filling->heap, off);
  size_t size = shoal_usable_size(filling->heap, start);
  return memcmp(start, &off, sizeof off) == 0 &&
         memcmp(start + size - sizeof off, &off, sizeof off) == 0;
}

// Allocates blocks of `size` bytes until the heap refuses. returns: how many.
static uint64_t fill_with(struct filling *filling, uint64_t size) {
  uint64_t before = filling->count;
  for (shoal_off off; (off = shoal_alloc(filling->heap, size, 0)) != 0;) {
    mark(filling, off, shoal_usable_size(filling->heap, shoal_ptr(filling->heap, off)));
    filling->blocks[filling->count++] = off;
    if (filling->count == BLOCKS_MAX) break;
  }
  if (filling->count < BLOCKS_MAX) EXPECT_EQ(ENOMEM, errno);
  return filling->count - before;
}

static void free_range(void *argument) {
  struct filling *filling = argument;
  uint64_t unmarked = 0, refused = 0;
  for (uint64_t i = filling->from; i < filling->to; i++) {
    unmarked += is_marked(filling, filling->blocks[i]) ? 0 : 1;
    refused += shoal_free_offset(filling->heap, filling->blocks[i]) != SHOAL_OK ? 1 : 0;
  }
  EXPECT_EQ(0, unmarked + refused);
}

static void shuffle(struct filling *filling) {
  for (uint64_t i = filling->count; i > 1; i--) {
    uint64_t other = draw_below(&filling->draw, i);
    shoal_off off = filling->blocks[i - 1];
    filling->blocks[i - 1] = filling->blocks[other];
    filling->blocks[other] = off;
  }
}

static void reverse(struct filling *filling) {
  for (uint64_t i = 0; i < filling->count / 2; i++) {
    shoal_off off = filling->blocks[i];
    filling->blocks[i] = filling->blocks[filling->count - 1 - i];
    filling->blocks[filling->count - 1 - i] = off;
  }
}

enum { WAYS = 6 };

// Frees all in one of WAYS ways: as allocated, backwards or in random order, by the allocating
// thread, by another one, or by all in turn.
static void empty(struct filling *filling, unsigned way) {
  if (way % 3 == 1) reverse(filling);
  if (way % 3 == 2) shuffle(filling);
  uint64_t parts = way >= 3 ? WORKERS : 1;
  for (unsigned i = 0; i < parts; i++) {
    filling->from = filling->count * i / parts;
    filling->to = filling->count * (i + 1) / parts;
    crew_run(&filling->crew, parts == 1 ? way % 2 : i, free_range, filling);
  }
  filling->count = 0;
  EXPECT_EQ(0, read_stats(filling).live);
}

// A block size that divides the data without a rest.
static void fill_and_empty(uint64_t size) {
  struct filling filling;
  ASSERT(begin(&filling));
  for (unsigned i = 0; i < 1 + test_rounds(WAYS - 1); i++) {
    unsigned way = (5 * i + 4) % WAYS;  // 4 3 2 1 0 5
    EXPECT_EQ(DATA / size, fill_with(&filling, size));
    shoal_heap_stats stats = read_stats(&filling);
    EXPECT_EQ(DATA, stats.live);
    EXPECT_EQ(0, stats.cached + stats.free + stats.uncommitted);
    EXPECT_OK(shoal_check(filling.heap, NULL, NULL));
    empty(&filling, way);
    EXPECT_OK(shoal_check(filling.heap, NULL, NULL));
  }
  end(&filling);
}

static void the_smallest_blocks_fill_every_byte(void) {
  fill_and_empty(16);
}

static void blocks_of_powers_of_two_fill_every_byte(void) {
  for (uint64_t size = 32; size <= SHL_CLASS_MAX_BYTES; size *= 4) fill_and_empty(size);
}

static void runs_fill_every_byte(void) {
  for (uint64_t size = 65536; size <= 1048576; size *= 2) fill_and_empty(size);
}

static void huge_blocks_fill_every_byte(void) {
  for (uint64_t size = SHL_CHUNK_BYTES; size <= DATA; size *= 2) fill_and_empty(size);
}

static void runs_of_nine_pages_leave_the_same_rest_each_time(void) {
  struct filling filling;
  const uint64_t size = 9 * SHL_PAGE_BYTES;
  const uint64_t expected = DATA / SHL_CHUNK_BYTES * (SHL_CHUNK_BYTES / size);
  ASSERT(begin(&filling));
  for (unsigned way = 0; way < WAYS; way++) {
    EXPECT_EQ(expected, fill_with(&filling, size));
    shoal_heap_stats stats = read_stats(&filling);
    EXPECT_EQ(expected * size, stats.live);
    EXPECT_EQ(DATA - expected * size, stats.free + stats.uncommitted);
    EXPECT_EQ(0, stats.cached);
    empty(&filling, way);
  }
  end(&filling);
}

// What slabs of the blocks' classes cannot use: the rest behind the last block of each.
static uint64_t count_rests(const struct filling *filling) {
  uint64_t counts[SHL_CLASS_COUNT] = {0}, rests = 0;
  for (uint64_t i = 0; i < filling->count; i++) {
    const void *start = shoal_ptr(filling->heap, filling->blocks[i]);
    counts[shl_class_of(shoal_usable_size(filling->heap, start))]++;
  }
  for (unsigned i = 1; i < SHL_CLASS_COUNT; i++) {
    const struct shl_class_info *info = &shl_classes[i];
    uint64_t slab = info->units * (uint64_t)SHL_UNIT_BYTES;
    EXPECT_EQ(0, counts[i] % info->blocks);
    rests += counts[i] / info->blocks * (slab - info->blocks * (uint64_t)info->bytes);
  }
  return rests;
}

// Blocks of many classes in random order until the first refusal, then of each class until its own.
static uint64_t fill_mixed(struct filling *filling, uint64_t seed) {
  uint64_t sizes[MIXED_SIZES];
  struct draw mix = {.state = seed};
  for (unsigned i = 0; i < MIXED_SIZES; i++) sizes[i] = draw_size(&mix, SHL_CLASS_MAX_BYTES);
  for (shoal_off off = 1; off != 0 && filling->count < BLOCKS_MAX;) {
    uint64_t size = sizes[draw_below(&mix, MIXED_SIZES)];
    off = shoal_alloc(filling->heap, size, 0);
    if (off == 0) break;
    mark(filling, off, shoal_usable_size(filling->heap, shoal_ptr(filling->heap, off)));
    filling->blocks[filling->count++] = off;
  }
  for (unsigned i = 0; i < MIXED_SIZES; i++) (void)fill_with(filling, sizes[i]);
  (void)fill_with(filling, 16);
  return filling->count;
}

static void mixed_blocks_fill_the_same_each_time(void) {
  struct filling filling;
  ASSERT(begin(&filling));
  for (uint64_t seed = 1; seed <= test_rounds(3); seed++) {
    uint64_t expected = 0;
    for (unsigned way = 0; way < WAYS; way++) {
      uint64_t count = fill_mixed(&filling, seed);
      if (way == 0) expected = count;
      EXPECT_EQ(expected, count);
      shoal_heap_stats stats = read_stats(&filling);
      EXPECT_EQ(0, stats.cached + stats.uncommitted);
      EXPECT_EQ(count_rests(&filling), stats.free);
      EXPECT_OK(shoal_check(filling.heap, NULL, NULL));
      empty(&filling, way);
      for (unsigned i = 1; i < WORKERS; i++) crew_renew(&filling.crew, i);
      EXPECT_OK(shoal_trim(filling.heap, SHOAL_TRIM_ALL));
      EXPECT_EQ(0, read_stats(&filling).committed);
    }
  }
  end(&filling);
}

SUITE(fill, TEST(the_smallest_blocks_fill_every_byte),
      TEST(blocks_of_powers_of_two_fill_every_byte), TEST(runs_fill_every_byte),
      TEST(huge_blocks_fill_every_byte), TEST(runs_of_nine_pages_leave_the_same_rest_each_time),
      TEST(mixed_blocks_fill_the_same_each_time))
