// SPDX-License-Identifier: MIT
// Linux only: /proc, fork, exec, close_range.
//
// Goal: a process that lives is never taken for dead, and one that is gone is, in every way of
// being so that has fooled pids, /proc or descriptors. Method: peers in those states, judged by
// this process, which has the same heap open. A test waits for the peer's word, never for time.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <shoal/inspect.h>

#include "alloc/handle.h"
#include "mapping/object.h"
#include "tests/harness/harness.h"
#include "tests/mapping/fault.h"
#include "tests/mapping/peer.h"

static struct place place;
static struct peer peer;
static shoal_heap *heap;

static void open_here(void) {
  peer = (struct peer){0};
  heap = NULL;
  place_choose(&place, PLACE_NAMED);
  ASSERT_OK(place_open(&place, SHOAL_CREATE | SHOAL_EXCLUSIVE, &heap));
}

static void close_here(void) {
  if (heap != NULL) EXPECT_OK(shoal_close(heap));
}

// The peer dies by SIGKILL, and is judged before and after it has been reaped.
static void expect_dead_once_killed(void) {
  test_child_signal(&peer.child, SIGKILL);
  test_child_await_zombie(&peer.child);
  EXPECT(peer_is_dead(heap, &peer));
  EXPECT_EQ(-SIGKILL, test_child_wait(&peer.child));
  EXPECT(peer_is_dead(heap, &peer));
}

static void be_there(int argc, char **argv) {
  (void)peer_enter(argc, argv);
  peer_stay();
}

static void a_killed_process_is_dead_while_it_is_still_a_zombie(void) {
  ASSERT(peer_hire(&peer, "be_there", &place));
  EXPECT(!peer_is_dead(heap, &peer));
  expect_dead_once_killed();
}

static void become_zombie(const char *role, const char *word) {
  ASSERT(peer_hire(&peer, role, &place));
  if (word != NULL) ASSERT(test_child_expect(&peer.child, word));
  test_child_signal(&peer.child, SIGKILL);
  test_child_await_zombie(&peer.child);
}

// Nobody has waited for it, and no time passes in between.
static void a_zombie_is_dead_at_the_first_question(void) {
  become_zombie("be_there", NULL);
  fault_install();
  EXPECT(shl_process_is_dead(heap->region, peer.process, peer.generation));
  EXPECT_EQ(1, fault_calls_of(FAULT_GET_LOCK));
  EXPECT_EQ(0, fault_calls_of(FAULT_MONOTONIC) + fault_calls_of(FAULT_NANOSLEEP));
  fault_remove();
  EXPECT_EQ(-SIGKILL, test_child_wait(&peer.child));
}

static void have_a_block(int argc, char **argv) {
  EXPECT_NE(0, shoal_alloc(peer_enter(argc, argv), 100, 0));
  test_say("has it");
  peer_stay();
}

// Looks for the dead in nothing but its open.
static void attach_and_count(int argc, char **argv) {
  struct place where;
  shoal_heap *own = NULL;
  shoal_heap_stats stats = {.size = sizeof stats};
  ASSERT_EQ(2, argc);
  place_read(&where, argv[0], argv[1]);
  fault_install();
  ASSERT_OK(place_open(&where, 0, &own));
  EXPECT_EQ(0, fault_calls_of(FAULT_NANOSLEEP));
  fault_remove();
  EXPECT_OK(shoal_stats(own, &stats));
  EXPECT_EQ(0, stats.thread_slots_dead);
  EXPECT_EQ(2, stats.processes);
  EXPECT_EQ(1, stats.live_blocks);
  EXPECT_OK(shoal_close(own));
}

static void a_zombie_is_healed_by_the_next_who_attaches(void) {
  struct test_child next = {.runs = false};
  char kind[] = {(char)('0' + place.kind), '\0'};
  become_zombie("have_a_block", "has it");
  EXPECT_EQ(SHL_PROCESS_LIVE, shl_load_acquire_u64(&peer_record(heap, &peer)->word) & 0xff);
  ASSERT(test_spawn(&next, "attach_and_count", (const char *const[]){kind, place.name, NULL}));
  test_child_finish(&next);
  EXPECT_EQ(SHL_PROCESS_FREE, shl_load_acquire_u64(&peer_record(heap, &peer)->word) & 0xff);
  EXPECT_EQ(-SIGKILL, test_child_wait(&peer.child));
}

static void a_stopped_process_is_alive(void) {
  ASSERT(peer_hire(&peer, "be_there", &place));
  ASSERT(peer_stop(&peer));
  EXPECT(!peer_is_dead(heap, &peer));
  expect_dead_once_killed();
}

static void end_quietly(int argc, char **argv) {
  shoal_heap *own = peer_enter(argc, argv);
  (void)own;
  test_await("end");
  _exit(0);
}

static void a_process_that_ended_without_closing_is_dead(void) {
  ASSERT(peer_hire(&peer, "end_quietly", &place));
  EXPECT(!peer_is_dead(heap, &peer));
  ASSERT(test_child_send(&peer.child, "end"));
  test_child_await_zombie(&peer.child);
  EXPECT(peer_is_dead(heap, &peer));
  test_child_finish(&peer.child);
}

static bool is_zombie(const char *stat_path) {
  char text[512] = "";
  FILE *file = fopen(stat_path, "re");
  if (file == NULL) return false;
  size_t length = fread(text, 1, sizeof text - 1, file);
  (void)fclose(file);
  text[length] = '\0';
  const char *after_name = strrchr(text, ')');
  return after_name != NULL && strncmp(after_name, ") Z", 3) == 0;
}

static void *outlive_main(void *unused) {
  (void)unused;
  while (!is_zombie("/proc/self/stat")) (void)sched_yield();
  test_say("main is gone");
  peer_stay();
  return NULL;
}

static void end_main(int argc, char **argv) {
  pthread_t thread;
  (void)peer_enter(argc, argv);
  if (pthread_create(&thread, NULL, outlive_main, NULL) != 0) exit(1);
  pthread_exit(NULL);
}

static void a_process_whose_main_thread_has_ended_is_alive(void) {
  ASSERT(peer_hire(&peer, "end_main", &place));
  ASSERT(test_child_expect(&peer.child, "main is gone"));
  EXPECT(!peer_is_dead(heap, &peer));
  expect_dead_once_killed();
}

static void be_another_program(int argc, char **argv) {
  (void)argc;
  (void)argv;
  test_say("new %llu %llu", (unsigned long long)shl_identity_process(),
           (unsigned long long)shl_identity_process_start());
  peer_stay();
}

static void exec_away(int argc, char **argv) {
  char program[] = "another", flag[] = "--role=be_another_program";
  char *arguments[] = {program, flag, NULL};
  (void)peer_enter(argc, argv);
  test_await("exec");
  (void)execv("/proc/self/exe", arguments);
  exit(1);
}

static void a_process_that_became_another_program_is_dead(void) {
  if (test_in_memcheck()) SKIP("memcheck cannot start in what is left after this exec");
  char expected[TEST_LINE_BYTES];
  ASSERT(peer_hire(&peer, "exec_away", &place));
  EXPECT(!peer_is_dead(heap, &peer));
  ASSERT(test_child_send(&peer.child, "exec"));
  // Neither the pid nor the start time tells.
  (void)snprintf(expected, sizeof expected, "new %llu %llu", (unsigned long long)peer.pid,
                 (unsigned long long)peer.start_time);
  ASSERT(test_child_expect(&peer.child, expected));
  EXPECT(peer_is_dead(heap, &peer));
  test_child_kill(&peer.child);
}

// The forked child has inherited everything that a fork hands on.
static void leave_a_child(int argc, char **argv) {
  char line[TEST_LINE_BYTES];
  (void)peer_enter(argc, argv);
  pid_t child = fork();
  if (child < 0) exit(1);
  if (child > 0) peer_stay();
  test_say("child");
  while (test_hear(line)) test_say("still %s", line);
  _exit(0);
}

static void a_dead_process_is_not_kept_alive_by_a_child_it_forked(void) {
  ASSERT(peer_hire(&peer, "leave_a_child", &place));
  ASSERT(test_child_expect(&peer.child, "child"));
  EXPECT(!peer_is_dead(heap, &peer));
  test_child_signal(&peer.child, SIGKILL);
  test_child_await_zombie(&peer.child);
  EXPECT(peer_is_dead(heap, &peer));
  ASSERT(test_child_send(&peer.child, "here"));
  EXPECT(test_child_expect(&peer.child, "still here"));
  EXPECT(peer_is_dead(heap, &peer));
  EXPECT_EQ(-SIGKILL, test_child_wait(&peer.child));
}

static void close_all_it_does_not_know(int argc, char **argv) {
  shoal_heap *own = peer_enter(argc, argv);
  test_await("close");
  if (close_range(3, ~0U, 0) != 0) exit(1);
  place_expect_works(own);
  test_say("works");
  peer_stay();
}

static void a_process_that_closed_all_descriptors_is_alive(void) {
  ASSERT(peer_hire(&peer, "close_all_it_does_not_know", &place));
  ASSERT(test_child_send(&peer.child, "close"));
  EXPECT(test_child_expect(&peer.child, "works"));
  EXPECT(!peer_is_dead(heap, &peer));
  expect_dead_once_killed();
}

// What a daemon does: its descriptors' numbers stand for something else afterwards.
static void close_all_and_judge(int argc, char **argv) {
  struct peer other = {0};
  shoal_heap *own = peer_enter(argc, argv);
  char line[TEST_LINE_BYTES];
  if (close_range(3, ~0U, 0) != 0) exit(1);
  for (int i = 0; i < 8; i++) {
    if (dup(STDERR_FILENO) < 0) exit(1);
  }
  while (test_hear(line)) {
    if (sscanf(line, "%u %u", &other.process, &other.generation) != 2) exit(3);
    test_say(peer_is_dead(own, &other) ? "dead" : "alive");
  }
}

static void a_process_that_closed_all_descriptors_still_sees_who_lives(void) {
  struct peer judge = {0};
  ASSERT(peer_hire(&peer, "be_there", &place));
  ASSERT(peer_hire(&judge, "close_all_and_judge", &place));
  (void)test_child_send(&judge.child, "%u %u", peer.process, peer.generation);
  EXPECT(test_child_expect(&judge.child, "alive"));
  test_child_kill(&peer.child);
  (void)test_child_send(&judge.child, "%u %u", peer.process, peer.generation);
  EXPECT(test_child_expect(&judge.child, "dead"));
  test_child_finish(&judge.child);
}

// Other mappings and other heaps come and go beside the one that is judged.
static void map_and_unmap(int argc, char **argv) {
  shoal_heap *other = NULL;
  struct place second;
  (void)peer_enter(argc, argv);
  for (int i = 0; i < 20; i++) {
    void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || munmap(page, 4096) != 0) exit(1);
  }
  place_choose(&second, PLACE_NAMED);
  EXPECT_OK(place_open(&second, SHOAL_CREATE, &other));
  if (other != NULL) EXPECT_OK(shoal_close(other));
  test_say("done");
  peer_stay();
}

static void a_process_that_unmapped_other_memory_is_alive(void) {
  ASSERT(peer_hire(&peer, "map_and_unmap", &place));
  ASSERT(test_child_expect(&peer.child, "done"));
  EXPECT(!peer_is_dead(heap, &peer));
  expect_dead_once_killed();
}

SUITE(liveness, SET_UP(open_here), TEAR_DOWN(close_here),
      TEST(a_killed_process_is_dead_while_it_is_still_a_zombie),
      TEST(a_zombie_is_dead_at_the_first_question),
      TEST(a_zombie_is_healed_by_the_next_who_attaches), TEST(a_stopped_process_is_alive),
      TEST(a_process_that_ended_without_closing_is_dead),
      TEST(a_process_whose_main_thread_has_ended_is_alive),
      TEST(a_process_that_became_another_program_is_dead),
      TEST(a_dead_process_is_not_kept_alive_by_a_child_it_forked),
      TEST(a_process_that_closed_all_descriptors_is_alive),
      TEST(a_process_that_closed_all_descriptors_still_sees_who_lives),
      TEST(a_process_that_unmapped_other_memory_is_alive), ROLE(be_there), ROLE(have_a_block),
      ROLE(attach_and_count), ROLE(end_quietly), ROLE(end_main), ROLE(be_another_program),
      ROLE(exec_away), ROLE(leave_a_child), ROLE(close_all_it_does_not_know),
      ROLE(close_all_and_judge), ROLE(map_and_unmap))
