// SPDX-License-Identifier: MIT
// The one who starts, restarts and waits. It has no heap open while others live, so that it can
// fork without sharing one, and so that each audit begins as the only process: with an open that
// finds all others dead or gone.
#define _GNU_SOURCE
#include "tests/crash/storm.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/hang.h"
#include "tests/crash/storm_worker.h"
#include "tests/harness/harness.h"

enum { CAPACITY = 256 << 20 };

// Private to the process.
struct storm {
  const struct storm_plan *plan;
  struct storm_sum *sum;
  struct storm_board *board;
  struct hang_watch seats[SHELVES_MAX];
  uint64_t started;  // for seeds
  uint64_t turn;     // which shelf is whose changes with each audit
  bool failed;
};

static void start(struct storm *storm, unsigned seat) {
  unsigned shelf = (unsigned)((seat + storm->turn) % storm->plan->seats);
  uint64_t seed = storm->plan->seed * 1000003 + storm->started++;
  pid_t child = fork();
  if (child == 0) storm_work(storm->board, seat, shelf, seed, seat != 0);
  EXPECT_LT(0, child);
  storm->seats[seat] = hang_watch(child < 0 ? 0 : child, &storm->board->calls[seat]);
  storm->failed = storm->failed || child < 0;
}

// Waits for the next process to end, or to hang: that one has come to no end of a call, or of its
// close, and is ended. returns: its seat, empty now; *hung says whether it hung.
static unsigned await_end(struct storm *storm, int *status, bool *hung) {
  char text[HANG_TEXT_BYTES];
  unsigned seat = hang_await(storm->seats, storm->plan->seats, HANG_MS);
  *hung = storm->seats[seat].hung;
  if (*hung) {
    storm->sum->hangs++;
    storm->failed = true;
    FAIL("seat %u %s; seed %llu, %llu started", seat, hang_text(&storm->seats[seat], text),
         (unsigned long long)storm->plan->seed, (unsigned long long)storm->started);
  }
  EXPECT_EQ(storm->seats[seat].process, waitpid(storm->seats[seat].process, status, 0));
  storm->seats[seat] = (struct hang_watch){.process = 0};
  return seat;
}

// One end: a kill is what it is all about, and anything else but a wanted end a failure.
static void take_note(struct storm *storm, unsigned seat, int status, bool stopping) {
  bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  bool ended = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  storm->sum->kills += killed;
  if ((killed && seat != 0) || (ended && stopping)) return;
  FAIL("seat %u ended with status 0x%x, seed %llu, %llu started", seat, (unsigned)status,
       (unsigned long long)storm->plan->seed, (unsigned long long)storm->started);
  storm->failed = true;
}

static bool is_anyone_there(const struct storm *storm) {
  for (unsigned i = 0; i < storm->plan->seats; i++) {
    if (storm->seats[i].process != 0) return true;
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
    bool hung = false;
    bool stopping = storm->failed || storm->sum->kills >= until;
    if (stopping) __atomic_store_n(&storm->board->stop, 1, __ATOMIC_RELEASE);
    unsigned seat = await_end(storm, &status, &hung);
    if (!hung) take_note(storm, seat, status, stopping);
    if (!stopping && !storm->failed) start(storm, seat);
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

static void audit(void *context) {
  struct storm *storm = context;
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

static void audit_in_time(struct storm *storm) {
  char text[HANG_TEXT_BYTES];
  struct hang_watch watch = hang_call(audit, storm, HANG_MS);
  if (!watch.hung) return;
  storm->sum->hangs++;
  storm->failed = true;
  FAIL("the audit %s; seed %llu", hang_text(&watch, text), (unsigned long long)storm->plan->seed);
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
  *out = (struct storm_sum){.kills = 0};
  bool begun = begin(&storm);
  while (begun && !storm.failed && out->kills < plan->kills) {
    blow(&storm);
    audit_in_time(&storm);
    storm.turn++;
  }
  if (begun) end(&storm);
  return begun && !storm.failed;
}
