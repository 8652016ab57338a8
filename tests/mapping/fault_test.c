// SPDX-License-Identifier: MIT
// Goal: whatever system call fails, every call of the library works or says why it did not, nothing
// is lost or left, and once the system works again so does the heap.
// Method: a heap's whole life is played again and again, with the n-th system call failing, for
// every n until none fails: in every way that the call is known to fail, once; then from there on
// for ever, that kind of call or all of them.
#define _GNU_SOURCE

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <shoal/inspect.h>

#include "tests/harness/harness.h"
#include "tests/harness/process.h"
#include "tests/mapping/belongings.h"
#include "tests/mapping/fault.h"
#include "tests/mapping/folder.h"
#include "tests/mapping/scenario.h"

enum { STRIDE_SLOW = 7, FAULTS_MAX = 10000, DISK_BYTES = 64 << 20 };

static struct scenario scenario;
static struct belongings before;
static shoal_heap *lent;  // to threads

static void begin(void) {
  char path[FOLDER_PATH_BYTES];
  folder_make();
  // Where that is allowed: what is flushed to a disk takes its time.
  (void)folder_mount_tmpfs(DISK_BYTES);
  ASSERT_EQ(0, chdir(folder_path(path, ".")));
  fault_install();
}

static void end(void) {
  fault_remove();
  EXPECT_EQ(0, chdir("/"));
  folder_remove();
}

static void choose(shoal_kind kind) {
  scenario = (struct scenario){.kind = kind};
  if (kind == SHOAL_KIND_FILE) (void)snprintf(scenario.name, sizeof scenario.name, "./heap");
  if (kind == SHOAL_KIND_NAMED) {
    char name[TEST_NAME_BYTES];
    (void)snprintf(scenario.name, sizeof scenario.name, "%s", test_unique_name(name));
  }
}

static void play(const struct fault_plan *plan) {
  scenario.strict = plan->at == 0;
  fault_arm(plan);
  scenario_play(&scenario);
  fault_disarm();
}

static void fail_leak(const char *what, uint64_t count) {
  FAIL("%s: %llu, kind %d, %s failed with %d, call %llu", what, (unsigned long long)count,
       (int)scenario.kind, fault_name(fault_struck()), fault_code(),
       (unsigned long long)fault_calls());
}

// Where the calls fail with which a name is found out about and removed, nobody can do better than
// leave it to the next opener, as a death would: those of the gate, of who is there, and unlink
// itself. But one failure alone is no reason why a heap could not be made and its name is there.
static bool may_leave_name(const struct fault_plan *plan) {
  static const enum fault_call calls[] = {FAULT_UNLINK, FAULT_LSTAT,    FAULT_FSTAT,
                                          FAULT_OPEN,   FAULT_SET_LOCK, FAULT_GET_LOCK};
  bool is_file_in_use = scenario.kind == SHOAL_KIND_FILE && scenario.opened && !scenario.unlinked;
  if (is_file_in_use) return true;
  if (!plan->sticky && !scenario.opened) return false;
  for (unsigned i = 0; i < sizeof calls / sizeof calls[0]; i++) {
    if (fault_strikes_of(calls[i]) != 0) return true;
  }
  return false;
}

// What passes by itself is waited for: a signal's interruption, a gate that another has.
static void expect_patience(void) {
  bool passes = fault_code() == EINTR || fault_code() == FAULT_SHORT ||
                (fault_struck() == FAULT_SET_LOCK && fault_code() == EAGAIN);
  uint64_t bytes;
  if (fault_strikes() == 0 || !passes) return;
  if (scenario.failures != 0) fail_leak("calls that failed", scenario.failures);
  if (scenario_has_name(&scenario, &bytes)) fail_leak("a name of bytes", bytes);
}

// A munmap that fails leaves the mapping by its nature. A close that fails has closed. Where fstat
// fails nobody can tell whose a descriptor is: a close leaves it open, rather than close another's.
static void expect_nothing_left(const struct fault_plan *plan) {
  uint64_t bytes = 0;
  bool may_leave_descriptor = (plan->sticky || scenario.opened) &&
                              fault_strikes_of(FAULT_FSTAT) != 0;
  size_t descriptors = fault_held_descriptors();
  if (fault_held_bytes() != 0) fail_leak("bytes mapped", fault_held_bytes());
  if (descriptors != 0 && !may_leave_descriptor) fail_leak("descriptors", descriptors);
  fault_forgive();
  belongings_expect(before, fault_name(fault_struck()));
  bool left = scenario_has_name(&scenario, &bytes);
  if (left && !may_leave_name(plan)) fail_leak("a name of bytes", bytes);
}

// Plays with the fault, and once without on what that has left. returns: whether a call failed.
static bool play_and_recover(const struct fault_plan *plan) {
  play(plan);
  bool struck = fault_strikes() != 0;
  expect_patience();
  expect_nothing_left(plan);
  play(&(struct fault_plan){.at = 0});
  uint64_t bytes = 0;
  if (scenario_has_name(&scenario, &bytes)) fail_leak("a name after all worked", bytes);
  if (test_has_failed()) {
    FAIL("n %llu, variant %u", (unsigned long long)plan->at, plan->variant);
    scenario_clear(&scenario);
  }
  return struck;
}

static uint64_t stride(void) {
  return test_rounds(STRIDE_SLOW) == STRIDE_SLOW ? 1 : STRIDE_SLOW;
}

// The plan's calls fail one after the other, each in all its ways, until none is left.
// returns: how many did.
static uint64_t fail_each(struct fault_plan plan) {
  uint64_t n = 1, struck_calls = 0;
  bool struck = true;
  for (; struck && n < FAULTS_MAX && !test_has_failed(); n += stride()) {
    unsigned variants = 1;
    for (unsigned i = 0; i < variants && !test_has_failed(); i++) {
      plan.at = n;
      plan.variant = i;
      struck = play_and_recover(&plan);
      struck_calls += i == 0 && struck;
      if (i == 0 && struck) variants = fault_variants(fault_struck(), plan.sticky);
      if (plan.call == FAULT_ANY && plan.sticky) variants = 1;
    }
  }
  EXPECT_LT(n, FAULTS_MAX);
  return struck_calls;
}

static void warm_up(void) {
  play(&(struct fault_plan){.at = 0});
  EXPECT_EQ(0, scenario.failures);
  before = belongings_count();
}

static void once(shoal_kind kind) {
  choose(kind);
  warm_up();
  EXPECT_NE(0, fail_each((struct fault_plan){.call = FAULT_ANY}));
}

static void all_for_ever(shoal_kind kind) {
  choose(kind);
  warm_up();
  EXPECT_NE(0, fail_each((struct fault_plan){.call = FAULT_ANY, .sticky = true}));
}

static void one_kind_for_ever(shoal_kind kind) {
  choose(kind);
  warm_up();
  // Once more: what is done once a process is behind now.
  play(&(struct fault_plan){.at = 0});
  uint64_t calls[FAULT_CALLS];
  for (enum fault_call call = 0; call < FAULT_CALLS; call++) calls[call] = fault_calls_of(call);
  for (enum fault_call call = 0; call < FAULT_CALLS && !test_has_failed(); call++) {
    uint64_t struck_calls = fail_each((struct fault_plan){.call = call, .sticky = true});
    bool expected = calls[call] != 0;
    if (expected != (struck_calls != 0)) FAIL("%s was not failed", fault_name(call));
  }
}

// What a life without failures calls is failed by all that follows. The others have tests of their
// own: a machine without an id, a gate that is busy, what is asked for once a process.
static bool is_elsewhere(enum fault_call call) {
  return call == FAULT_UNAME || call == FAULT_NANOSLEEP || call == FAULT_ATFORK ||
         call == FAULT_KEY_CREATE;
}

static void a_life_makes_every_call(void) {
  static const shoal_kind kinds[] = {SHOAL_KIND_NAMED, SHOAL_KIND_FILE, SHOAL_KIND_MEMFD,
                                     SHOAL_KIND_PRIVATE};
  uint64_t calls[FAULT_CALLS] = {0};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    choose(kinds[i]);
    warm_up();
    for (enum fault_call call = 0; call < FAULT_CALLS; call++) calls[call] += fault_calls_of(call);
  }
  for (enum fault_call call = 0; call < FAULT_CALLS; call++) {
    if (calls[call] == 0 && !is_elsewhere(call)) FAIL("no life calls %s", fault_name(call));
  }
}

// A heap that must be new.
static void any_call_fails_an_exclusive_creation(void) {
  choose(SHOAL_KIND_NAMED);
  scenario.flags = SHOAL_EXCLUSIVE;
  warm_up();
  EXPECT_NE(0, fail_each((struct fault_plan){.call = FAULT_ANY}));
  EXPECT_NE(0, fail_each((struct fault_plan){.call = FAULT_ANY, .sticky = true}));
}

// A heap whose base is occupied, and that is mapped elsewhere.
static void any_call_fails_a_relocation(void) {
  enum { CHUNK = 2 << 20 };
  char *occupied = mmap(NULL, 2 * CHUNK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT(occupied != MAP_FAILED);
  choose(SHOAL_KIND_FILE);
  scenario.flags = SHOAL_RELOCATABLE;
  scenario.base = ((uint64_t)(uintptr_t)occupied + CHUNK - 1) / CHUNK * CHUNK;
  warm_up();
  EXPECT_NE(0, fail_each((struct fault_plan){.call = FAULT_ANY}));
  EXPECT_NE(0, fail_each((struct fault_plan){.call = FAULT_ANY, .sticky = true}));
  EXPECT_EQ(0, munmap(occupied, 2 * CHUNK));
}

static void *take_and_end(void *unused) {
  (void)unused;
  EXPECT_NE(0, shoal_alloc(lent, 300, 0));
  return NULL;
}

static void take_in_a_thread(void) {
  pthread_t thread;
  ASSERT_EQ(0, pthread_create(&thread, NULL, take_and_end, NULL));
  ASSERT_EQ(0, pthread_join(thread, NULL));
}

static shoal_heap_stats stats_of_lent(void) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(lent, &stats));
  return stats;
}

// argv: whether the key cannot be had or its value not be set. A thread whose end nobody would tell
// has no slot to leave behind, and nothing of it is found by who closes.
static void lose_threads(int argc, char **argv) {
  enum { THREADS = 8 };
  bool no_key = argc == 1 && strcmp(argv[0], "no key") == 0;
  shoal_options options = {.size = sizeof options,
                           .kind = SHOAL_KIND_PRIVATE,
                           .flags = SHOAL_CREATE,
                           .capacity = 16 << 20,
                           .max_threads = 3};
  enum fault_call call = no_key ? FAULT_KEY_CREATE : FAULT_KEY_SET;
  fault_install();
  fault_arm(&(struct fault_plan){.call = call, .at = 1, .sticky = true});
  ASSERT_OK(shoal_open(NULL, &options, &lent));
  uint64_t slots = stats_of_lent().thread_slots;
  for (unsigned i = 0; i < THREADS; i++) take_in_a_thread();
  EXPECT_EQ(no_key ? 1 : THREADS, fault_strikes());
  EXPECT_EQ(THREADS, stats_of_lent().live_blocks);
  EXPECT_EQ(slots, stats_of_lent().thread_slots);
  EXPECT_EQ(0, stats_of_lent().thread_slots_dead);
  EXPECT_OK(shoal_check(lent, NULL, NULL));
  fault_disarm();
  for (unsigned i = 0; i < THREADS; i++) take_in_a_thread();
  EXPECT_OK(shoal_close(lent));
  fault_remove();
}

static void threads_whose_end_nobody_would_tell_take_no_slot(void) {
  static const char *const ways[] = {"no key", "no value"};
  for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
    struct test_child child = {.runs = false};
    ASSERT(test_spawn(&child, "lose_threads", (const char *const[]){ways[i], NULL}));
    test_child_finish(&child);
  }
}

static void any_call_once_named(void) {
  once(SHOAL_KIND_NAMED);
}

static void any_call_once_file(void) {
  once(SHOAL_KIND_FILE);
}

static void any_call_once_memfd(void) {
  once(SHOAL_KIND_MEMFD);
}

static void any_call_once_private(void) {
  once(SHOAL_KIND_PRIVATE);
}

static void all_calls_for_ever_named(void) {
  all_for_ever(SHOAL_KIND_NAMED);
}

static void all_calls_for_ever_file(void) {
  all_for_ever(SHOAL_KIND_FILE);
}

static void all_calls_for_ever_memfd(void) {
  all_for_ever(SHOAL_KIND_MEMFD);
}

static void all_calls_for_ever_private(void) {
  all_for_ever(SHOAL_KIND_PRIVATE);
}

static void one_kind_of_call_for_ever_named(void) {
  one_kind_for_ever(SHOAL_KIND_NAMED);
}

static void one_kind_of_call_for_ever_file(void) {
  one_kind_for_ever(SHOAL_KIND_FILE);
}

static void one_kind_of_call_for_ever_memfd(void) {
  one_kind_for_ever(SHOAL_KIND_MEMFD);
}

static void one_kind_of_call_for_ever_private(void) {
  one_kind_for_ever(SHOAL_KIND_PRIVATE);
}

SUITE(fault, SET_UP(begin), TEAR_DOWN(end),
      TEST(a_life_makes_every_call), TEST(any_call_once_named), TEST(any_call_once_file),
      TEST(any_call_once_memfd), TEST(any_call_once_private), TEST(all_calls_for_ever_named),
      TEST(all_calls_for_ever_file), TEST(all_calls_for_ever_memfd),
      TEST(all_calls_for_ever_private), TEST(one_kind_of_call_for_ever_named),
      TEST(one_kind_of_call_for_ever_file), TEST(one_kind_of_call_for_ever_memfd),
      TEST(one_kind_of_call_for_ever_private), TEST(any_call_fails_an_exclusive_creation),
      TEST(any_call_fails_a_relocation),
      TEST(threads_whose_end_nobody_would_tell_take_no_slot), ROLE(lose_threads))
