// SPDX-License-Identifier: MIT
// Linux only: close_range, fork, exec.
//
// Goal: what a process may do with its descriptors, its children and its main thread, in each
// combination, makes it neither die before its end nor live on after it.
// Method: peers that do each subset of those and end in each way, judged before and after; where
// one has left a child, that is there and answers while its parent is judged.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shoal/heap.h>

#include "tests/harness/harness.h"
#include "tests/mapping/peer.h"

enum { HABITS = 8 };  // subsets of c, f and m

static struct place place;
static shoal_heap *heap;

static void open_here(void) {
  heap = NULL;
  place_choose(&place, PLACE_NAMED);
  ASSERT_OK(place_open(&place, SHOAL_CREATE | SHOAL_EXCLUSIVE, &heap));
}

static void close_here(void) {
  if (heap != NULL) EXPECT_OK(shoal_close(heap));
}

static void answer_for_ever(void) {
  char line[TEST_LINE_BYTES];
  test_say("child");
  while (test_hear(line)) test_say("child is %s", line);
  _exit(0);
}

static void be_another_program(int argc, char **argv) {
  (void)argc;
  (void)argv;
  test_say("another");
  peer_stay();
}

static void become_another_program(void) {
  char program[] = "another", flag[] = "--role=be_another_program";
  char *arguments[] = {program, flag, NULL};
  // A main thread that has ended has no program any more.
  (void)execv("/proc/thread-self/exe", arguments);
  exit(1);
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

// Ends as its word says once SIGUSR1 comes; k: it will be killed.
static void await_end(const char *end) {
  sigset_t set;
  int number;
  (void)sigemptyset(&set);
  (void)sigaddset(&set, SIGUSR1);
  test_say("set");
  if (sigwait(&set, &number) != 0) exit(1);
  if (*end == 'x') become_another_program();
  _exit(0);
}

static void *outlive_main(void *end) {
  while (!main_is_gone()) (void)sched_yield();
  await_end(end);
  return NULL;
}

// argv: the place, habits (c: closes all descriptors; f: leaves a child; m: its main thread ends),
// end (k: killed; x: exec; q: _exit).
static void have_habits(int argc, char **argv) {
  static char end;
  sigset_t set;
  pthread_t thread;
  if (argc != 4) exit(3);
  end = argv[3][0];
  (void)sigemptyset(&set);
  (void)sigaddset(&set, SIGUSR1);
  (void)sigprocmask(SIG_BLOCK, &set, NULL);
  (void)peer_enter(argc, argv);
  if (strchr(argv[2], 'f') != NULL && fork() == 0) answer_for_ever();
  if (strchr(argv[2], 'c') != NULL && close_range(3, ~0U, 0) != 0) exit(1);
  if (strchr(argv[2], 'm') == NULL) await_end(&end);
  if (pthread_create(&thread, NULL, outlive_main, &end) != 0) exit(1);
  pthread_exit(NULL);
}

static void expect_words(struct peer *peer, bool has_child) {
  char line[TEST_LINE_BYTES];
  bool set = false, child = !has_child;
  while (!(set && child) && test_child_receive(&peer->child, line)) {
    set = set || strcmp(line, "set") == 0;
    child = child || strcmp(line, "child") == 0;
  }
}

static bool hire(struct peer *peer, const char *habits, const char *end) {
  char kind[2] = {(char)('0' + place.kind), '\0'};
  const char *arguments[] = {kind, place.name, habits, end, NULL};
  *peer = (struct peer){0};
  return test_spawn(&peer->child, "have_habits", arguments) && peer_hear(peer);
}

static void expect_dead_after(const char *habits, const char *end) {
  struct peer peer;
  bool has_child = strchr(habits, 'f') != NULL;
  ASSERT(hire(&peer, habits, end));
  expect_words(&peer, has_child);
  if (peer_is_dead(heap, &peer)) FAIL("habits \"%s\": dead before its end", habits);
  test_child_signal(&peer.child, *end == 'k' ? SIGKILL : SIGUSR1);
  if (*end == 'x') EXPECT(test_child_expect(&peer.child, "another"));
  if (*end != 'x') test_child_await_zombie(&peer.child);
  if (has_child) EXPECT(test_child_send(&peer.child, "here"));
  if (has_child) EXPECT(test_child_expect(&peer.child, "child is here"));
  if (!peer_is_dead(heap, &peer)) FAIL("habits \"%s\", end %s: alive after it", habits, end);
  test_child_kill(&peer.child);
}

static void expect_dead_after_each(const char *end) {
  for (unsigned i = 0; i < HABITS && !test_has_failed(); i++) {
    char habits[4] = "";
    if ((i & 1) != 0) (void)strcat(habits, "c");
    if ((i & 2) != 0) (void)strcat(habits, "f");
    if ((i & 4) != 0) (void)strcat(habits, "m");
    expect_dead_after(habits, end);
  }
}

static void whatever_it_did_a_killed_process_is_dead_as_a_zombie(void) {
  expect_dead_after_each("k");
}

static void whatever_it_did_a_process_that_ended_is_dead_as_a_zombie(void) {
  expect_dead_after_each("q");
}

static void whatever_it_did_a_process_is_dead_after_an_exec(void) {
  if (test_in_memcheck()) SKIP("memcheck cannot start in what is left after this exec");
  expect_dead_after_each("x");
}

SUITE(liveness_matrix, SET_UP(open_here), TEAR_DOWN(close_here),
      TEST(whatever_it_did_a_killed_process_is_dead_as_a_zombie),
      TEST(whatever_it_did_a_process_that_ended_is_dead_as_a_zombie),
      TEST(whatever_it_did_a_process_is_dead_after_an_exec), ROLE(have_habits),
      ROLE(be_another_program))
