// SPDX-License-Identifier: MIT
// Linux only: this file calls fork.
//
// Goal: what a forked child does with a handle it inherited, closing it included, changes nothing
// for its parent; when it opens the heap itself it has the parent's mapping, or one of its own
// where it wants another kind. Method: a parent that has the heap open, children that say by their
// exit code at which step something was wrong.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shoal/inspect.h>

#include "alloc/handle.h"
#include "alloc/pin.h"
#include "mapping/process.h"
#include "tests/harness/harness.h"
#include "tests/mapping/fault.h"
#include "tests/mapping/peer.h"

enum { CHILD_SECONDS_MAX = 40 };

static struct place place;
static shoal_heap *heap;

static void open_here(void) {
  heap = NULL;
  place_choose(&place, PLACE_NAMED);
  ASSERT_OK(place_open(&place, SHOAL_CREATE | SHOAL_EXCLUSIVE, &heap));
}

static void close_here(void) {
  if (heap == NULL) return;
  place_expect_works(heap);
  EXPECT_OK(shoal_close(heap));
  EXPECT_EQ(0, place_inode(&place));
}

static bool is_mapped(void *page) {
  unsigned char in_core;
  return mincore(page, SHL_PAGE_BYTES, &in_core) == 0 || errno != ENOMEM;
}

// Runs `steps` in a forked child. They return 0, or the number of the step that was wrong.
static void in_child(int (*steps)(void)) {
  int status = 0;
  pid_t child = fork();
  if (child == 0) {
    (void)alarm(CHILD_SECONDS_MAX);
    int wrong = steps();
    _exit(wrong != 0 ? wrong : test_has_failed() ? 99 : 0);
  }
  ASSERT(child > 0);
  EXPECT_EQ(child, waitpid(child, &status, 0));
  EXPECT(WIFEXITED(status));
  EXPECT_EQ(0, WEXITSTATUS(status));
}

static int close_inherited(void) {
  void *base = shoal_ptr(heap, SHL_PAGE_BYTES);
  if (shoal_close(heap) != SHOAL_OK) return 1;
  return is_mapped(base) ? 2 : 0;
}

static void a_child_that_closes_what_it_inherited_leaves_the_parent_attached(void) {
  shoal_pin_id pin = 0;
  shoal_off block = shoal_alloc(heap, 100, 0);
  ASSERT_OK(shoal_pin(heap, block, 100, &pin));
  in_child(close_inherited);
  EXPECT_NE(0, place_inode(&place));
  EXPECT_EQ(1, shl_process_count(heap->region));
  EXPECT(
      !shl_process_is_dead(heap->region, heap->region->process, heap->region->process_generation));
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(heap, &stats));
  EXPECT_EQ(1, stats.pins);
  EXPECT_OK(shoal_unpin(heap, pin));
  EXPECT_OK(shoal_free_offset(heap, block));
}

static int open_again_and_close_in_order(bool inherited_first) {
  shoal_heap *own = NULL;
  if (place_open(&place, 0, &own) != SHOAL_OK) return 1;
  if (own == heap) return 2;
  if (own->view.base != heap->view.base) return 3;
  char *base = own->view.base;
  if (shl_process_count(own->region) != 2) return 4;
  place_expect_works(own);
  if (shoal_close(inherited_first ? heap : own) != SHOAL_OK) return 5;
  if (inherited_first) place_expect_works(own);
  if (shoal_close(inherited_first ? own : heap) != SHOAL_OK) return 6;
  if (is_mapped(base)) return 7;
  // And once more, into the addresses that are free now.
  if (place_open(&place, 0, &own) != SHOAL_OK) return 8;
  if (own->view.base != base) return 9;
  place_expect_works(own);
  return shoal_close(own) == SHOAL_OK && !is_mapped(base) ? 0 : 10;
}

static int close_the_inherited_first(void) {
  return open_again_and_close_in_order(true);
}

static int close_the_inherited_last(void) {
  return open_again_and_close_in_order(false);
}

static void a_child_s_own_open_shares_the_mapping_whichever_is_closed_first(void) {
  in_child(close_the_inherited_first);
  in_child(close_the_inherited_last);
  EXPECT_EQ(1, shl_process_count(heap->region));
}

static int exit_with_the_heap_open(void) {
  shoal_heap *own = NULL;
  if (place_open(&place, 0, &own) != SHOAL_OK) return 1;
  place_expect_works(own);
  return shoal_alloc(own, 100, 0) != 0 ? 0 : 2;
}

static void a_child_that_ends_without_closing_is_a_dead_process(void) {
  in_child(exit_with_the_heap_open);
  EXPECT_EQ(1, shl_process_count(heap->region));
}

static int fork_again(void) {
  int status = 0;
  shoal_heap *own = NULL;
  if (place_open(&place, 0, &own) != SHOAL_OK) return 1;
  pid_t child = fork();
  if (child == 0) {
    shoal_heap *third = NULL;
    if (place_open(&place, 0, &third) != SHOAL_OK) _exit(1);
    if (third == own || third == heap) _exit(2);
    if (shl_process_count(third->region) != 3) _exit(3);
    place_expect_works(third);
    _exit(shoal_close(own) == SHOAL_OK && shoal_close(heap) == SHOAL_OK &&
                  shoal_close(third) == SHOAL_OK
              ? 0
              : 4);
  }
  if (waitpid(child, &status, 0) != child || status != 0) return 2;
  place_expect_works(own);
  return shoal_close(own) == SHOAL_OK ? 0 : 3;
}

static void a_child_of_a_child_is_a_process_too(void) {
  in_child(fork_again);
}

static int read_what_the_parent_writes(void) {
  shoal_heap *own = NULL;
  if (place_open(&place, SHOAL_READ_ONLY, &own) != SHOAL_OK) return 1;
  if (own->view.base != heap->view.base) return 2;
  if (shoal_check(own, NULL, NULL) != SHOAL_OK) return 3;
  if (shoal_alloc(own, 16, 0) != 0 || errno != EROFS) return 4;
  return shoal_close(own) == SHOAL_OK ? 0 : 5;
}

static void a_writer_s_child_can_open_for_reading(void) {
  in_child(read_what_the_parent_writes);
}

static int write_what_the_parent_reads(void) {
  shoal_heap *own = NULL;
  if (place_open(&place, 0, &own) != SHOAL_OK) return 1;
  if (own == heap) return 2;
  place_expect_works(own);
  return shoal_close(own) == SHOAL_OK ? 0 : 3;
}

static int read_what_the_parent_reads(void) {
  shoal_heap *own = NULL;
  if (place_open(&place, SHOAL_READ_ONLY, &own) != SHOAL_OK) return 1;
  if (own == heap) return 2;
  if (shoal_check(own, NULL, NULL) != SHOAL_OK) return 3;
  return shoal_close(own) == SHOAL_OK ? 0 : 4;
}

static void be_there(int argc, char **argv) {
  shoal_heap *own = peer_enter(argc, argv);
  test_await("close");
  EXPECT_OK(shoal_close(own));
}

static void a_reader_s_child_can_open_for_reading_and_for_writing(void) {
  struct peer keeper = {.process = 0};
  ASSERT(peer_hire(&keeper, "be_there", &place));
  EXPECT_OK(shoal_close(heap));
  ASSERT_OK(place_open(&place, SHOAL_READ_ONLY, &heap));
  in_child(read_what_the_parent_reads);
  in_child(write_what_the_parent_reads);
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_close(heap));
  ASSERT_OK(place_open(&place, 0, &heap));
  (void)test_child_send(&keeper.child, "close");
  test_child_finish(&keeper.child);
}

// A thread that has the library's locks while it waits for a gate that is kept.
static struct place kept;

static void stop_in_the_gate(int argc, char **argv) {
  struct place where;
  shoal_heap *own = NULL;
  if (argc != 2) exit(3);
  place_read(&where, argv[0], argv[1]);
  fault_install();
  fault_arm(&(struct fault_plan){.call = FAULT_FTRUNCATE, .at = 1, .signal_number = SIGSTOP});
  EXPECT_OK(place_open(&where, SHOAL_CREATE, &own));
  if (own != NULL) EXPECT_OK(shoal_close(own));
}

static void *wait_for_the_gate(void *status) {
  shoal_heap *own = NULL;
  *(shoal_status *)status = place_open(&kept, SHOAL_CREATE, &own);
  return NULL;
}

static void a_fork_waits_for_no_lock_and_hands_none_on(void) {
  if (test_in_memcheck()) SKIP("memcheck counts the other threads' memory as lost");
  char kind[] = {'0' + PLACE_NAMED, '\0'};
  struct peer keeper = {.process = 0};
  shoal_status status = SHOAL_OK;
  pthread_t thread;
  place_choose(&kept, PLACE_NAMED);
  const char *arguments[] = {kind, kept.name, NULL};
  ASSERT(test_spawn(&keeper.child, "stop_in_the_gate", arguments));
  ASSERT(peer_has_stopped(&keeper));
  ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_the_gate, &status));
  // Sooner or later within its two seconds the thread is in the gate with the locks.
  for (unsigned i = 0; i < 50; i++) in_child(write_what_the_parent_reads);
  ASSERT_EQ(0, pthread_join(thread, NULL));
  EXPECT_STATUS(SHOAL_E_BUSY, status);
  test_child_kill(&keeper.child);
  place_clear(&kept);
}

SUITE(fork, SET_UP(open_here), TEAR_DOWN(close_here),
      TEST(a_child_that_closes_what_it_inherited_leaves_the_parent_attached),
      TEST(a_child_s_own_open_shares_the_mapping_whichever_is_closed_first),
      TEST(a_child_that_ends_without_closing_is_a_dead_process),
      TEST(a_child_of_a_child_is_a_process_too), TEST(a_writer_s_child_can_open_for_reading),
      TEST(a_reader_s_child_can_open_for_reading_and_for_writing),
      TEST(a_fork_waits_for_no_lock_and_hands_none_on), ROLE(be_there), ROLE(stop_in_the_gate))
