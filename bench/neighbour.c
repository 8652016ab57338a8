// SPDX-License-Identifier: MIT
// Neighbour: a survivor replaces blocks at random, on one cpu; on the other a neighbour does the
// same in the same heap. In every other turn the neighbour is killed every 10 ms, and another takes
// its place; in the turns between it is left alone. Killing, starting and waiting happen on the
// neighbour's cpu. What the survivor gets done in the ones over the others is what a death costs
// those who live.

#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/atomic.h"
#include "bench/heap_name.h"
#include "bench/heirloom.h"
#include "bench/host.h"
#include "bench/median.h"
#include "bench/passes.h"
#include "bench/random.h"
#include "bench/report.h"
#include "bench/role_process.h"
#include "bench/workload.h"

enum { TURNS_MAX = 60, TURNS_MIN = 3, KILLS_A_TURN = 20, BETWEEN_MS = 10 };
enum { BLOCKS = 10000, SIZE_MIN = 16, SIZE_MAX_BYTES = 2048, COUNT_EVERY = 64, LINE_BYTES = 128 };

/// What all of them see, in the heap. A neighbour's blocks are the next one's.
struct shared {
  struct {
    shl_a64 count;
    char apart[LINE_BYTES - 8];
  } done[2];  ///< Operations.
  shl_a64 blocks[2][BLOCKS];  ///< Addresses; 0 is none.
};

/// The parties, and their places in what is shared.
enum { SURVIVOR = 0, VICTIM = 1 };

/// What one turn came to. Private to the process.
struct turn {
  double survivor_per_s;
  double victim_per_s;
  double kills_per_s;
};

/// The one who starts, kills and counts. Private to the process.
struct street {
  char heap_name[64];
  struct shared *shared;
  struct bench_role_process survivor;
  struct bench_role_process victim;
  uint64_t started;
};

// Ends only by a signal.
static int work(char **arguments, int who) {
  struct bench_heap heap = {.name = arguments[0]};
  bench_pin((unsigned)who);
  if (bench_adapter.open(&heap) != 0) return -1;
  struct shared *shared = (struct shared *)(uintptr_t)strtoull(arguments[1], NULL, 16);
  uint64_t state = strtoull(arguments[2], NULL, 10);
  uint64_t done = shl_load_acquire_u64(&shared->done[who].count);
  for (;; done += COUNT_EVERY) {
    shl_store_release_u64(&shared->done[who].count, done);
    for (int i = 0; i < COUNT_EVERY; i++) {
      shl_a64 *place = &shared->blocks[who][bench_random_below(&state, BLOCKS)];
      bench_replace(place, SIZE_MIN + bench_random_below(&state, SIZE_MAX_BYTES - SIZE_MIN));
    }
  }
}

static int survive(char **arguments) { return work(arguments, SURVIVOR); }

static int fall(char **arguments) { return work(arguments, VICTIM); }

static int start(struct street *street, const struct bench_role *role,
                 struct bench_role_process *out) {
  char shared[32];
  char seed[32];
  snprintf(shared, sizeof(shared), "%" PRIxPTR, (uintptr_t)street->shared);
  snprintf(seed, sizeof(seed), "%" PRIu64, UINT64_C(0x9e3779b97f4a7c15) * ++street->started);
  const char *arguments[] = {street->heap_name, shared, seed, NULL};
  return bench_role_start(out, role->name, arguments);
}

static int end(struct bench_role_process *process) {
  kill(process->pid, SIGKILL);
  return bench_role_await_kill(process);
}

static void sleep_until(uint64_t ns) {
  struct timespec time = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR) continue;
}

static uint64_t count_done(const struct street *street, int who) {
  return shl_load_acquire_u64(&street->shared->done[who].count);
}

static int take_turn(struct street *street, int kills, struct turn *out) {
  uint64_t begin_ns = bench_now_ns();
  uint64_t survivor = count_done(street, SURVIVOR);
  uint64_t victim = count_done(street, VICTIM);
  for (uint64_t i = 1; i <= KILLS_A_TURN; i++) {
    sleep_until(begin_ns + i * BETWEEN_MS * 1000000);
    if (!kills) continue;
    if (end(&street->victim) != 0) return -1;
    if (start(street, &bench_neighbour_victim, &street->victim) != 0) return -1;
  }
  double seconds = (double)(bench_now_ns() - begin_ns) / 1e9;
  out->survivor_per_s = (double)(count_done(street, SURVIVOR) - survivor) / seconds;
  out->victim_per_s = (double)(count_done(street, VICTIM) - victim) / seconds;
  out->kills_per_s = kills ? KILLS_A_TURN / seconds : 0;
  return 0;
}

static double median_of(const struct turn *turns, size_t count, size_t field) {
  double values[TURNS_MAX];
  for (size_t i = 0; i < count; i++) {
    memcpy(&values[i], (const char *)&turns[i] + field, sizeof(values[i]));
  }
  return bench_median(values, count);
}

static void report(const struct turn *killing, const struct turn *quiet, size_t count) {
  const size_t survivor = offsetof(struct turn, survivor_per_s);
  const size_t victim = offsetof(struct turn, victim_per_s);
  double ratio[TURNS_MAX];
  for (size_t i = 0; i < count; i++) {
    ratio[i] = killing[i].survivor_per_s / quiet[i].survivor_per_s;
  }
  double killing_per_s = median_of(killing, count, survivor);
  double quiet_per_s = median_of(quiet, count, survivor);
  bench_report(BENCH_TIME, "ns", 1e9 / killing_per_s);
  bench_report("with_kills", "per_s", killing_per_s);
  bench_report("undisturbed", "per_s", quiet_per_s);
  bench_report("kills_over_undisturbed", "ratio", killing_per_s / quiet_per_s);
  bench_report("median_of_ratios", "ratio", bench_median(ratio, count));
  bench_report("kills", "per_s", median_of(killing, count, offsetof(struct turn, kills_per_s)));
  bench_report("neighbour_with_kills", "per_s", median_of(killing, count, victim));
  bench_report("neighbour_undisturbed", "per_s", median_of(quiet, count, victim));
}

static int take_turns(struct street *street, size_t count) {
  struct turn killing[TURNS_MAX];
  struct turn quiet[TURNS_MAX];
  for (size_t i = 0; i < count; i++) {
    // Whichever comes first has no advantage over all.
    for (int half = 0; half < 2; half++) {
      int kills = (i + (size_t)half) % 2 == 0;
      if (take_turn(street, kills, kills ? &killing[i] : &quiet[i]) != 0) return -1;
    }
  }
  report(killing, quiet, count);
  return 0;
}

static void make_shared(struct street *street) {
  uintptr_t room = (uintptr_t)bench_take(sizeof(struct shared) + LINE_BYTES);
  street->shared = (struct shared *)((room + LINE_BYTES - 1) & ~(uintptr_t)(LINE_BYTES - 1));
  shl_store_release_u64(&street->shared->done[SURVIVOR].count, 0);
  shl_store_release_u64(&street->shared->done[VICTIM].count, 0);
  for (size_t i = 0; i < BLOCKS; i++) {
    shl_store_release_u64(&street->shared->blocks[SURVIVOR][i], 0);
    shl_store_release_u64(&street->shared->blocks[VICTIM][i], 0);
  }
}

static int play(struct street *street, size_t turns) {
  if (start(street, &bench_neighbour_survivor, &street->survivor) != 0) return -1;
  int result = start(street, &bench_neighbour_victim, &street->victim);
  if (result == 0) {
    // The tables fill, and the first turn is for nothing.
    struct turn first;
    if (take_turn(street, 0, &first) != 0 || take_turns(street, turns) != 0) result = -1;
    if (end(&street->victim) != 0) result = -1;
  }
  return end(&street->survivor) == 0 ? result : -1;
}

static int run(const struct bench_settings *settings) {
  static struct street street;
  size_t turns = (size_t)bench_ops(settings, TURNS_MAX);
  if (turns < TURNS_MIN) turns = TURNS_MIN;
  bench_pin(1);
  bench_heap_name(street.heap_name, sizeof(street.heap_name), "neighbour");
  struct bench_heap heap = {.name = street.heap_name, .create = 1};
  if (bench_adapter.open(&heap) != 0) return -1;
  make_shared(&street);
  int result = play(&street, turns);
  bench_adapter.close();
  return result;
}

const struct bench_workload bench_neighbour = {.name = "neighbour", .run = run};
const struct bench_role bench_neighbour_survivor = {
    .name = "neighbour_survivor", .arguments = 3, .run = survive};
const struct bench_role bench_neighbour_victim = {
    .name = "neighbour_victim", .arguments = 3, .run = fall};
