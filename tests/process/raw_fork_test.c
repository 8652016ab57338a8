// SPDX-License-Identifier: MIT
// Linux only: this file calls clone.
//
// Goal: a child made by a raw clone, in which no fork handler has run, harms its parent's heap by
// nothing but allocating and freeing with the handle it inherited: not by living on, not by opening
// the heap itself, not by closing.
// Method: a NAMED heap and children made by the bare system call.
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shoal/inspect.h>

#include "alloc/slot.h"
#include "tests/harness/harness.h"
#include "tests/harness/process.h"

enum { BLOCKS = 300, BYTES = 200, CHILD_SECONDS_MAX = 40 };

static shoal_heap *open_named(const char *name) {
  shoal_heap *heap = NULL;
  shoal_options options = {.size = sizeof options,
                           .flags = SHOAL_CREATE,
                           .capacity = 32 << 20,
                           .max_processes = 8,
                           .max_threads = 16};
  EXPECT_OK(shoal_open(name, &options, &heap));
  return heap;
}

static pid_t clone_raw(void) {
  return (pid_t)syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);
}

static void expect_good_end(pid_t child) {
  int status = -1;
  EXPECT_EQ(child, waitpid(child, &status, 0));
  EXPECT_EQ(0, status);
}

static bool can_fill(shoal_heap *heap, shoal_off *blocks) {
  for (unsigned i = 0; i < BLOCKS; i++) {
    blocks[i] = shoal_alloc(heap, BYTES, 0);
    if (blocks[i] == 0) return false;
  }
  return true;
}

static bool can_empty(shoal_heap *heap, const shoal_off *blocks) {
  for (unsigned i = 0; i < BLOCKS; i++) {
    if (shoal_free_offset(heap, blocks[i]) != SHOAL_OK) return false;
  }
  return true;
}

static shoal_heap_stats read_stats(shoal_heap *heap) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(heap, &stats));
  return stats;
}

// Frees the parent's blocks under a handle of its own. The number of the first thing wrong.
static int live_as_child(const char *name, const shoal_off *theirs) {
  shoal_off own[BLOCKS];
  (void)alarm(CHILD_SECONDS_MAX);
  shoal_heap *heap = open_named(name);
  if (heap == NULL) return 1;
  if (read_stats(heap).processes != 2) return 2;
  if (!can_fill(heap, own)) return 3;
  if (!can_empty(heap, theirs) || !can_empty(heap, own)) return 4;
  if (shoal_check(heap, NULL, NULL) != SHOAL_OK) return 5;
  return shoal_close(heap) == SHOAL_OK ? 0 : 6;
}

static void a_raw_child_that_opens_again_is_a_process_of_its_own(void) {
  char name[TEST_NAME_BYTES];
  shoal_off blocks[BLOCKS], later[BLOCKS];
  shoal_heap *heap = open_named(test_unique_name(name));
  ASSERT(heap != NULL && can_fill(heap, blocks));
  pid_t child = clone_raw();
  if (child == 0) _exit(live_as_child(name, blocks));
  EXPECT(can_fill(heap, later));
  expect_good_end(child);
  EXPECT_EQ(BLOCKS, read_stats(heap).live_blocks);
  EXPECT_EQ(1, read_stats(heap).processes);
  EXPECT(can_empty(heap, later));
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_close(heap));
}

static unsigned count_owned(shoal_heap *heap) {
  unsigned count = 0;
  for (uint32_t id = 1; id <= shl_slot_high_water(heap); id++) {
    count += shl_slot_is_ours(heap, id) ? 1 : 0;
  }
  return count;
}

static void a_raw_child_that_closes_gives_nothing_of_its_parents_back(void) {
  char name[TEST_NAME_BYTES];
  shoal_off blocks[BLOCKS];
  shoal_pin_id pin = 0;
  shoal_heap *heap = open_named(test_unique_name(name));
  ASSERT(heap != NULL && can_fill(heap, blocks));
  EXPECT_OK(shoal_pin(heap, blocks[0], BYTES, &pin));
  unsigned owned = count_owned(heap);
  EXPECT_EQ(2, owned);
  pid_t child = clone_raw();
  if (child == 0) {
    (void)alarm(CHILD_SECONDS_MAX);
    _exit(shoal_close(heap) == SHOAL_OK ? 0 : 1);
  }
  expect_good_end(child);
  EXPECT_EQ(owned, count_owned(heap));
  EXPECT_EQ(1, read_stats(heap).processes);
  EXPECT_OK(shoal_unpin(heap, pin));
  EXPECT(can_empty(heap, blocks));
  EXPECT_OK(shoal_close(heap));
}

// argv: the heap. Leaves a child behind that does nothing, and dies without closing.
static void be_father(int argc, char **argv) {
  shoal_off blocks[BLOCKS];
  shoal_heap *heap = argc == 1 ? open_named(argv[0]) : NULL;
  ASSERT(heap != NULL && can_fill(heap, blocks));
  pid_t child = clone_raw();
  ASSERT(child >= 0);
  if (child != 0) _exit(0);
  (void)alarm(CHILD_SECONDS_MAX);
  test_say("alive");
  test_await("end");
  test_say("ended");
  _exit(0);
}

static void a_raw_child_does_not_keep_its_parent_alive(void) {
  char name[TEST_NAME_BYTES];
  struct test_child father = {0};
  const char *arguments[] = {test_unique_name(name), NULL};
  shoal_heap *heap = open_named(name);
  ASSERT(heap != NULL && test_spawn(&father, "be_father", arguments));
  EXPECT(test_child_expect(&father, "alive"));
  test_child_await_zombie(&father);
  EXPECT_EQ(1, read_stats(heap).processes);
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  EXPECT_EQ(BLOCKS, read_stats(heap).live_blocks);
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  (void)test_child_send(&father, "end");
  (void)test_child_expect(&father, "ended");
  test_child_finish(&father);
  EXPECT_OK(shoal_close(heap));
}

SUITE(raw_fork, TEST(a_raw_child_that_opens_again_is_a_process_of_its_own),
      TEST(a_raw_child_that_closes_gives_nothing_of_its_parents_back),
      TEST(a_raw_child_does_not_keep_its_parent_alive), ROLE(be_father))
