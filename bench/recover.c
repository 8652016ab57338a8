// SPDX-License-Identifier: MIT
// Recover: processes are killed by timers of their own while they allocate and free, and the one
// that started them times how long it takes to recover what each has left, in heaps of 64 MiB to
// 16 GiB of which a tenth is filled. Every other victim's slots are timed one by one, as the first
// thread that needs a slot would recover them; the others by the call that recovers everything.

#define _GNU_SOURCE
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/atomic.h"
#include "bench/block.h"
#include "bench/heap_name.h"
#include "bench/heirloom.h"
#include "bench/host.h"
#include "bench/median.h"
#include "bench/passes.h"
#include "bench/random.h"
#include "bench/report.h"
#include "bench/role_process.h"
#include "bench/workload.h"

enum { VICTIMS_MAX = 500, VICTIMS_MIN = 5, FILL_BYTES_MAX = 8192, FILL_SHARE = 10 };

// A victim's life after its open, and what it holds meanwhile.
enum { LIFE_US_MIN = 50, LIFE_US_RANGE = 1500, HELD = 64, SIZE_MAX_BYTES = 65536 };
enum { HUGE_EVERY = 256, HUGE_BYTES = 3 << 20 };

static const struct {
  const char *name;
  uint64_t bytes;
} capacities[] = {
    {"64_mib", UINT64_C(64) << 20}, {"256_mib", UINT64_C(256) << 20}, {"1_gib", UINT64_C(1) << 30},
    {"4_gib", UINT64_C(4) << 30},   {"16_gib", UINT64_C(16) << 30},
};

/// What was measured in one heap. Private to the process.
struct sample {
  double slot_ns[VICTIMS_MAX];
  double reap_ns[VICTIMS_MAX];
  size_t slots;
  size_t reaps;
  size_t cut_short;
};

static void arm(uint64_t life_us) {
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
  struct itimerspec time = {.it_value = {.tv_nsec = (long)(life_us * 1000)}};
  timer_t timer;
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 ||
      timer_settime(timer, 0, &time, NULL) != 0) {
    perror("bench: timer");
    exit(1);
  }
}

static size_t draw_size(uint64_t *state) {
  unsigned bits = 4 + bench_random_below(state, 12);
  return ((size_t)1 << bits) + bench_random_below(state, 1U << bits);
}

// Ends only by the timer.
static int die_at_work(char **arguments) {
  struct bench_heap heap = {.name = arguments[0]};
  shl_a64 *held = (shl_a64 *)(uintptr_t)strtoull(arguments[1], NULL, 16);
  uint64_t state = strtoull(arguments[2], NULL, 10);
  bench_pin(1);
  if (bench_adapter.open(&heap) != 0) return -1;
  arm(LIFE_US_MIN + bench_random_below(&state, LIFE_US_RANGE));
  for (;;) {
    bench_replace(&held[bench_random_below(&state, HELD)], draw_size(&state));
    if (bench_random_below(&state, HUGE_EVERY) != 0) continue;
    void *huge = bench_adapter.alloc(HUGE_BYTES);
    if (huge != NULL) bench_adapter.release(huge);
  }
}

static void fill(uint64_t bytes) {
  uint64_t state = 0x853c49e6748fea9bU;
  for (uint64_t filled = 0; filled < bytes;) {
    size_t size = 16 + bench_random_below(&state, FILL_BYTES_MAX - 16);
    bench_touch(bench_take(size), size);
    filled += size;
  }
}

static int kill_one(const char *heap_name, const shl_a64 *held, int number) {
  char seed[32];
  char place[32];
  struct bench_role_process victim;
  snprintf(seed, sizeof(seed), "%" PRIu64, UINT64_C(0x9e3779b97f4a7c15) * (uint64_t)(number + 1));
  snprintf(place, sizeof(place), "%" PRIxPTR, (uintptr_t)held);
  const char *arguments[] = {heap_name, place, seed, NULL};
  if (bench_role_start(&victim, bench_recover_victim.name, arguments) != 0) return -1;
  return bench_role_await_kill(&victim);
}

static int time_recovery(struct sample *sample, int number) {
  struct bench_recovery recovery = {0};
  if (number % 2 == 0) {
    if (bench_adapter.recover(&recovery) != 0) return -1;
    if (recovery.slots > 0) sample->slot_ns[sample->slots++] = recovery.slot_ns;
    sample->cut_short += (size_t)recovery.cut_short;
    return bench_adapter.reap();
  }
  uint64_t begin_ns = bench_now_ns();
  if (bench_adapter.reap() != 0) return -1;
  sample->reap_ns[sample->reaps++] = (double)(bench_now_ns() - begin_ns);
  return 0;
}

static void report_one(const char *what, const char *capacity, double ns) {
  char figure[64];
  snprintf(figure, sizeof(figure), "%s_%s", what, capacity);
  bench_report(figure, "ns", ns);
}

// returns: the slots' median.
static double report_sample(struct sample *sample, const char *capacity) {
  // Sorted by the first line of each.
  double median_ns = bench_median(sample->slot_ns, sample->slots);
  report_one("slot_median", capacity, median_ns);
  report_one("slot_p99", capacity, sample->slot_ns[sample->slots * 99 / 100]);
  report_one("slot_max", capacity, sample->slot_ns[sample->slots - 1]);
  report_one("reap_median", capacity, bench_median(sample->reap_ns, sample->reaps));
  report_one("reap_p99", capacity, sample->reap_ns[sample->reaps * 99 / 100]);
  report_one("reap_max", capacity, sample->reap_ns[sample->reaps - 1]);
  return median_ns;
}

static int measure(const struct bench_settings *settings, uint64_t capacity,
                   struct sample *sample) {
  char name[64];
  int victims = (int)bench_ops(settings, VICTIMS_MAX);
  if (victims < VICTIMS_MIN) victims = VICTIMS_MIN;
  bench_heap_name(name, sizeof(name), "recover");
  struct bench_heap heap = {.name = name, .create = 1, .capacity = capacity};
  if (bench_adapter.open(&heap) != 0) return -1;
  fill(bench_ops(settings, capacity / FILL_SHARE));
  shl_a64 *held = bench_take(HELD * sizeof(*held));
  for (int i = 0; i < HELD; i++) shl_store_release_u64(&held[i], 0);
  int result = 0;
  for (int i = 0; i < victims && result == 0; i++) {
    result = kill_one(name, held, i);
    if (result == 0) result = time_recovery(sample, i);
  }
  bench_adapter.close();
  return result;
}

static int run(const struct bench_settings *settings) {
  static struct sample samples[sizeof(capacities) / sizeof(capacities[0])];
  const size_t count = sizeof(capacities) / sizeof(capacities[0]);
  double median_ns[sizeof(capacities) / sizeof(capacities[0])];
  size_t slots = 0;
  size_t cut_short = 0;
  if (bench_adapter.recover == NULL) {
    fprintf(stderr, "%s: what the dead leave cannot be seen\n", bench_adapter.name);
    return -1;
  }
  bench_pin(0);
  for (size_t i = 0; i < count; i++) {
    if (measure(settings, capacities[i].bytes, &samples[i]) != 0) return -1;
    median_ns[i] = report_sample(&samples[i], capacities[i].name);
    slots += samples[i].slots;
    cut_short += samples[i].cut_short;
  }
  bench_report("largest_over_smallest", "ratio", median_ns[count - 1] / median_ns[0]);
  bench_report("cut_short_over_all", "ratio", (double)cut_short / (double)slots);
  bench_report(BENCH_TIME, "ns", median_ns[count - 1]);
  return 0;
}

const struct bench_workload bench_recover = {.name = "recover", .run = run};
const struct bench_role bench_recover_victim = {
    .name = "recover_victim", .arguments = 3, .run = die_at_work};
