// SPDX-License-Identifier: MIT
// The one who starts, restarts and waits. It has no heap open while others live, so that it can
// fork without sharing one, and so that each audit begins as the only process: with an open that
// finds all others dead or gone.
#define _GNU_SOURCE
#include "tests/crash/storm.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/crash/storm_worker.h"
#include "tests/harness/harness.h"

enum { HANG_S = 60, CAPACITY = 256 << 20 };

// Private to the process.
struct storm {
  const struct storm_plan *plan;
  struct storm_sum *sum;
  struct storm_board *board;
  pid_t seats[SHELVES_MAX];  // 0: nobody
  uint64_t started;          // for seeds
  uint64_t turn;             // which shelf is whose changes with each audit
  bool failed;
};

static void start(struct storm *storm, unsigned seat) {
  unsigned shelf = (unsigned)((seat + storm->turn) % storm->plan->seats);
  uint64_t seed = storm->plan->seed * 1000003 + storm->started++;
  pid_t child = fork();
  if (child == 0) storm_work(storm->board, seat, shelf, seed, seat != 0);
  EXPECT_LT(0, child);
  storm->seats[seat] = child;
  storm->failed = storm->failed || child < 0;
}

// Waits for the next process to end. returns: its seat; -1 where nobody ended in time.
static int await_end(struct storm *storm, int *status) {
  struct timespec limit = {.tv_sec = HANG_S};
  sigset_t ends;
  (void)sigemptyset(&ends);
  (void)sigaddset(&ends, SIGCHLD);
  while (true) {
    pid_t ended = waitpid(-1, status, WNOHANG);
    for (unsigned i = 0; ended > 0 && i < storm->plan->seats; i++) {
      if (storm->seats[i] != ended) continue;
      storm->seats[i] = 0;
      return (int)i;
    }
    if (ended == 0 && sigtimedwait(&ends, NULL, &limit) < 0 && errno == EAGAIN) return -1;
  }
}

// One end: a kill is what it is all about, and anything else but a wanted end a failure.
static void take_note(struct storm *storm, int seat, int status, bool stopping) {
  bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  bool ended = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  storm->sum->kills += killed;
  if ((killed && seat != 0) || (ended && stopping)) return;
  FAIL("seat %d ended with status 0x%x, seed %llu, %llu started", seat, (unsigned)status,
       (unsigned long long)storm->plan->seed, (unsigned long long)storm->started);
  storm->failed = true;
}

static void give_up(struct storm *storm) {
  storm->sum->hangs++;
  storm->failed = true;
  FAIL("nobody has ended for %d s", HANG_S);
  for (unsigned i = 0; i < storm->plan->seats; i++) {
    if (storm->seats[i] != 0) (void)kill(storm->seats[i], SIGKILL);
  }
}

static bool is_anyone_there(const struct storm *storm) {
  for (unsigned i = 0; i < storm->plan->seats; i++) {
    if (storm->seats[i] != 0) return true;
  }
  return false;
}

static void blow(struct storm *storm) {
  uint64_t until = storm->sum->kills + storm->plan->kills_an_audit;
  uint64_t survivors = storm->board->calls[0];
  storm->board->stop = 0;
  for (unsigned i = 0; i < storm->plan->seats; i++) start(storm, i);
  while (is_anyone_there(storm)) {
    int status = 0;
    bool stopping = storm->failed || storm->sum->kills >= until;
    if (stopping) __atomic_store_n(&storm->board->stop, 1, __ATOMIC_RELEASE);
    int seat = await_end(storm, &status);
    if (seat < 0) {
      give_up(storm);
      continue;
    }
    take_note(storm, seat, status, stopping);
    if (!stopping && !storm->failed) start(storm, (unsigned)seat);
  }
  if (storm->board->calls[0] == survivors) {
    storm->sum->hangs++;
    FAIL("the survivor has done nothing during %llu kills",
         (unsigned long long)storm->plan->kills_an_audit);
  }
}

static shoal_heap *open_heap(const struct storm *storm, unsigned flags) {
  shoal_heap *heap = NULL;
  shoal_options options = {.size = sizeof options,
                           .flags = flags,
                           .capacity = CAPACITY,
                           .lifetime = SHOAL_LIFETIME_PERSIST,
                           .max_processes = SHELVES_MAX + 2,
                           .max_threads = 6 * SHELVES_MAX};
  EXPECT_OK(shoal_open(storm->board->name, &options, &heap));
  return heap;
}

static void audit(struct storm *storm) {
  struct shelf_audit found;
  shoal_heap *heap = open_heap(storm, 0);
  storm->failed = storm->failed || heap == NULL;
  if (heap == NULL) return;
  EXPECT_OK(shoal_reap(heap));
  if (!shelves_audit(heap, &found)) {
    storm->failed = true;
    FAIL("after %llu kills, seed %llu: %llu blocks lost, %llu named twice, %llu not allocated",
         (unsigned long long)storm->sum->kills, (unsigned long long)storm->plan->seed,
         (unsigned long long)found.lost, (unsigned long long)found.twice,
         (unsigned long long)found.unallocated);
  }
  storm->sum->audits++;
  storm->sum->blocks += found.blocks;
  storm->sum->lost_bytes += found.lost_bytes;
  storm->sum->duplicated_bytes += found.twice_bytes;
  EXPECT_OK(shoal_close(heap));
}

static bool begin(struct storm *storm) {
  char name[TEST_NAME_BYTES];
  storm->board = mmap(NULL, sizeof *storm->board, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (storm->board == MAP_FAILED) return false;
  (void)snprintf(storm->board->name, sizeof storm->board->name, "%s", test_unique_name(name));
  storm->board->kill_us_max = storm->plan->kill_us_max;
  shoal_heap *heap = open_heap(storm, SHOAL_CREATE | SHOAL_EXCLUSIVE);
  if (heap == NULL) return false;
  shelves_make(heap);
  EXPECT_OK(shoal_close(heap));
  return true;
}

static void end(struct storm *storm) {
  for (unsigned i = 0; i < SHELVES_MAX; i++) storm->sum->calls += storm->board->calls[i];
  EXPECT_OK(shoal_unlink(storm->board->name));
  (void)munmap(storm->board, sizeof *storm->board);
}

bool storm_play(const struct storm_plan *plan, struct storm_sum *out) {
  struct storm storm = {.plan = plan, .sum = out};
  sigset_t ends, before;
  *out = (struct storm_sum){.kills = 0};
  (void)sigemptyset(&ends);
  (void)sigaddset(&ends, SIGCHLD);
  (void)sigprocmask(SIG_BLOCK, &ends, &before);  // to be waited for
  bool begun = begin(&storm);
  while (begun && !storm.failed && out->kills < plan->kills) {
    blow(&storm);
    audit(&storm);
    storm.turn++;
  }
  if (begun) end(&storm);
  (void)sigprocmask(SIG_SETMASK, &before, NULL);
  return begun && !storm.failed;
}
