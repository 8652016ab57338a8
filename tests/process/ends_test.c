// SPDX-License-Identifier: MIT
// Linux only: exec, and /proc for a main thread that has ended.
//
// Goal: however a process ends or stands still, exactly what it held comes back, once it is dead
// and not before: its blocks stay for others to free, what it had reserved is freed, nothing is
// left of its hands and slots.
// Method: helper processes with a known number of blocks end in each way; the survivor reaps,
// counts with "==", frees all and gives everything back.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shoal/exact.h>
#include <shoal/inspect.h>

#include "tests/harness/harness.h"
#include "tests/harness/process.h"

enum { CAPACITY = 64 << 20, SMALL = 300, BLOCKS = SMALL + 2, RESERVED = 3 };

static char name[TEST_NAME_BYTES];
static shoal_heap *heap;
static struct test_child child;

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
  child = (struct test_child){.runs = false};
}

static void close_heap(void) {
  EXPECT_OK(shoal_close(heap));
}

// In a role: holds blocks of each kind, some reserved, and one in flight.
static shoal_heap *hold_blocks(int argc, char **argv) {
  shoal_heap *own = argc == 1 ? open_named(argv[0]) : NULL;
  shoal_off off;
  if (own == NULL) exit(2);
  for (unsigned i = 0; i < SMALL; i++) EXPECT_NE(0, shoal_alloc(own, 64, 0));
  EXPECT_NE(0, shoal_alloc(own, 100000, 0));
  EXPECT_NE(0, shoal_alloc(own, 3 << 20, 0));
  for (unsigned i = 0; i < RESERVED; i++) EXPECT_OK(shoal_reserve(own, 5000, 0, &off));
  return own;
}

static shoal_heap_stats read_stats(void) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(heap, &stats));
  return stats;
}

// The child lives: all of it is as it left it, whoever looks for the dead.
static void expect_alive(void) {
  EXPECT_OK(shoal_reap(heap));
  shoal_heap_stats stats = read_stats();
  EXPECT_EQ(2, stats.processes);
  EXPECT_EQ(RESERVED, stats.reservations);
  EXPECT_EQ(BLOCKS + RESERVED, stats.live_blocks);
  EXPECT_EQ(0, stats.deaths);
}

static int free_it(void *unused, const shoal_block *block) {
  (void)unused;
  EXPECT_OK(shoal_free_offset(heap, block->off));
  return 0;
}

// Its blocks alone are left of it, and are freed; then nothing is.
static void expect_heap_given_back(uint64_t deaths) {
  EXPECT_OK(shoal_reap(heap));
  shoal_heap_stats stats = read_stats();
  EXPECT_EQ(1, stats.processes);
  EXPECT_EQ(0, stats.reservations);
  EXPECT_EQ(BLOCKS, stats.live_blocks);
  EXPECT_EQ(deaths, stats.deaths);
  EXPECT_EQ(0, stats.thread_slots_dead);
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_walk(heap, free_it, NULL));
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  stats = read_stats();
  EXPECT_EQ(0, stats.live_blocks);
  EXPECT_EQ(0, stats.cached + stats.committed);
  EXPECT_EQ(stats.capacity, stats.metadata + stats.uncommitted);
  EXPECT_OK(shoal_check(heap, NULL, NULL));
}

static void hire(const char *role) {
  ASSERT(test_spawn(&child, role, (const char *const[]){name, NULL}));
  EXPECT(test_child_expect(&child, "ready"));
  expect_alive();
}

static void stay(int argc, char **argv) {
  char line[TEST_LINE_BYTES];
  (void)hold_blocks(argc, argv);
  test_say("ready");
  (void)test_hear(line);
}

static void a_zombie_gives_everything_back(void) {
  hire("stay");
  test_child_signal(&child, SIGKILL);
  test_child_await_zombie(&child);
  expect_heap_given_back(1);
  EXPECT_EQ(-SIGKILL, test_child_wait(&child));
}

static void end_quietly(int argc, char **argv) {
  (void)hold_blocks(argc, argv);
  test_say("ready");
  test_await("end");
  _exit(0);
}

static void end_by_return(int argc, char **argv) {
  (void)hold_blocks(argc, argv);
  test_say("ready");
  test_await("end");
  exit(0);
}

static void end_by_abort(int argc, char **argv) {
  (void)hold_blocks(argc, argv);
  (void)signal(SIGABRT, SIG_DFL);
  test_say("ready");
  test_await("end");
  abort();
}

static void end_at_once(int argc, char **argv) {
  (void)hold_blocks(argc, argv);
  test_say("ready");
  test_await("end");
  quick_exit(0);
}

static void who_ends_without_closing_gives_everything_back(void) {
  const char *const roles[] = {"end_quietly", "end_by_return", "end_at_once", "end_by_abort"};
  for (unsigned i = 0; i < sizeof roles / sizeof roles[0]; i++) {
    hire(roles[i]);
    ASSERT(test_child_send(&child, "end"));
    EXPECT_EQ(strcmp(roles[i], "end_by_abort") == 0 ? -SIGABRT : 0, test_child_wait(&child));
    expect_heap_given_back(1);
    close_heap();
    open_heap();
  }
}

static void be_another_program(int argc, char **argv) {
  char line[TEST_LINE_BYTES];
  (void)argc;
  (void)argv;
  test_say("another");
  (void)test_hear(line);
}

static void exec_away(int argc, char **argv) {
  char program[] = "another", flag[] = "--role=be_another_program";
  char *arguments[] = {program, flag, NULL};
  (void)hold_blocks(argc, argv);
  test_say("ready");
  test_await("end");
  (void)execv("/proc/self/exe", arguments);
  exit(1);
}

// The process lives, but no longer as one that has the heap.
static void who_becomes_another_program_gives_everything_back(void) {
  if (test_in_memcheck()) SKIP("memcheck cannot start in what is left after this exec");
  hire("exec_away");
  ASSERT(test_child_send(&child, "end"));
  ASSERT(test_child_expect(&child, "another"));
  expect_heap_given_back(1);
  test_child_kill(&child);
}

static bool main_is_gone(void) {
  char text[512] = "";
  FILE *file = fopen("/proc/self/stat", "re");
  if (file == NULL) return false;
  size_t length = fread(text, 1, sizeof text - 1, file);
  (void)fclose(file);
  text[length] = '\0';
  const char *after_name = strrchr(text, ')');
  return after_name != NULL && strncmp(after_name, ") Z", 3) == 0;
}

// Holds the blocks once the main thread has ended: nothing but this thread is left.
static void *outlive_main(void *own_name) {
  char *arguments[] = {own_name, NULL};
  while (!main_is_gone()) (void)sched_yield();
  shoal_heap *own = hold_blocks(1, arguments);
  test_say("ready");
  test_await("work");
  for (unsigned i = 0; i < 1000; i++) {
    shoal_off off = shoal_alloc(own, 1000, 0);
    if (shoal_free_offset(own, off) != SHOAL_OK) exit(1);
  }
  test_say("worked");
  test_await("end");
  _exit(0);
}

static void end_main(int argc, char **argv) {
  pthread_t thread;
  if (argc != 1 || pthread_create(&thread, NULL, outlive_main, argv[0]) != 0) exit(1);
  pthread_exit(NULL);
}

static void without_its_main_thread_a_process_goes_on(void) {
  hire("end_main");
  ASSERT(test_child_send(&child, "work"));
  ASSERT(test_child_expect(&child, "worked"));
  expect_alive();
  test_child_kill(&child);
  expect_heap_given_back(1);
}

static void work_when_told(int argc, char **argv) {
  char line[TEST_LINE_BYTES];
  shoal_heap *own = hold_blocks(argc, argv);
  test_say("ready");
  while (test_hear(line)) {
    shoal_off off = shoal_alloc(own, 64, 0);
    EXPECT_OK(shoal_free_offset(own, off));
    test_say("worked");
  }
  EXPECT_OK(shoal_close(own));
}

// While it stands still others fill and empty the heap around it.
static void a_stopped_process_keeps_all_and_goes_on(void) {
  hire("work_when_told");
  test_child_signal(&child, SIGSTOP);
  for (unsigned round = 0; round < 3; round++) {
    shoal_off offs[2000];
    for (unsigned i = 0; i < 2000; i++) offs[i] = shoal_alloc(heap, 64 + i, 0);
    for (unsigned i = 0; i < 2000; i++) EXPECT_OK(shoal_free_offset(heap, offs[i]));
    EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
    expect_alive();
  }
  test_child_signal(&child, SIGCONT);
  ASSERT(test_child_send(&child, "work"));
  ASSERT(test_child_expect(&child, "worked"));
  expect_alive();
  test_child_finish(&child);
  expect_heap_given_back(0);
}

SUITE(ends, SET_UP(open_heap), TEAR_DOWN(close_heap), TEST(a_zombie_gives_everything_back),
      TEST(who_ends_without_closing_gives_everything_back),
      TEST(who_becomes_another_program_gives_everything_back),
      TEST(without_its_main_thread_a_process_goes_on),
      TEST(a_stopped_process_keeps_all_and_goes_on), ROLE(stay), ROLE(end_quietly),
      ROLE(end_by_return), ROLE(end_at_once), ROLE(end_by_abort), ROLE(exec_away),
      ROLE(be_another_program), ROLE(end_main), ROLE(work_when_told))
