// SPDX-License-Identifier: MIT
// Goal: a process killed for good ahead of any of its accesses in an open, a close or an unlink
// leaves a name that others can use at once, while another process opens and closes it. Method: as
// E1, with the calls of the mapping layer; whoever opens a name afterwards gets a clean heap.
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shoal/heap.h>
#include <shoal/inspect.h>

#include "tests/crash/tier.h"
#include "tests/harness/harness.h"
#include "tests/watch/watch.h"

enum { CAPACITY = 8 << 20 };

// What the victim does; `prepare` is not interrupted.
struct errand {
  const char *name;
  void (*prepare)(const char *name);
  void (*run)(const char *name);
  bool held;  // by the one who looks on, who has it open
};

static uint64_t *points;  // of the victim, which others see
static uint64_t kill_at;
static shoal_heap *heap;  // the victim's

static void open_it(const char *name) {
  const shoal_options options = {.size = sizeof options,
                                 .flags = SHOAL_CREATE,
                                 .capacity = CAPACITY,
                                 .max_processes = 6,
                                 .max_threads = 8};
  if (shoal_open(name, &options, &heap) != SHOAL_OK) _exit(3);
}

static void use_it(const char *name) {
  open_it(name);
  shoal_off off = shoal_alloc(heap, 100, 0);
  if (off == 0 || shoal_free_offset(heap, off) != SHOAL_OK) _exit(5);
}

static void close_it(const char *name) {
  (void)name;
  if (shoal_close(heap) != SHOAL_OK) _exit(6);
}

static void unlink_it(const char *name) {
  if (shoal_unlink(name) != SHOAL_OK) _exit(7);
}

static void leave_it(const char *name) {
  (void)name;
}

static const struct errand errands[] = {
    {"create", leave_it, open_it, false}, {"attach", leave_it, use_it, true},
    {"close", use_it, close_it, false},   {"detach", use_it, close_it, true},
    {"unlink", use_it, unlink_it, false},
};
enum { ERRANDS = sizeof errands / sizeof errands[0] };

static void reach(void *context, const struct watch_access *access) {
  (void)context;
  (void)access;
  if (++*points != kill_at) return;
  (void)kill(getpid(), SIGKILL);
  while (true) (void)pause();
}

static pid_t start_victim(const struct errand *errand, const char *name) {
  pid_t victim = fork();
  if (victim != 0) return victim;
  errand->prepare(name);
  watch_begin(reach, NULL);
  errand->run(name);
  watch_end();
  _exit(0);
}

static pid_t start_other(const char *name) {
  pid_t other = fork();
  if (other != 0) return other;
  use_it(name);
  _exit(shoal_close(heap) == SHOAL_OK ? 0 : 4);
}

// Whether whoever comes now opens a clean heap, empty but for nothing, in which he can allocate.
static bool is_usable(const char *name) {
  use_it(name);
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_stats(heap, &stats));
  bool usable = stats.live_blocks == 0 && stats.processes == 1 && stats.thread_slots_dead == 0;
  EXPECT_OK(shoal_close(heap));
  return usable;
}

// returns: whether the victim was killed rather than done.
static bool play(const struct errand *errand, bool has_other, uint64_t at) {
  char name[TEST_NAME_BYTES];
  int status = 0;
  (void)test_unique_name(name);
  kill_at = at;
  *points = 0;
  if (errand->held) use_it(name);
  shoal_heap *held = heap;
  pid_t other = has_other ? start_other(name) : 0;
  pid_t victim = start_victim(errand, name);
  EXPECT_EQ(victim, waitpid(victim, &status, 0));
  bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  EXPECT(killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
  if (has_other) {
    EXPECT_EQ(other, waitpid(other, &status, 0));
    EXPECT_EQ(0, status);
  }
  if (errand->held) EXPECT_OK(shoal_close(held));
  if (!is_usable(name)) {
    FAIL("killed at access %llu", (unsigned long long)at);
    tier_tell_again("kill_name_test", errand->name);
  }
  return killed;
}

// Accesses of an errand that nobody ends or meets.
static uint64_t points_of(const struct errand *errand) {
  EXPECT(!play(errand, false, 0));
  return *points;
}

static void kill_everywhere(bool has_other) {
  uint64_t kills = 0;
  for (unsigned i = 0; i < ERRANDS; i++) {
    if (!tier_has(errands[i].name)) continue;
    uint64_t all = points_of(&errands[i]);
    for (uint64_t at = 1; at <= all; at++) kills += play(&errands[i], has_other, at);
  }
  test_count("kills", kills);
}

static void a_name_is_usable_after_any_kill(void) {
  kill_everywhere(false);
}

static void a_name_stays_usable_for_another_meanwhile(void) {
  unsigned rounds = tier_of_run() == TIER_COMMIT ? 1 : 10;
  for (unsigned i = 0; i < rounds; i++) kill_everywhere(true);
}

static void share_points(void) {
  points = mmap(NULL, sizeof *points, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

SUITE(kill_name, SET_UP(share_points), TEST(a_name_is_usable_after_any_kill),
      TEST(a_name_stays_usable_for_another_meanwhile))
