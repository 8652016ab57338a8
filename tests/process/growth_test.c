// SPDX-License-Identifier: MIT
// Goal: a heap grows from nothing while others are attached, who see what stands in the new memory
// at once; and the default capacity of 64 GiB costs what is used of it. Method: helper processes
// that attached to the empty heap; each allocates, the others verify and free.
#include <stdio.h>
#include <stdlib.h>

#include "tests/process/stage.h"

enum { CAPACITY = 256 << 20, THREADS = 32, HELPERS = 3, MIB = 1 << 20 };

static struct stage stage;

static void others_see_at_once_what_stands_in_new_memory(void) {
  ASSERT(stage_open(&stage, CAPACITY, THREADS));
  for (unsigned i = 1; i <= HELPERS; i++) ASSERT(stage_hire(&stage, i));
  uint64_t high_water = stage_stats(&stage).chunks_high_water;
  for (unsigned i = 1; i <= HELPERS; i++) {
    stage_do(&stage, i, "feed 0 1000");
    EXPECT_LT(high_water, stage_stats(&stage).chunks_high_water);
    high_water = stage_stats(&stage).chunks_high_water;
    stage_do(&stage, i % HELPERS + 1, "eat 1 500");
  }
  stage_do(&stage, 0, "eat 0 1500");
  stage_close(&stage);
}

static void processes_that_grow_it_at_once_do_not_overlap(void) {
  for (unsigned round = 0; round < test_rounds(8); round++) {
    ASSERT(stage_open(&stage, CAPACITY, THREADS));
    for (unsigned i = 1; i <= HELPERS; i++) ASSERT(stage_hire(&stage, i));
    for (unsigned i = 1; i <= HELPERS; i++) stage_begin(&stage, i, "feed 0 1300");
    for (unsigned i = 1; i <= HELPERS; i++) stage_await(&stage, i);
    for (unsigned i = 1; i <= HELPERS; i++) stage_begin(&stage, i, "eat 1 1300");
    for (unsigned i = 1; i <= HELPERS; i++) stage_await(&stage, i);
    stage_close(&stage);
  }
}

static const size_t default_sizes[] = {1, 100, 5000, 40000, 1 * MIB, 3 * MIB, 40 * MIB};

enum { SIZES = sizeof default_sizes / sizeof default_sizes[0] };

static bool is_spelled(const shoal_heap *heap, shoal_off off, size_t size) {
  const char *start = shoal_ptr(heap, off);
  return start[0] == 'a' && start[size - 1] == 'a';
}

static void spell(const shoal_heap *heap, shoal_off off, size_t size) {
  char *start = shoal_ptr(heap, off);
  start[size - 1] = 'a';
  start[0] = 'a';
}

// argv: the heap. Sends back what it allocated and frees what it is sent.
static void use_default(int argc, char **argv) {
  shoal_heap *heap;
  char line[TEST_LINE_BYTES];
  if (argc != 1) exit(3);
  ASSERT_OK(shoal_open(argv[0], NULL, &heap));
  for (unsigned i = 0; i < SIZES; i++) {
    shoal_off off = shoal_alloc(heap, default_sizes[i], 0);
    ASSERT_NE(0, off);
    spell(heap, off, default_sizes[i]);
    test_say("%llu", (unsigned long long)off);
    if (!test_hear(line)) exit(1);
    off = strtoull(line, NULL, 10);
    EXPECT(is_spelled(heap, off, default_sizes[i]));
    EXPECT_OK(shoal_free_offset(heap, off));
  }
  test_say("bye");
  test_await("bye");
  ASSERT_OK(shoal_close(heap));
}

static void swap_blocks(shoal_heap *heap, struct test_child *child) {
  char line[TEST_LINE_BYTES];
  for (unsigned i = 0; i < SIZES; i++) {
    shoal_off off = shoal_alloc(heap, default_sizes[i], 0);
    ASSERT_NE(0, off);
    spell(heap, off, default_sizes[i]);
    ASSERT(test_child_receive(child, line));
    ASSERT(test_child_send(child, "%llu", (unsigned long long)off));
    off = strtoull(line, NULL, 10);
    EXPECT(is_spelled(heap, off, default_sizes[i]));
    EXPECT_OK(shoal_free_offset(heap, off));
  }
  (void)test_child_expect(child, "bye");
}

// Everything default but CREATE: 64 GiB, of which only what is used is backed.
static void a_heap_with_default_options_works(void) {
  char name[TEST_NAME_BYTES];
  shoal_heap *heap;
  struct test_child child = {0};
  shoal_options options = {.size = sizeof options, .flags = SHOAL_CREATE};
  ASSERT_OK(shoal_open(test_unique_name(name), &options, &heap));
  const char *arguments[] = {name, NULL};
  ASSERT(test_spawn(&child, "use_default", arguments));
  swap_blocks(heap, &child);
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(heap, &stats));
  EXPECT_EQ(UINT64_C(64) << 30, stats.capacity);
  EXPECT_LT(stats.committed + stats.metadata_committed, 128 * MIB);
  EXPECT_EQ(0, stats.live);
  (void)test_child_send(&child, "bye");
  test_child_finish(&child);
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  EXPECT_OK(shoal_stats(heap, &stats));
  EXPECT_EQ(0, stats.committed);
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_close(heap));
}

SUITE(growth, TEST(others_see_at_once_what_stands_in_new_memory),
      TEST(processes_that_grow_it_at_once_do_not_overlap), TEST(a_heap_with_default_options_works),
      ROLE(station_serve), ROLE(use_default))
