// SPDX-License-Identifier: MIT
// Goal: opening and closing a heap, however often, leaves no descriptor, mapping, name, lock,
// process record or slot, and one heap opened twice in a process is one handle. Method: a thousand
// rounds each, /proc before and after, a helper process that keeps the heap open or not. Linux.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/inspect.h>

#include "tests/harness/harness.h"
#include "tests/harness/process.h"
#include "tests/random/holdings.h"

enum { CAPACITY = 16 << 20, ROUNDS = 1000, THREADS = 4, PATH_BYTES = TEST_NAME_BYTES + 32 };

static shoal_status open_named(const char *name, unsigned flags, shoal_heap **out) {
  shoal_options options = {.size = sizeof options,
                           .flags = flags,
                           .capacity = CAPACITY,
                           .max_processes = 4,
                           .max_threads = 16};
  return shoal_open(name, &options, out);
}

static shoal_heap_stats read_stats(shoal_heap *heap) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(heap, &stats));
  return stats;
}

static void open_use_close(const char *name) {
  shoal_heap *heap;
  ASSERT_OK(open_named(name, SHOAL_CREATE, &heap));
  shoal_off off = shoal_alloc(heap, 100, 0);
  EXPECT_NE(0, off);
  EXPECT_OK(shoal_free_offset(heap, off));
  EXPECT_OK(shoal_close(heap));
}

static void a_thousand_heaps_leave_nothing(void) {
  char name[TEST_NAME_BYTES], path[PATH_BYTES];
  (void)test_unique_name(name);
  (void)snprintf(path, sizeof path, "/dev/shm/shoal.%s", name);
  uint64_t descriptors = holdings_descriptors(), mappings = 0;
  for (unsigned i = 0; i < test_rounds(ROUNDS); i++) {
    open_use_close(name);
    if (i == 9) mappings = holdings_mappings();
    if (i % 100 != 0) continue;
    EXPECT_EQ(0, holdings_objects(name));
    EXPECT_EQ(descriptors, holdings_descriptors());
  }
  EXPECT_EQ(mappings, holdings_mappings());
  EXPECT_EQ(descriptors, holdings_descriptors());
  EXPECT_EQ(0, holdings_locks(path));
}

// argv: the heap. Keeps it open until told.
static void keep_open(int argc, char **argv) {
  shoal_heap *heap;
  if (argc != 1) exit(3);
  ASSERT_OK(open_named(argv[0], 0, &heap));
  test_say("open");
  test_await("close");
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  ASSERT_OK(shoal_close(heap));
}

static void a_thousand_visits_to_a_heap_leave_it_as_it_was(void) {
  char name[TEST_NAME_BYTES], path[PATH_BYTES];
  shoal_heap *heap;
  struct test_child child = {0};
  const char *arguments[] = {test_unique_name(name), NULL};
  (void)snprintf(path, sizeof path, "/dev/shm/shoal.%s", name);
  ASSERT_OK(open_named(name, SHOAL_CREATE, &heap));
  ASSERT(test_spawn(&child, "keep_open", arguments));
  ASSERT(test_child_expect(&child, "open"));
  open_use_close(name);
  EXPECT_OK(shoal_close(heap));
  uint64_t descriptors = holdings_descriptors(), mappings = 0, locks = holdings_locks(path);
  for (unsigned i = 0; i < test_rounds(ROUNDS); i++) {
    open_use_close(name);
    if (i == 9) mappings = holdings_mappings();
  }
  EXPECT_EQ(mappings, holdings_mappings());
  EXPECT_EQ(descriptors, holdings_descriptors());
  EXPECT_EQ(locks, holdings_locks(path));
  ASSERT_OK(open_named(name, 0, &heap));
  shoal_heap_stats stats = read_stats(heap);
  EXPECT_EQ(2, stats.processes);
  EXPECT_EQ(0, stats.live + stats.thread_slots_dead);
  EXPECT_LE(stats.thread_slots_orphan, 4);
  EXPECT_OK(shoal_close(heap));
  (void)test_child_send(&child, "close");
  test_child_finish(&child);
  EXPECT_EQ(0, holdings_objects(name));
}

static void the_same_heap_twice_is_one_handle(void) {
  char name[TEST_NAME_BYTES];
  shoal_heap *first, *second, *third;
  ASSERT_OK(open_named(test_unique_name(name), SHOAL_CREATE, &first));
  ASSERT_OK(open_named(name, SHOAL_CREATE, &second));
  ASSERT_OK(open_named(name, 0, &third));
  EXPECT_EQ(first, second);
  EXPECT_EQ(first, third);
  EXPECT_STATUS(SHOAL_E_EXISTS, open_named(name, SHOAL_CREATE | SHOAL_EXCLUSIVE, &third));
  EXPECT_EQ(1, read_stats(first).processes);
  shoal_off off = shoal_alloc(first, 1000, 0);
  EXPECT_OK(shoal_close(second));
  EXPECT_OK(shoal_close(first));
  memset(shoal_ptr(first, off), 7, 1000);
  EXPECT_EQ(1, read_stats(first).live_blocks);
  EXPECT_OK(shoal_free_offset(first, off));
  EXPECT_OK(shoal_close(first));
  EXPECT_EQ(0, holdings_objects(name));
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, open_named(name, 0, &first));
}

static void *visit(void *argument) {
  for (unsigned i = 0; i < test_rounds(200); i++) open_use_close(argument);
  return NULL;
}

static void threads_that_open_and_close_at_once_leave_nothing(void) {
  char name[TEST_NAME_BYTES];
  pthread_t threads[THREADS];
  (void)test_unique_name(name);
  uint64_t descriptors = holdings_descriptors();
  for (unsigned i = 0; i < THREADS; i++) {
    ASSERT_EQ(0, pthread_create(&threads[i], NULL, visit, name));
  }
  for (unsigned i = 0; i < THREADS; i++) ASSERT_EQ(0, pthread_join(threads[i], NULL));
  EXPECT_EQ(descriptors, holdings_descriptors());
  EXPECT_EQ(0, holdings_objects(name));
}

SUITE(reopen, TEST(a_thousand_heaps_leave_nothing),
      TEST(a_thousand_visits_to_a_heap_leave_it_as_it_was), TEST(the_same_heap_twice_is_one_handle),
      TEST(threads_that_open_and_close_at_once_leave_nothing), ROLE(keep_open))
