// SPDX-License-Identifier: MIT
// Linux only: this file calls fork.
//
// Goal: a forked child has no part in its parent's shared heap until it opens it itself, and is a
// process of its own from then on: neither takes the other's blocks or slots, whoever dies first.
// Method: a NAMED heap, blocks of both marked, pipes for who may go on; helper processes for the
// parents that must die.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shoal/inspect.h>
#include <shoal/root.h>

#include "base/atomic.h"
#include "tests/harness/harness.h"
#include "tests/harness/process.h"
#include "tests/random/pattern.h"

enum { CAPACITY = 32 << 20, BLOCKS = 500, BYTES = 200, CHILD_SECONDS_MAX = 40 };

static shoal_status open_named(const char *name, shoal_heap **out) {
  shoal_options options = {.size = sizeof options,
                           .flags = SHOAL_CREATE,
                           .capacity = CAPACITY,
                           .max_processes = 8,
                           .max_threads = 16};
  return shoal_open(name, &options, out);
}

// returns: how many could not be had.
static uint64_t make_blocks(shoal_heap *heap, uint64_t mark, shoal_off *blocks) {
  uint64_t wrong = 0;
  for (unsigned i = 0; i < BLOCKS; i++) {
    blocks[i] = shoal_alloc(heap, BYTES, 0);
    if (blocks[i] == 0) wrong++;
    if (blocks[i] != 0) pattern_fill(shoal_ptr(heap, blocks[i]), BYTES, mark + i);
  }
  return wrong;
}

static uint64_t free_blocks(shoal_heap *heap, uint64_t mark, const shoal_off *blocks) {
  uint64_t wrong = 0;
  for (unsigned i = 0; i < BLOCKS; i++) {
    const void *start = shoal_ptr(heap, blocks[i]);
    bool whole = start != NULL && pattern_differs(start, BYTES, mark + i) == BYTES;
    wrong += whole && shoal_free_offset(heap, blocks[i]) == SHOAL_OK ? 0 : 1;
  }
  return wrong;
}

static uint64_t count_live(shoal_heap *heap) {
  shoal_heap_stats stats = {.size = sizeof stats};
  return shoal_stats(heap, &stats) == SHOAL_OK ? stats.live_blocks : UINT64_MAX;
}

// returns: as test_child_wait.
static int wait_for(pid_t child) {
  int status = 0;
  EXPECT_EQ(child, waitpid(child, &status, 0));
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// What each call says in a child that has not opened the heap. The number of the first wrong one.
static int try_inherited(shoal_heap *heap) {
  shoal_root root = {.off = 16};
  errno = 0;
  if (shoal_alloc(heap, 100, 0) != 0 || errno != ENOMEM) return 1;
  if (strstr(shoal_status_text(SHOAL_E_STALE), "forked") == NULL) return 2;
  if (shoal_malloc(heap, 100) != NULL || shoal_malloc(heap, 1 << 20) != NULL) return 3;
  if (shoal_trim(heap, SHOAL_TRIM_ALL) != SHOAL_E_STALE) return 4;
  if (shoal_root_set(heap, "one", &root) != SHOAL_E_STALE) return 5;
  return 0;
}

static void a_forked_child_must_open_again(void) {
  char name[TEST_NAME_BYTES];
  shoal_heap *heap;
  shoal_off blocks[BLOCKS];
  ASSERT_OK(open_named(test_unique_name(name), &heap));
  EXPECT_EQ(0, make_blocks(heap, 1000, blocks));
  pid_t child = fork();
  if (child == 0) {
    (void)alarm(CHILD_SECONDS_MAX);
    _exit(try_inherited(heap));
  }
  EXPECT_EQ(0, wait_for(child));
  EXPECT_EQ(BLOCKS, count_live(heap));
  EXPECT_EQ(0, free_blocks(heap, 1000, blocks));
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_close(heap));
}

// Opens the parent's heap anew, frees the parent's blocks, and its own.
static int live_as_child(const char *name, uint64_t mark, const shoal_off *blocks) {
  shoal_off own[BLOCKS];
  shoal_heap *heap = NULL;
  (void)alarm(CHILD_SECONDS_MAX);
  shoal_status status = open_named(name, &heap);
  if (status != SHOAL_OK) {
    (void)fprintf(stderr, "the forked child: %s\n", shoal_status_text(status));
    return 1;
  }
  shoal_heap_stats stats = {.size = sizeof stats};
  if (shoal_stats(heap, &stats) != SHOAL_OK || stats.processes != 2) return 2;
  if (make_blocks(heap, 9000, own) != 0) return 3;
  if (free_blocks(heap, mark, blocks) != 0) return 4;
  if (free_blocks(heap, 9000, own) != 0) return 5;
  if (shoal_check(heap, NULL, NULL) != SHOAL_OK) return 6;
  return shoal_close(heap) == SHOAL_OK ? 0 : 7;
}

static void a_forked_child_that_opens_again_is_a_process_of_its_own(void) {
  char name[TEST_NAME_BYTES];
  shoal_heap *heap;
  shoal_off blocks[BLOCKS], later[BLOCKS];
  ASSERT_OK(open_named(test_unique_name(name), &heap));
  for (uint64_t round = 1; round <= 10 && !test_has_failed(); round++) {
    EXPECT_EQ(0, make_blocks(heap, round * 1000, blocks));
    pid_t child = fork();
    if (child == 0) _exit(live_as_child(name, round * 1000, blocks));
    EXPECT_EQ(0, make_blocks(heap, 77000, later));
    EXPECT_EQ(0, wait_for(child));
    EXPECT_EQ(BLOCKS, count_live(heap));
    EXPECT_EQ(0, free_blocks(heap, 77000, later));
    EXPECT_OK(shoal_check(heap, NULL, NULL));
  }
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(heap, &stats));
  EXPECT_EQ(0, stats.live + stats.cached + stats.committed);
  EXPECT_EQ(1, stats.processes);
  EXPECT_OK(shoal_close(heap));
}

static int outlive(const char *name, int end, const shoal_off *blocks) {
  shoal_heap *heap = NULL;
  shoal_off own[BLOCKS];
  char byte;
  (void)alarm(CHILD_SECONDS_MAX);
  if (open_named(name, &heap) != SHOAL_OK) return 1;
  if (make_blocks(heap, 9000, own) != 0) return 2;
  test_say("opened");
  // The end: the father is exiting. What follows is for us, and is said when he is dead for
  // certain: his descriptors may be closed before his liveness lock is gone.
  if (read(end, &byte, 1) != 0) return 3;
  test_await("go on");
  if (count_live(heap) != 2 * BLOCKS) return 4;
  if (free_blocks(heap, 1000, blocks) != 0 || free_blocks(heap, 9000, own) != 0) return 5;
  if (shoal_check(heap, NULL, NULL) != SHOAL_OK || count_live(heap) != 0) return 6;
  return shoal_close(heap) == SHOAL_OK ? 0 : 7;
}

// argv: the heap. Dies without closing, on a signal, once its child has the heap open.
static void be_father(int argc, char **argv) {
  shoal_off blocks[BLOCKS];
  shoal_heap *heap;
  int ends[2];
  if (argc != 1) exit(3);
  ASSERT_OK(open_named(argv[0], &heap));
  ASSERT_EQ(0, make_blocks(heap, 1000, blocks));
  ASSERT_EQ(0, pipe2(ends, O_CLOEXEC));
  pid_t child = fork();
  ASSERT(child >= 0);
  if (child == 0) {
    (void)close(ends[1]);
    test_say("%d is wrong", outlive(argv[0], ends[0], blocks));
    _exit(0);
  }
  test_await("die");
  _exit(0);
}

static void a_child_lives_on_when_its_parent_is_dead(void) {
  char name[TEST_NAME_BYTES];
  struct test_child father = {0};
  const char *arguments[] = {test_unique_name(name), NULL};
  ASSERT(test_spawn(&father, "be_father", arguments));
  ASSERT(test_child_expect(&father, "opened"));
  (void)test_child_send(&father, "die");
  test_child_await_zombie(&father);
  (void)test_child_send(&father, "go on");
  (void)test_child_expect(&father, "0 is wrong");
  test_child_finish(&father);
}

static void a_parent_lives_on_when_its_child_is_killed(void) {
  char name[TEST_NAME_BYTES];
  shoal_heap *heap;
  shoal_off blocks[BLOCKS], theirs[BLOCKS];
  ASSERT_OK(open_named(test_unique_name(name), &heap));
  for (unsigned round = 0; round < 5; round++) {
    EXPECT_EQ(0, make_blocks(heap, 1000, blocks));
    pid_t child = fork();
    if (child == 0) {
      (void)alarm(CHILD_SECONDS_MAX);
      shoal_heap *own = NULL;
      if (open_named(name, &own) != SHOAL_OK) _exit(1);
      while (make_blocks(own, 9000, theirs) == 0 && free_blocks(own, 9000, theirs) == 0) continue;
      _exit(2);
    }
    for (unsigned i = 0; i < 50; i++) {
      EXPECT_EQ(0, free_blocks(heap, 1000, blocks));
      EXPECT_EQ(0, make_blocks(heap, 1000, blocks));
    }
    EXPECT_EQ(0, kill(child, SIGKILL));
    EXPECT_EQ(-SIGKILL, wait_for(child));
    EXPECT_EQ(0, free_blocks(heap, 1000, blocks));
    EXPECT_OK(shoal_check(heap, NULL, NULL));
  }
  EXPECT_OK(shoal_close(heap));
}

SUITE(fork_shared, TEST(a_forked_child_must_open_again),
      TEST(a_forked_child_that_opens_again_is_a_process_of_its_own),
      TEST(a_child_lives_on_when_its_parent_is_dead),
      TEST(a_parent_lives_on_when_its_child_is_killed), ROLE(be_father))
