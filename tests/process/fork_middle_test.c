// SPDX-License-Identifier: MIT
// Linux only: this file calls fork.
//
// Goal: a fork while the parent's other threads are in the middle of calls on a shared heap leaves
// both sides whole: the child, which opens the heap itself, takes no block of the parent's hands,
// and its death or end takes nothing from the parent.
// Method: threads of the parent work without pause while children are forked, each of which marks
// blocks of the same class, looks at the marks and ends, or is killed with a known number of them;
// then all is counted.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shoal/inspect.h>

#include "base/atomic.h"
#include "tests/harness/harness.h"

enum { CAPACITY = 64 << 20, WORKERS = 2, BLOCKS = 400, BYTES = 64, FORKS = 24, SECONDS_MAX = 40 };

static char name[TEST_NAME_BYTES];
static shoal_heap *heap;
static shl_a32 stop;

static shoal_heap *open_named(void) {
  shoal_heap *opened = NULL;
  shoal_options options = {.size = sizeof options,
                           .flags = SHOAL_CREATE,
                           .capacity = CAPACITY,
                           .max_processes = 8,
                           .max_threads = 32};
  return shoal_open(name, &options, &opened) == SHOAL_OK ? opened : NULL;
}

// Marks blocks, and frees those whose marks stand. returns: how many things were wrong.
static uint64_t mark_and_free(shoal_heap *own, uint64_t mark) {
  shoal_off offs[BLOCKS];
  uint64_t wrong = 0;
  for (unsigned i = 0; i < BLOCKS; i++) {
    offs[i] = shoal_alloc(own, BYTES, 0);
    uint64_t *block = shoal_ptr(own, offs[i]);
    if (block != NULL) *block = mark + i;
  }
  for (unsigned i = 0; i < BLOCKS; i++) {
    const uint64_t *block = shoal_ptr(own, offs[i]);
    wrong += block == NULL || *block != mark + i ? 1 : 0;
    wrong += shoal_free_offset(own, offs[i]) == SHOAL_OK ? 0 : 1;
  }
  return wrong;
}

static void *work(void *number) {
  uint64_t mark = (uint64_t)(uintptr_t)number << 48, wrong = 0;
  while (shl_load_acquire_u32(&stop) == 0) {
    wrong += mark_and_free(heap, mark);
    mark += BLOCKS;
  }
  EXPECT_EQ(0, wrong);
  return NULL;
}

static int live_as_child(uint64_t mark) {
  (void)alarm(SECONDS_MAX);
  shoal_heap *own = open_named();
  if (own == NULL) return 1;
  for (unsigned i = 0; i < 20; i++) {
    if (mark_and_free(own, mark + i * BLOCKS) != 0) return 2;
  }
  if (shoal_check(own, NULL, NULL) != SHOAL_OK) return 3;
  return shoal_close(own) == SHOAL_OK ? 0 : 4;
}

// Says so when it has its blocks, and waits to be killed.
static int live_until_killed(int end) {
  (void)alarm(SECONDS_MAX);
  shoal_heap *own = open_named();
  if (own == NULL || mark_and_free(own, UINT64_C(8) << 48) != 0) return 1;
  for (unsigned i = 0; i < BLOCKS; i++) {
    if (shoal_alloc(own, BYTES, 0) == 0) return 2;
  }
  if (write(end, "x", 1) != 1) return 3;
  for (;;) (void)pause();
}

static void expect_end(pid_t child, int expected) {
  int status = -1;
  EXPECT_EQ(child, waitpid(child, &status, 0));
  EXPECT_EQ(expected, status);
}

static void have_a_child(unsigned number) {
  pid_t child = fork();
  if (child == 0) _exit(live_as_child((uint64_t)(number + 10) << 48));
  ASSERT(child > 0);
  EXPECT_EQ(0, mark_and_free(heap, UINT64_C(9) << 48));
  expect_end(child, 0);
}

static void have_a_child_killed(void) {
  int ends[2];
  char byte;
  ASSERT_EQ(0, pipe(ends));
  pid_t child = fork();
  if (child == 0) _exit(live_until_killed(ends[1]));
  (void)close(ends[1]);
  EXPECT_EQ(1, read(ends[0], &byte, 1));
  EXPECT_EQ(0, kill(child, SIGKILL));
  expect_end(child, SIGKILL);
  (void)close(ends[0]);
}

static shoal_heap_stats read_stats(void) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(heap, &stats));
  return stats;
}

static int free_it(void *unused, const shoal_block *block) {
  (void)unused;
  EXPECT_OK(shoal_free_offset(heap, block->off));
  return 0;
}

// The blocks of those that were killed alone are left.
static void expect_exact(uint64_t killed) {
  EXPECT_OK(shoal_reap(heap));
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  shoal_heap_stats stats = read_stats();
  EXPECT_EQ(1, stats.processes);
  EXPECT_EQ(killed, stats.deaths);
  EXPECT_EQ(killed * BLOCKS, stats.live_blocks);
  EXPECT_EQ(0, stats.thread_slots_dead);
  EXPECT_OK(shoal_walk(heap, free_it, NULL));
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  stats = read_stats();
  EXPECT_EQ(0, stats.live_blocks + stats.cached + stats.committed);
}

static void a_fork_in_the_middle_of_others_calls_leaves_both_whole(void) {
  if (test_in_memcheck()) SKIP("memcheck counts the other threads' memory as lost");
  pthread_t threads[WORKERS];
  (void)test_unique_name(name);
  heap = open_named();
  ASSERT(heap != NULL);
  shl_store_release_u32(&stop, 0);
  for (uintptr_t i = 0; i < WORKERS; i++) {
    ASSERT_EQ(0, pthread_create(&threads[i], NULL, work, (void *)(i + 1)));
  }
  uint64_t forks = test_rounds(FORKS);
  for (unsigned i = 0; i < forks && !test_has_failed(); i++) {
    have_a_child(i + 1);
    have_a_child_killed();
  }
  shl_store_release_u32(&stop, 1);
  for (unsigned i = 0; i < WORKERS; i++) ASSERT_EQ(0, pthread_join(threads[i], NULL));
  expect_exact(forks);
  EXPECT_OK(shoal_close(heap));
}

SUITE(fork_middle, TEST(a_fork_in_the_middle_of_others_calls_leaves_both_whole))
