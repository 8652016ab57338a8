// SPDX-License-Identifier: MIT
// Goal: whoever sleeps or works without an end is found to hang, and nobody else is. Method: a
// short limit; children that do just that.
#define _GNU_SOURCE
#include "tests/crash/hang.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/harness.h"

enum { LIMIT_MS = 120, STEPS = 40, STEP_MS = LIMIT_MS / 5, WORK_MS = 10 };

static uint64_t *progress;  // of a child
static uint64_t *looks;     // of a child, at its own

static void share_progress(void) {
  progress =
      mmap(NULL, 2 * sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  looks = progress + 1;
}

static void sleep_ms(unsigned time_ms) {
  const struct timespec time = {.tv_nsec = (long)time_ms * 1000000};
  (void)nanosleep(&time, NULL);
}

static void sleep_for_ever(void *context) {
  (void)context;
  while (true) (void)pause();
}

static void work_for_ever(void *context) {
  volatile unsigned *turns = context;
  while (true) *turns = *turns + 1;
}

static void sleep_again_and_again(void *context) {
  (void)context;
  while (true) sleep_ms(1);
}

// Longer than the limit, but not between two steps.
static void go_on_slowly(void *context) {
  (void)context;
  for (unsigned i = 0; i < STEPS; i++) {
    sleep_ms(STEP_MS);
    __atomic_fetch_add(progress, 1, __ATOMIC_RELAXED);
  }
}

static void stop(void *context) {
  (void)raise(SIGSTOP);
  sleep_for_ever(context);
}

static void stay_on_one_processor(void) {
  cpu_set_t may, one;
  CPU_ZERO(&one);
  (void)sched_getaffinity(0, sizeof may, &may);
  for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++) {
    if (CPU_ISSET(i, &may)) CPU_SET(i, &one);
  }
  (void)sched_setaffinity(0, sizeof one, &one);
}

static void push_in(void *context) {
  stay_on_one_processor();
  work_for_ever(context);
}

static void work_behind_all_others(void *context) {
  struct timespec worked = {.tv_sec = 0};
  (void)context;
  stay_on_one_processor();
  (void)setpriority(PRIO_PROCESS, 0, 19);
  do {
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &worked);
  } while (worked.tv_sec == 0 && worked.tv_nsec < WORK_MS * 1000000);
}

static struct hang_watch start(void (*live)(void *context), const uint64_t *counts) {
  unsigned turns = 0;
  pid_t child = fork();
  if (child == 0) {
    live(&turns);
    _exit(0);
  }
  EXPECT_LT(0, child);
  return hang_watch(child, counts);
}

// Of one who should be a zombie. returns: how he ended; -1 where he had not, and is ended now.
static int end(const struct hang_watch *watch) {
  int status = -1;
  if (waitpid(watch->process, &status, WNOHANG) != 0) return status;
  (void)kill(watch->process, SIGKILL);
  (void)waitpid(watch->process, NULL, 0);
  return -1;
}

static void expect_hang(void (*live)(void *context)) {
  struct hang_watch watch = start(live, progress);
  EXPECT_EQ(0, hang_await(&watch, 1, LIMIT_MS));
  EXPECT(watch.hung);
  EXPECT_EQ(SIGKILL, end(&watch));
}

static void who_sleeps_for_ever_hangs(void) {
  expect_hang(sleep_for_ever);
}

static void who_works_for_ever_hangs(void) {
  expect_hang(work_for_ever);
}

static void who_only_asks_again_and_again_hangs(void) {
  expect_hang(sleep_again_and_again);
}

static void of_several_the_one_who_hangs_is_named(void) {
  struct hang_watch watches[] = {
      start(go_on_slowly, progress), {.process = 0}, start(sleep_for_ever, NULL)};
  EXPECT_EQ(2, hang_await(watches, 3, LIMIT_MS));
  EXPECT(watches[2].hung && !watches[0].hung);
  EXPECT_EQ(SIGKILL, end(&watches[2]));
  EXPECT_EQ(0, hang_await(watches, 1, LIMIT_MS));
  EXPECT_EQ(0, end(&watches[0]));
}

static void who_is_stopped_or_makes_progress_does_not_hang(void) {
  struct hang_watch watches[] = {start(stop, NULL), start(go_on_slowly, progress)};
  EXPECT_EQ(1, hang_await(watches, 2, LIMIT_MS));
  EXPECT(!watches[0].hung && !watches[1].hung);
  EXPECT_EQ(0, end(&watches[1]));
  EXPECT_EQ(0, kill(watches[0].process, SIGCONT));
  EXPECT_EQ(0, hang_await(watches, 1, LIMIT_MS));
  EXPECT(watches[0].hung);
  EXPECT_EQ(SIGKILL, end(&watches[0]));
}

static void who_waits_for_a_processor_does_not_hang(void) {
  struct hang_watch pushes = start(push_in, NULL);
  struct hang_watch waits = start(work_behind_all_others, NULL);
  EXPECT_EQ(0, hang_await(&waits, 1, LIMIT_MS));
  EXPECT(!waits.hung);
  EXPECT_EQ(0, end(&waits));
  EXPECT_EQ(-1, end(&pushes));
}

static void look_on(void *context) {
  (void)context;
  struct hang_watch watch = start(go_on_slowly, progress);
  watch.looks = looks;
  (void)hang_await(&watch, 1, LIMIT_MS);
  (void)end(&watch);
}

static void who_watches_another_does_not_hang(void) {
  struct hang_watch watch = start(look_on, looks);
  EXPECT_EQ(0, hang_await(&watch, 1, LIMIT_MS));
  EXPECT(!watch.hung);
  EXPECT_EQ(0, end(&watch));
}

static void who_ends_is_left_a_zombie(void) {
  struct hang_watch watch = start(go_on_slowly, progress);
  EXPECT_EQ(0, hang_await(&watch, 1, LIMIT_MS));
  EXPECT(!watch.hung);
  EXPECT_EQ(0, end(&watch));
}

static void a_call_that_hangs_is_left(void) {
  unsigned turns = 0;
  EXPECT(hang_call(sleep_for_ever, NULL, LIMIT_MS).hung);
  EXPECT(hang_call(sleep_again_and_again, NULL, LIMIT_MS).hung);
  EXPECT(hang_call(work_for_ever, &turns, LIMIT_MS).hung);
  EXPECT_LT(0, turns);
}

static void note_call(void *context) {
  *(bool *)context = true;
}

static void a_call_that_returns_has_returned(void) {
  bool noted = false;
  EXPECT(!hang_call(note_call, &noted, LIMIT_MS).hung);
  EXPECT(noted);
}

SUITE(hang, SET_UP(share_progress), TEST(who_sleeps_for_ever_hangs), TEST(who_works_for_ever_hangs),
      TEST(who_only_asks_again_and_again_hangs), TEST(of_several_the_one_who_hangs_is_named),
      TEST(who_is_stopped_or_makes_progress_does_not_hang),
      TEST(who_waits_for_a_processor_does_not_hang), TEST(who_watches_another_does_not_hang),
      TEST(who_ends_is_left_a_zombie), TEST(a_call_that_hangs_is_left),
      TEST(a_call_that_returns_has_returned))
