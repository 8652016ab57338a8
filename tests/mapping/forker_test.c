// SPDX-License-Identifier: MIT
// Linux only: this file calls fork.
//
// Goal: a thread that forked without ever having used a heap may end in the child like any other,
// and the threads that come after it find nothing of it. Method: it ends, others begin in its
// place, use their copy of a PRIVATE heap, and it is closed. On its own since ThreadSanitizer knows
// no child that starts threads.
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shoal/heap.h>

#include "tests/harness/harness.h"

enum { CHILD_SECONDS_MAX = 40 };

static shoal_heap *private_heap;

static void *take_one(void *unused) {
  (void)unused;
  EXPECT_NE(0, shoal_alloc(private_heap, 100, 0));
  return NULL;
}

// Where the thread that forked has ended, another begins in its place.
static void *outlive(void *forker) {
  int wrong = pthread_join(*(pthread_t *)forker, NULL) != 0;
  for (unsigned i = 0; i < 4 && wrong == 0; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, take_one, NULL) != 0) wrong = 2;
    if (wrong == 0 && pthread_join(thread, NULL) != 0) wrong = 3;
  }
  if (wrong == 0 && shoal_close(private_heap) != SHOAL_OK) wrong = 4;
  _exit(wrong != 0 ? wrong : test_has_failed() ? 99 : 0);
}

static int end_and_leave_the_rest_to_another(void) {
  static pthread_t forker, other;
  forker = pthread_self();
  if (pthread_create(&other, NULL, outlive, &forker) != 0) return 5;
  pthread_exit(NULL);
}

static void *fork_and_end(void *unused) {
  (void)unused;
  int status = -1;
  pid_t child = fork();
  if (child == 0) {
    (void)alarm(CHILD_SECONDS_MAX);
    _exit(end_and_leave_the_rest_to_another());
  }
  EXPECT_EQ(child, waitpid(child, &status, 0));
  EXPECT_EQ(0, status);
  return NULL;
}

// It has no slot, so nobody is told when it ends.
static void a_thread_that_used_no_heap_may_fork_and_end(void) {
  if (test_in_memcheck()) SKIP("memcheck counts the other threads' memory as lost");
  shoal_options options = {.size = sizeof options,
                           .kind = SHOAL_KIND_PRIVATE,
                           .flags = SHOAL_CREATE,
                           .capacity = 16 << 20};
  pthread_t thread;
  ASSERT_OK(shoal_open(NULL, &options, &private_heap));
  ASSERT_EQ(0, pthread_create(&thread, NULL, fork_and_end, NULL));
  ASSERT_EQ(0, pthread_join(thread, NULL));
  EXPECT_OK(shoal_close(private_heap));
}

SUITE(forker, TEST(a_thread_that_used_no_heap_may_fork_and_end))
