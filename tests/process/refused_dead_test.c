// SPDX-License-Identifier: MIT
// Goal: what a killed process had in hand, in its slabs or reserved is memory for who would be
// refused otherwise: nobody has to reap first, and it is had exactly once.
// Method: helper processes take all that a small heap has and keep some of it to themselves; the
// test is refused while they live, and served once they are killed.
#include <errno.h>
#include <stdlib.h>

#include <shoal/exact.h>
#include <shoal/inspect.h>

#include "tests/harness/harness.h"
#include "tests/harness/process.h"

enum { CAPACITY = 16 << 20, SMALL = 1024, CACHED = 3 };

static char name[TEST_NAME_BYTES];
static shoal_heap *heap;
static struct test_child child;

static void open_heap(void) {
  shoal_options options = {.size = sizeof options,
                           .flags = SHOAL_CREATE,
                           .capacity = CAPACITY,
                           .max_processes = 4,
                           .max_threads = 8};
  ASSERT_OK(shoal_open(test_unique_name(name), &options, &heap));
  child = (struct test_child){.runs = false};
}

static void close_heap(void) {
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_close(heap));
}

static void start(const char *role, const char *size) {
  const char *const arguments[] = {name, size, NULL};
  ASSERT(test_spawn(&child, role, arguments));
}

static shoal_heap_stats read_stats(void) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(heap, &stats));
  return stats;
}

// argv: the heap, a size. Reserves all there is and tells how many blocks that was.
static void reserve_all(int argc, char **argv) {
  unsigned count = 0;
  shoal_off off;
  if (argc != 2) exit(3);
  size_t size = (size_t)strtoul(argv[1], NULL, 10);
  ASSERT_OK(shoal_open(argv[0], NULL, &heap));
  while (shoal_reserve(heap, size, 0, &off) == SHOAL_OK) count++;
  test_say("%u", count);
  test_await("end");
}

// argv: the heap. Allocates all there is and frees a few blocks, which stay in its hand.
static void cache_the_last(int argc, char **argv) {
  shoal_off offs[CACHED], off;
  unsigned count = 0;
  if (argc != 1) exit(3);
  ASSERT_OK(shoal_open(argv[0], NULL, &heap));
  while ((off = shoal_alloc(heap, SMALL, 0)) != 0) offs[count++ % CACHED] = off;
  for (unsigned i = 0; i < CACHED; i++) EXPECT_OK(shoal_free_offset(heap, offs[i]));
  test_say("%u", count - CACHED);
  test_await("end");
}

static unsigned hear_count(void) {
  char line[TEST_LINE_BYTES];
  EXPECT(test_child_receive(&child, line));
  return (unsigned)strtoul(line, NULL, 10);
}

static void expect_refusal(size_t size) {
  errno = 0;
  EXPECT_EQ(0, shoal_alloc(heap, size, 0));
  EXPECT_EQ(ENOMEM, errno);
}

static void expect_served(size_t size, unsigned count) {
  for (unsigned i = 0; i < count; i++) EXPECT_NE(0, shoal_alloc(heap, size, 0));
  expect_refusal(size);
}

static void expect_reservations_to_serve(const char *size) {
  size_t bytes = (size_t)strtoul(size, NULL, 10);
  open_heap();
  start("reserve_all", size);
  unsigned count = hear_count();
  EXPECT_LT(1, count);
  expect_refusal(bytes);
  EXPECT_EQ(count, read_stats().reservations);
  test_child_kill(&child);
  expect_served(bytes, count);
  EXPECT_EQ(count, read_stats().live_blocks);
  EXPECT_EQ(1, read_stats().deaths);
  EXPECT_EQ(0, read_stats().reservations);
  close_heap();
}

static void what_the_killed_had_reserved_serves_who_would_be_refused(void) {
  expect_reservations_to_serve("600000");
  expect_reservations_to_serve("2097152");
}

static void what_the_killed_had_in_hand_serves_who_would_be_refused(void) {
  open_heap();
  start("cache_the_last", NULL);
  unsigned count = hear_count();
  EXPECT_LT(CACHED, count);
  expect_refusal(SMALL);
  EXPECT_EQ(count, read_stats().live_blocks);
  test_child_kill(&child);
  expect_served(SMALL, CACHED);
  EXPECT_EQ(count + CACHED, read_stats().live_blocks);
  EXPECT_EQ(1, read_stats().deaths);
  close_heap();
}

SUITE(refused_dead, TEST(what_the_killed_had_reserved_serves_who_would_be_refused),
      TEST(what_the_killed_had_in_hand_serves_who_would_be_refused), ROLE(reserve_all),
      ROLE(cache_the_last))
