// SPDX-License-Identifier: MIT
// Linux only: pthread_cancel.
//
// Goal: a thread that is to be cancelled comes out of every call before it is: no call is a point
// of cancellation, so none leaves a lock, a claim or a block behind.
// Method: threads with a cancellation pending make every call that asks the system for something,
// in a NAMED heap; each must come to its own point behind them.
#include <pthread.h>

#include <shoal/exact.h>
#include <shoal/inspect.h>
#include <shoal/root.h>

#include "alloc/slot.h"
#include "tests/harness/harness.h"

enum { CAPACITY = 64 << 20, HUGE = 5 << 20 };

static char name[TEST_NAME_BYTES], second_name[TEST_NAME_BYTES];
static shoal_heap *heap;
static bool came_through;

static shoal_heap *open_named(const char *which) {
  shoal_heap *opened = NULL;
  shoal_options options = {.size = sizeof options,
                           .flags = SHOAL_CREATE,
                           .capacity = CAPACITY,
                           .max_processes = 4,
                           .max_threads = 8};
  EXPECT_OK(shoal_open(which, &options, &opened));
  return opened;
}

static void open_heap(void) {
  heap = open_named(test_unique_name(name));
  (void)test_unique_name(second_name);
  came_through = false;
}

static shoal_heap_stats read_stats(void) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(heap, &stats));
  return stats;
}

// Nothing of the thread's is left: not even a slot in use.
static void close_heap(void) {
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_EQ(0, read_stats().live_blocks);
  EXPECT_EQ(0, read_stats().deaths);
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  EXPECT_EQ(0, read_stats().committed);
  EXPECT_OK(shoal_close(heap));
}

static void allocate_each_kind(void) {
  const size_t sizes[] = {64, 6000, 100000, HUGE};
  for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    shoal_off off = shoal_alloc(heap, sizes[i], SHOAL_ZERO);
    EXPECT_NE(0, off);
    EXPECT_OK(shoal_free_offset(heap, off));
  }
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
}

static void open_and_close(void) {
  shoal_heap *second = open_named(second_name);
  EXPECT_NE(0, shoal_alloc(second, 64, 0));
  EXPECT_OK(shoal_close(second));
  (void)shoal_unlink(second_name);
}

static void look_for_the_dead(void) {
  EXPECT_OK(shoal_reap(heap));
  EXPECT_OK(shoal_check(heap, NULL, NULL));
}

static void *run_cancelled(void *work) {
  void (*run)(void);
  (void)pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
  (void)pthread_cancel(pthread_self());
  *(void **)(void *)&run = *(void **)work;
  run();
  came_through = true;
  pthread_testcancel();
  return NULL;
}

static void expect_to_come_through(void (*work)(void)) {
  pthread_t thread;
  void *result = NULL;
  ASSERT_EQ(0, pthread_create(&thread, NULL, run_cancelled, (void *)&work));
  ASSERT_EQ(0, pthread_join(thread, &result));
  EXPECT(result == PTHREAD_CANCELED);
  EXPECT(came_through);
}

static void growth_and_trim_are_no_points_of_cancellation(void) {
  expect_to_come_through(allocate_each_kind);
}

static void open_and_close_are_none(void) {
  expect_to_come_through(open_and_close);
}

static void looking_for_the_dead_is_none(void) {
  expect_to_come_through(look_for_the_dead);
}

SUITE(cancel, SET_UP(open_heap), TEAR_DOWN(close_heap),
      TEST(growth_and_trim_are_no_points_of_cancellation), TEST(open_and_close_are_none),
      TEST(looking_for_the_dead_is_none))
