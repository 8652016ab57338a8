// SPDX-License-Identifier: MIT
// Linux only: the table of system calls.
//
// Goal: no judgement rests on a time: the dead are healed by the first who looks, whatever the
// clock says, and the living are never taken for dead because it leapt.
// Method: peers that live, stand still, or are zombies; a clock that is played, and one that does
// not answer.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include <shoal/inspect.h>

#include "mapping/linux/syscall.h"
#include "mapping/os.h"
#include "tests/harness/harness.h"
#include "tests/mapping/fault.h"
#include "tests/mapping/peer.h"

enum { HOUR_S = 3600, BLOCKS = 200, GATE_MS = 2000 };

static struct place place;
static struct peer peer;
static shoal_heap *heap;
static struct shl_syscalls table;
static int64_t leap_s;  // by which the clock leaps each time it is asked
static int64_t leapt_s;

static void open_here(void) {
  peer = (struct peer){0};
  place_choose(&place, PLACE_NAMED);
  ASSERT_OK(place_open(&place, SHOAL_CREATE | SHOAL_EXCLUSIVE, &heap));
  ASSERT(peer_hire(&peer, "be_there", &place));
}

static void close_here(void) {
  fault_remove();
  if (heap != NULL) EXPECT_OK(shoal_close(heap));
}

static void be_there(int argc, char **argv) {
  shoal_heap *own = peer_enter(argc, argv);
  for (unsigned i = 0; i < BLOCKS; i++) EXPECT_NE(0, shoal_alloc(own, 100, 0));
  test_say("filled");
  peer_stay();
}

static shoal_heap_stats stats_of(void) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(heap, &stats));
  return stats;
}

// Its parent, this process, has not waited for it; nothing here does.
static void a_zombie_is_healed_by_the_first_who_looks(void) {
  ASSERT(test_child_expect(&peer.child, "filled"));
  test_child_signal(&peer.child, SIGKILL);
  test_child_await_zombie(&peer.child);
  EXPECT_LT(0, stats_of().thread_slots_dead);
  fault_install();
  uint64_t before = shl_os_now_ns();
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  printf("healed in %llu us\n", (unsigned long long)((shl_os_now_ns() - before) / 1000));
  EXPECT_EQ(0, fault_calls_of(FAULT_NANOSLEEP));
  fault_remove();
  EXPECT_EQ(0, stats_of().thread_slots_dead);
  EXPECT_EQ(1, stats_of().processes);
  EXPECT_EQ(BLOCKS, stats_of().live_blocks);
  EXPECT_EQ(-SIGKILL, test_child_wait(&peer.child));
}

static int leap(struct timespec *out) {
  leapt_s += leap_s;
  int result = shl_system_calls.monotonic(out);
  out->tv_sec += leapt_s;
  return result;
}

static void install_leaps(int64_t seconds) {
  table = shl_system_calls;
  table.monotonic = leap;
  leap_s = seconds;
  leapt_s = seconds < 0 ? 100000 * (int64_t)HOUR_S : 0;
  shl_sys = &table;
}

// Everything in which a process asks whether others live: an open, a full trim, running short.
static void expect_peer_lives(void) {
  shoal_heap *again = NULL;
  EXPECT_OK(place_open(&place, 0, &again));
  EXPECT_OK(shoal_close(again));
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  EXPECT_EQ(0, shoal_alloc(heap, PLACE_CAPACITY, 0));
  EXPECT(!peer_is_dead(heap, &peer));
  EXPECT_EQ(2, stats_of().processes);
  EXPECT_EQ(0, stats_of().thread_slots_dead);
  EXPECT_EQ(BLOCKS, stats_of().live_blocks);
}

static void a_clock_that_leaps_makes_nobody_dead(void) {
  static const int64_t leaps_s[] = {HOUR_S, -HOUR_S};
  ASSERT(test_child_expect(&peer.child, "filled"));
  for (unsigned stopped = 0; stopped < 2; stopped++) {
    if (stopped != 0) ASSERT(peer_stop(&peer));
    for (size_t i = 0; i < sizeof leaps_s / sizeof leaps_s[0]; i++) {
      install_leaps(leaps_s[i]);
      expect_peer_lives();
      fault_remove();
    }
  }
  test_child_kill(&peer.child);
}

static int keep_busy(int fd, struct flock *lock) {
  (void)fd;
  (void)lock;
  errno = EAGAIN;
  return -1;
}

static int64_t busy_for;  // tries; negative: for ever
static int64_t tries;

static int keep_busy_for(int fd, struct flock *lock) {
  tries++;
  if (busy_for >= 0 && tries > busy_for) return shl_system_calls.set_lock(fd, lock);
  return keep_busy(fd, lock);
}

static shoal_status open_at_busy_gate(int64_t leaps_s, int64_t busy, shoal_heap **out) {
  tries = 0;
  busy_for = busy;
  install_leaps(leaps_s);
  table.set_lock = keep_busy_for;
  shoal_status status = place_open(&place, SHOAL_CREATE, out);
  fault_remove();
  return status;
}

static uint64_t milliseconds_now(void) {
  return shl_os_now_ns() / 1000000;
}

// The wait for the gate is as long as it is whatever the clock does: nobody gives up at once, and
// nobody waits for the hours to come back.
static void a_clock_that_leaps_leaves_the_wait_as_it_is(void) {
  static const int64_t leaps_s[] = {HOUR_S, -HOUR_S};
  test_child_kill(&peer.child);
  EXPECT_OK(shoal_close(heap));
  heap = NULL;
  for (size_t i = 0; i < sizeof leaps_s / sizeof leaps_s[0]; i++) {
    shoal_heap *other = NULL;
    EXPECT_OK(open_at_busy_gate(leaps_s[i], 20, &other));
    EXPECT_OK(shoal_close(other));
    uint64_t before = milliseconds_now();
    EXPECT_STATUS(SHOAL_E_BUSY, open_at_busy_gate(leaps_s[i], -1, &other));
    EXPECT_LE(before + GATE_MS - 1, milliseconds_now());
    EXPECT_LE(tries, GATE_MS + 5);
    place_clear(&place);
  }
}

// Another has the gate for ever: who waits for it comes to an end without a clock, without a sleep,
// and without both.
static void a_wait_ends_without_clock_and_sleep(void) {
  static const enum fault_call calls[] = {FAULT_MONOTONIC, FAULT_NANOSLEEP};
  test_child_kill(&peer.child);
  EXPECT_OK(shoal_close(heap));
  heap = NULL;
  for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
    shoal_heap *other = NULL;
    fault_install();
    table = fault_table;
    table.set_lock = keep_busy;
    shl_sys = &table;
    fault_arm(&(struct fault_plan){.call = calls[i], .at = 1, .sticky = true});
    EXPECT_STATUS(SHOAL_E_BUSY, place_open(&place, SHOAL_CREATE, &other));
    EXPECT_NE(0, fault_strikes());
    fault_remove();
    place_clear(&place);
  }
}

SUITE(time, SET_UP(open_here), TEAR_DOWN(close_here),
      TEST(a_zombie_is_healed_by_the_first_who_looks), TEST(a_clock_that_leaps_makes_nobody_dead),
      TEST(a_clock_that_leaps_leaves_the_wait_as_it_is),
      TEST(a_wait_ends_without_clock_and_sleep), ROLE(be_there))
