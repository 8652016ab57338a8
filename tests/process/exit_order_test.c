// SPDX-License-Identifier: MIT
// Goal: a heap works before main, in the handlers that run at exit and at quick_exit, and in a
// program's destructors; what is closed there is closed, and the survivors count nothing as lost.
// Method: helper processes that use and close a shared heap at each of those times.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shoal/inspect.h>

#include "tests/harness/harness.h"
#include "tests/harness/process.h"

enum { BLOCKS = 200, BYTES = 300 };

static char name[TEST_NAME_BYTES];
static shoal_heap *heap;

static shoal_heap *open_named(const char *which) {
  shoal_heap *opened = NULL;
  shoal_options options = {.size = sizeof options,
                           .flags = SHOAL_CREATE,
                           .capacity = 32 << 20,
                           .max_processes = 4,
                           .max_threads = 8};
  return shoal_open(which, &options, &opened) == SHOAL_OK ? opened : NULL;
}

static bool works(shoal_heap *own) {
  shoal_off offs[BLOCKS];
  bool right = own != NULL;
  for (unsigned i = 0; i < BLOCKS && right; i++) {
    offs[i] = shoal_alloc(own, BYTES, 0);
    right = offs[i] != 0;
  }
  for (unsigned i = 0; i < BLOCKS && right; i++) {
    right = shoal_free_offset(own, offs[i]) == SHOAL_OK;
  }
  return right;
}

// Of this program: runs before main, and before any constructor of a library loaded later.
static bool worked_before_main;

__attribute__((constructor)) static void use_before_main(void) {
  shoal_heap *early = NULL;
  shoal_options options = {.size = sizeof options,
                           .kind = SHOAL_KIND_PRIVATE,
                           .flags = SHOAL_CREATE,
                           .capacity = 16 << 20};
  if (shoal_open(NULL, &options, &early) != SHOAL_OK) return;
  worked_before_main = works(early) && shoal_close(early) == SHOAL_OK;
}

static void a_heap_works_before_main(void) {
  EXPECT(worked_before_main);
}

static shoal_heap *late;  // a role's, used when main is over

static void use_and_close(void) {
  if (late == NULL) return;
  bool right = works(late) && shoal_close(late) == SHOAL_OK;
  late = NULL;
  if (!right) _exit(9);
}

static void use_only(void) {
  if (late != NULL && !works(late)) _exit(9);
}

static void enter(int argc, char **argv) {
  late = argc == 1 ? open_named(argv[0]) : NULL;
  if (!works(late)) exit(2);
}

// Handlers run in reverse: the one that closes comes last.
static void use_at_exit(int argc, char **argv) {
  (void)atexit(use_and_close);
  (void)atexit(use_only);
  enter(argc, argv);
  exit(0);
}

static void use_at_quick_exit(int argc, char **argv) {
  (void)at_quick_exit(use_and_close);
  (void)at_quick_exit(use_only);
  enter(argc, argv);
  quick_exit(0);
}

static bool in_destructor;

__attribute__((destructor)) static void use_in_destructor(void) {
  if (in_destructor) use_and_close();
}

static void use_in_the_destructor(int argc, char **argv) {
  in_destructor = true;
  enter(argc, argv);
  exit(0);
}

static shoal_heap_stats read_stats(void) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(heap, &stats));
  return stats;
}

static void expect_good_end_of(const char *role) {
  struct test_child child = {.runs = false};
  heap = open_named(test_unique_name(name));
  ASSERT(heap != NULL);
  ASSERT(test_spawn(&child, role, (const char *const[]){name, NULL}));
  EXPECT_EQ(0, test_child_wait(&child));
  shoal_heap_stats stats = read_stats();
  EXPECT_EQ(1, stats.processes);
  EXPECT_EQ(0, stats.live_blocks);
  EXPECT_EQ(0, stats.thread_slots_dead);
  EXPECT_EQ(0, stats.deaths);
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  EXPECT_EQ(0, read_stats().committed);
  EXPECT_OK(shoal_close(heap));
}

static void a_heap_works_in_the_handlers_of_exit(void) {
  expect_good_end_of("use_at_exit");
}

static void a_heap_works_in_the_handlers_of_quick_exit(void) {
  expect_good_end_of("use_at_quick_exit");
}

static void a_heap_works_in_destructors(void) {
  expect_good_end_of("use_in_the_destructor");
}

SUITE(exit_order, TEST(a_heap_works_before_main), TEST(a_heap_works_in_the_handlers_of_exit),
      TEST(a_heap_works_in_the_handlers_of_quick_exit), TEST(a_heap_works_in_destructors),
      ROLE(use_at_exit), ROLE(use_at_quick_exit), ROLE(use_in_the_destructor))
