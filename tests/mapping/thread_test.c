// SPDX-License-Identifier: MIT
// Goal: locks keep threads out, threads are known by id and start, their ends are told.
// Method: threads that take turns; the fault table for what the system does not answer.
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mapping/os.h"
#include "tests/harness/harness.h"
#include "tests/harness/process.h"
#include "tests/mapping/fault.h"
#include "tests/mapping/plain.h"

enum { THREADS = 4, TURNS = 2000 };

static shl_a32 lock;
static uint64_t guarded;
static shl_a64 ends;
static pthread_barrier_t meeting;

static void *count_under_lock(void *rounds) {
  for (uint64_t i = 0; i < *(const uint64_t *)rounds; i++) {
    shl_os_lock(&lock);
    guarded++;
    shl_os_unlock(&lock);
  }
  return NULL;
}

static void one_thread_at_a_time_has_a_lock(void) {
  pthread_t threads[THREADS];
  uint64_t rounds = test_rounds(TURNS);
  guarded = 0;
  for (unsigned i = 0; i < THREADS; i++) {
    ASSERT_EQ(0, pthread_create(&threads[i], NULL, count_under_lock, &rounds));
  }
  for (unsigned i = 0; i < THREADS; i++) ASSERT_EQ(0, pthread_join(threads[i], NULL));
  EXPECT_EQ(THREADS * rounds, guarded);
  EXPECT_EQ(0, shl_load_relaxed_u32(&lock));
}

// What a forked child finds: the word as the parent's other thread left it.
static void a_lock_of_another_process_is_free(void) {
  shl_store_relaxed_u32(&lock, shl_os_process() + 1);
  shl_os_lock(&lock);
  EXPECT_EQ(shl_os_process(), shl_load_relaxed_u32(&lock));
  shl_os_unlock(&lock);
}

static unsigned hooks_called;

static void count_hook(void) {
  hooks_called++;
}

// The handler is asked for once a process; a role is a process that has not.
static void watch_with_failures(int argc, char **argv) {
  (void)argc;
  (void)argv;
  shoal_options options = plain_options(SHOAL_CREATE);
  options.kind = SHOAL_KIND_PRIVATE;
  struct shl_region *region = NULL;
  fault_install();
  fault_arm(&(struct fault_plan){.call = FAULT_ATFORK, .at = 1});
  EXPECT_STATUS(SHOAL_E_NO_SPACE, plain_open(NULL, -1, &options, &region));
  EXPECT(shl_os_watch_forks());
  EXPECT(shl_os_watch_forks());
  EXPECT_EQ(2, fault_calls_of(FAULT_ATFORK));
  shl_os_on_fork_child(count_hook);
  pid_t child = fork();
  if (child == 0) _exit(hooks_called == 1 ? 0 : 1);
  int status = -1;
  EXPECT_EQ(child, waitpid(child, &status, 0));
  EXPECT_EQ(0, status);
  fault_remove();
}

static void a_fork_handler_that_is_refused_is_an_error(void) {
  struct test_child child = {.runs = false};
  ASSERT(test_spawn(&child, "watch_with_failures", (const char *const[]){NULL}));
  test_child_finish(&child);
}

struct introduction {
  uint64_t id;
  uint64_t start;
};

static void *introduce(void *out) {
  struct introduction *who = out;
  who->id = shl_os_thread_id();
  who->start = shl_os_thread_start(who->id);
  (void)pthread_barrier_wait(&meeting);
  (void)pthread_barrier_wait(&meeting);
  return NULL;
}

static void threads_are_known_by_id_and_start_until_they_end(void) {
  struct introduction who;
  pthread_t thread;
  ASSERT_EQ(0, pthread_barrier_init(&meeting, NULL, 2));
  ASSERT_EQ(0, pthread_create(&thread, NULL, introduce, &who));
  (void)pthread_barrier_wait(&meeting);
  EXPECT_NE(0, who.id);
  EXPECT_NE(shl_os_thread_id(), who.id);
  EXPECT_NE(0, who.start);
  EXPECT_EQ(who.start, shl_os_thread_start(who.id));
  EXPECT(!shl_os_thread_is_gone(who.id, who.start));
  EXPECT(!shl_os_thread_is_gone(who.id, 0));
  EXPECT(shl_os_thread_is_gone(who.id, who.start + 1));
  (void)pthread_barrier_wait(&meeting);
  ASSERT_EQ(0, pthread_join(thread, NULL));
  // The kernel lets the id go a little after the join.
  while (!shl_os_thread_is_gone(who.id, who.start)) shl_os_sleep_ms(0);
  EXPECT_EQ(0, shl_os_thread_start(who.id));
  ASSERT_EQ(0, pthread_barrier_destroy(&meeting));
}

static void this_thread_is_not_gone(void) {
  uint64_t me = shl_os_thread_id();
  EXPECT_EQ(gettid(), me);
  EXPECT(!shl_os_thread_is_gone(me, shl_os_thread_start(me)));
}

static void ids_that_no_thread_can_have_are_gone_or_unknown(void) {
  EXPECT(shl_os_thread_is_gone(INT_MAX, 1));
  EXPECT(!shl_os_thread_is_gone(UINT64_C(0xffffffff), 1));
  EXPECT(!shl_os_thread_is_gone(0, 1));
  EXPECT_EQ(0, shl_os_thread_start(0));
  EXPECT_EQ(0, shl_os_thread_start(UINT64_MAX));
}

// What cannot be found out counts as running.
static void a_system_that_does_not_answer_declares_no_thread_gone(void) {
  uint64_t me = shl_os_thread_id(), start = shl_os_thread_start(me);
  static const int codes[] = {EPERM, EAGAIN, ENOSYS};
  fault_install();
  for (unsigned i = 0; i < sizeof codes / sizeof codes[0]; i++) {
    fault_arm(&(struct fault_plan){.call = FAULT_TGKILL, .at = 1, .code = codes[i]});
    EXPECT(!shl_os_thread_is_gone(INT_MAX, 1));
  }
  for (uint64_t n = 1; n <= 2; n++) {
    fault_arm(&(struct fault_plan){.call = FAULT_OPEN, .at = n, .sticky = true, .code = EMFILE});
    EXPECT_EQ(n == 1 ? 0 : start, shl_os_thread_start(me));
    EXPECT(!shl_os_thread_is_gone(me, start + 1));
    fault_arm(&(struct fault_plan){.call = FAULT_PREAD, .at = n, .sticky = true, .code = EIO});
    EXPECT(!shl_os_thread_is_gone(me, start + 1));
  }
  fault_remove();
}

static void note_end(void) {
  (void)shl_add_relaxed_u64(&ends, 1);
}

static void *end_watched(void *watched) {
  if (watched != NULL) {
    EXPECT(shl_os_thread_watch());
    EXPECT(shl_os_thread_watch());
  }
  return NULL;
}

static void ends_are_told_of_threads_that_asked(void) {
  pthread_t thread;
  int yes = 1;
  shl_os_on_thread_exit(note_end);
  shl_store_relaxed_u64(&ends, 0);
  ASSERT_EQ(0, pthread_create(&thread, NULL, end_watched, NULL));
  ASSERT_EQ(0, pthread_join(thread, NULL));
  EXPECT_EQ(0, shl_load_relaxed_u64(&ends));
  for (unsigned i = 1; i <= 3; i++) {
    ASSERT_EQ(0, pthread_create(&thread, NULL, end_watched, &yes));
    ASSERT_EQ(0, pthread_join(thread, NULL));
    EXPECT_EQ(i, shl_load_relaxed_u64(&ends));
  }
  shl_os_on_thread_exit(NULL);
}

// POSIX lets the key's destructor ask for another round; the hook itself may watch again.
static void note_end_and_watch(void) {
  if (shl_add_relaxed_u64(&ends, 1) == 0) EXPECT(shl_os_thread_watch());
}

static void a_hook_that_watches_again_is_called_again(void) {
  pthread_t thread;
  int yes = 1;
  shl_os_on_thread_exit(note_end_and_watch);
  shl_store_relaxed_u64(&ends, 0);
  ASSERT_EQ(0, pthread_create(&thread, NULL, end_watched, &yes));
  ASSERT_EQ(0, pthread_join(thread, NULL));
  EXPECT_EQ(2, shl_load_relaxed_u64(&ends));
  shl_os_on_thread_exit(NULL);
}

SUITE(thread, TEST(one_thread_at_a_time_has_a_lock), TEST(a_lock_of_another_process_is_free),
      TEST(threads_are_known_by_id_and_start_until_they_end), TEST(this_thread_is_not_gone),
      TEST(ids_that_no_thread_can_have_are_gone_or_unknown),
      TEST(a_system_that_does_not_answer_declares_no_thread_gone),
      TEST(ends_are_told_of_threads_that_asked), TEST(a_hook_that_watches_again_is_called_again),
      TEST(a_fork_handler_that_is_refused_is_an_error), ROLE(watch_with_failures))
