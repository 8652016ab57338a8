// SPDX-License-Identifier: MIT
// Linux only: process namespaces. Needs the right to make one (root, or user namespaces).
//
// Goal: processes that cannot see each other's pids judge each other rightly. Method: a peer that
// is number 1 of a namespace of its own and does not exist in ours, nor we in its.
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc/handle.h"
#include "tests/harness/harness.h"
#include "tests/mapping/peer.h"

// Number 1 of its namespace: opens, judges those it is told of, until it is killed.
static void live_inside(int argc, char **argv) {
  struct peer other = {0};
  char line[TEST_LINE_BYTES];
  shoal_heap *own = peer_enter(argc, argv);
  place_expect_works(own);
  while (test_hear(line)) {
    if (sscanf(line, "%u %u", &other.process, &other.generation) != 2) exit(3);
    test_say(peer_is_dead(own, &other) ? "dead" : "alive");
  }
  _exit(test_has_failed() ? 1 : 0);
}

// Says "no" where the system gives no namespace. On SIGTERM kills the one inside. Ends by _exit: a
// leak checker cannot start its thread in a process whose children have another namespace.
static pid_t inside;

static void kill_inside(int signal_number) {
  (void)signal_number;
  (void)kill(inside, SIGKILL);
}

static void host_a_namespace(int argc, char **argv) {
  bool made = unshare(CLONE_NEWPID) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWPID) == 0;
  if (!made) {
    test_say("no");
    _exit(0);
  }
  (void)signal(SIGTERM, kill_inside);
  inside = fork();
  if (inside < 0) _exit(1);
  if (inside == 0) {
    live_inside(argc, argv);
    _exit(1);
  }
  int status = 0;
  while (waitpid(inside, &status, 0) != inside) continue;
  test_say("inside is dead");
  _exit(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 0 : 1);
}

// Number 1 again, in a namespace within: has the parent's handle under the parent's number.
static int live_as_number_one_too(const struct place *where, shoal_heap *inherited) {
  shoal_heap *own = NULL;
  if (getpid() != 1) return 1;
  if (shoal_alloc(inherited, 16, 0) != 0) return 2;
  if (place_open(where, 0, &own) != SHOAL_OK || own == inherited) return 3;
  place_expect_works(own);
  return shoal_close(own) == SHOAL_OK && shoal_close(inherited) == SHOAL_OK ? 0 : 4;
}

static void fork_number_one_from_number_one(int argc, char **argv) {
  struct place where;
  int status = 0;
  char line[TEST_LINE_BYTES];
  shoal_heap *own = peer_enter(argc, argv);
  place_read(&where, argv[0], argv[1]);
  if (unshare(CLONE_NEWPID) != 0) exit(1);
  pid_t child = fork();
  if (child == 0) _exit(live_as_number_one_too(&where, own));
  if (child < 0 || waitpid(child, &status, 0) != child) exit(1);
  test_say("the child ended with %d", status);
  // Still a process of the heap's.
  while (test_hear(line)) place_expect_works(own);
  _exit(test_has_failed() || shoal_close(own) != SHOAL_OK ? 1 : 0);
}

static void host_number_ones(int argc, char **argv) {
  bool made = unshare(CLONE_NEWPID) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWPID) == 0;
  if (!made) {
    test_say("no");
    _exit(0);
  }
  pid_t child = fork();
  if (child == 0) fork_number_one_from_number_one(argc, argv);
  int status = 0;
  while (waitpid(child, &status, 0) != child) continue;
  _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void be_there(int argc, char **argv) {
  (void)peer_enter(argc, argv);
  peer_stay();
}

static struct place place;
static shoal_heap *heap;

static bool hire_inside(struct peer *peer, const char *role) {
  char kind[2] = {(char)('0' + place.kind), '\0'}, line[TEST_LINE_BYTES];
  const char *arguments[] = {kind, place.name, NULL};
  if (!test_spawn(&peer->child, role, arguments)) return false;
  if (!test_child_receive(&peer->child, line)) return false;
  if (strcmp(line, "no") == 0) {
    test_child_finish(&peer->child);
    return false;
  }
  unsigned long long pid = 0;
  int read = sscanf(line, "here %u %u %llu", &peer->process, &peer->generation, &pid);
  peer->pid = pid;
  EXPECT_EQ(3, read);
  return read == 3;
}

static void processes_of_two_namespaces_judge_each_other(void) {
  struct peer outside = {0}, in_there = {0};
  heap = NULL;
  place_choose(&place, PLACE_NAMED);
  ASSERT_OK(place_open(&place, SHOAL_CREATE, &heap));
  if (!hire_inside(&in_there, "host_a_namespace")) {
    EXPECT_OK(shoal_close(heap));
    SKIP("no right to make a process namespace here");
  }
  EXPECT_EQ(1, in_there.pid);
  ASSERT(peer_hire(&outside, "be_there", &place));
  EXPECT_EQ(3, shl_process_count(heap->region));
  EXPECT(!peer_is_dead(heap, &in_there));
  (void)test_child_send(&in_there.child, "%u %u", outside.process, outside.generation);
  EXPECT(test_child_expect(&in_there.child, "alive"));
  test_child_kill(&outside.child);
  (void)test_child_send(&in_there.child, "%u %u", outside.process, outside.generation);
  EXPECT(test_child_expect(&in_there.child, "dead"));
  test_child_signal(&in_there.child, SIGTERM);
  EXPECT(test_child_expect(&in_there.child, "inside is dead"));
  EXPECT(peer_is_dead(heap, &in_there));
  test_child_finish(&in_there.child);
  EXPECT_OK(shoal_close(heap));
}

// The child of an unshare has number 1, as has a parent that is the first of a container.
static void a_forked_child_with_its_parent_s_number_is_another_process(void) {
  struct peer in_there = {0};
  heap = NULL;
  place_choose(&place, PLACE_NAMED);
  ASSERT_OK(place_open(&place, SHOAL_CREATE, &heap));
  if (!hire_inside(&in_there, "host_number_ones")) {
    EXPECT_OK(shoal_close(heap));
    SKIP("no right to make a process namespace here");
  }
  EXPECT_EQ(1, in_there.pid);
  EXPECT(test_child_expect(&in_there.child, "the child ended with 0"));
  EXPECT(!peer_is_dead(heap, &in_there));
  EXPECT_EQ(2, shl_process_count(heap->region));
  (void)test_child_send(&in_there.child, "work");
  test_child_finish(&in_there.child);
  EXPECT_OK(shoal_close(heap));
}

SUITE(liveness_namespace, TEST(processes_of_two_namespaces_judge_each_other),
      TEST(a_forked_child_with_its_parent_s_number_is_another_process), ROLE(host_a_namespace),
      ROLE(host_number_ones), ROLE(be_there))
