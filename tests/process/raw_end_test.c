// SPDX-License-Identifier: MIT
// Linux only: SYS_exit.
//
// Goal: threads that end without their destructors, by the bare system call, leave a slot that is
// recovered like that of any dead, and nothing in the process that trips those who come after.
// Method: such threads with blocks, a reservation and a hand; then others in their memory.
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <shoal/exact.h>
#include <shoal/inspect.h>

#include "tests/harness/harness.h"

enum { CAPACITY = 32 << 20, THREADS = 12, BYTES = 200 };

static char name[TEST_NAME_BYTES];
static shoal_heap *heap;

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

static shoal_heap_stats read_stats(void) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(heap, &stats));
  return stats;
}

static void *end_raw(void *out) {
  shoal_off reserved = 0;
  *(shoal_off *)out = shoal_alloc(heap, BYTES, 0);
  EXPECT_OK(shoal_reserve(heap, BYTES, 0, &reserved));
  (void)syscall(SYS_exit, 0);
  return NULL;
}

static void *end_well(void *out) {
  *(shoal_off *)out = shoal_alloc(heap, BYTES, 0);
  return NULL;
}

static shoal_off run(void *(*work)(void *)) {
  shoal_off off = 0;
  pthread_t thread;
  if (pthread_create(&thread, NULL, work, &off) != 0) FAIL("no thread");
  EXPECT_EQ(0, pthread_join(thread, NULL));
  EXPECT_NE(0, off);
  return off;
}

// More of them than the table has slots, so that the dead's are needed.
static void threads_without_destructors_lose_nothing(void) {
  shoal_off offs[2 * THREADS];
  heap = open_named(test_unique_name(name));
  for (unsigned i = 0; i < THREADS; i++) {
    offs[2 * i] = run(end_raw);
    offs[2 * i + 1] = run(end_well);
  }
  EXPECT_OK(shoal_reap(heap));
  shoal_heap_stats stats = read_stats();
  EXPECT_EQ(2 * THREADS, stats.live_blocks);
  EXPECT_EQ(THREADS, stats.deaths);
  EXPECT_EQ(0, stats.reservations);
  EXPECT_EQ(0, stats.thread_slots_dead);
  for (unsigned i = 0; i < 2 * THREADS; i++) EXPECT_OK(shoal_free_offset(heap, offs[i]));
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  EXPECT_EQ(0, read_stats().committed);
  EXPECT_OK(shoal_close(heap));
}

// Nobody reaps, and slots there are enough of: who needs slabs meets the dead.
static void they_are_noticed_by_who_allocates(void) {
  enum { SOME = 64, ENOUGH = 300 * SOME, WIDE = 1000 };
  static shoal_off offs[ENOUGH];
  unsigned count = 0;
  heap = open_named(test_unique_name(name));
  EXPECT_OK(shoal_free_offset(heap, shoal_alloc(heap, WIDE, 0)));
  shoal_off left = run(end_raw);
  EXPECT_EQ(1, read_stats().thread_slots_dead);
  while (count < ENOUGH && read_stats().thread_slots_dead != 0) {
    for (unsigned i = 0; i < SOME; i++) offs[count++] = shoal_alloc(heap, WIDE, 0);
  }
  EXPECT_EQ(0, read_stats().thread_slots_dead);
  EXPECT_EQ(1, read_stats().deaths);
  EXPECT_EQ(0, read_stats().reservations);
  for (unsigned i = 0; i < count; i++) EXPECT_OK(shoal_free_offset(heap, offs[i]));
  EXPECT_OK(shoal_free_offset(heap, left));
  EXPECT_EQ(0, read_stats().live_blocks);
  EXPECT_OK(shoal_close(heap));
}

static void *use_second(void *second) {
  EXPECT_NE(0, shoal_alloc(second, BYTES, 0));
  return NULL;
}

// What the process keeps of its threads does not lead into the memory of those that are gone.
static void a_heap_closes_after_them(void) {
  char second_name[TEST_NAME_BYTES];
  pthread_t thread;
  heap = open_named(test_unique_name(name));
  for (unsigned i = 0; i < THREADS; i++) {
    (void)run(end_raw);
    shoal_heap *second = open_named(test_unique_name(second_name));
    ASSERT_EQ(0, pthread_create(&thread, NULL, use_second, second));
    ASSERT_EQ(0, pthread_join(thread, NULL));
    EXPECT_OK(shoal_close(second));
  }
  EXPECT_OK(shoal_close(heap));
}

SUITE(raw_end, TEST(threads_without_destructors_lose_nothing),
      TEST(they_are_noticed_by_who_allocates), TEST(a_heap_closes_after_them))
