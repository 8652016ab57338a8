// SPDX-License-Identifier: MIT
// Growth: a process hands 100,000,000 blocks of 16 to 512 bytes to another that frees them. What
// the heap has committed is taken before the first block, every hundredth of the way, and after the
// last: what it needs is known after a tenth, and from there it may not grow.

#include "bench/block.h"
#include "bench/handover.h"
#include "bench/host.h"
#include "bench/passes.h"
#include "bench/random.h"
#include "bench/report.h"
#include "bench/workload.h"

enum { SIZE_MIN = 16, SIZE_MAX_BYTES = 512, SAMPLES = 100, STEADY_SAMPLE = 10 };

static uint64_t committed[SAMPLES + 1];

static int sample(int index) {
  struct bench_account account;
  if (bench_adapter.account(&account) != 0) return -1;
  committed[index] = account.committed + account.metadata_committed;
  return 0;
}

static int produce(struct bench_ring_end *end, uint64_t count) {
  uint64_t state = 0x9e3779b97f4a7c15U;
  uint64_t number = 0;
  for (int i = 1; i <= SAMPLES; i++) {
    for (uint64_t j = 0; j < count / SAMPLES; j++) {
      uint64_t *block =
          bench_take(SIZE_MIN + bench_random_below(&state, SIZE_MAX_BYTES - SIZE_MIN + 1));
      *block = number++;
      bench_ring_put(end, (uint64_t)(uintptr_t)block);
    }
    if (i == SAMPLES) bench_ring_drain(end);
    if (sample(i) != 0) return -1;
  }
  return 0;
}

static void report(void) {
  uint64_t most = 0;
  for (int i = STEADY_SAMPLE; i <= SAMPLES; i++) {
    if (committed[i] > most) most = committed[i];
  }
  bench_report("committed_start", "bytes", (double)committed[0]);
  bench_report("committed_steady", "bytes", (double)committed[STEADY_SAMPLE]);
  bench_report("committed_most", "bytes", (double)most);
  bench_report("committed_end", "bytes", (double)committed[SAMPLES]);
  bench_report("most_over_steady", "ratio", (double)most / (double)committed[STEADY_SAMPLE]);
}

static int run(const struct bench_settings *settings) {
  uint64_t count = bench_ops(settings, 100000000);
  struct bench_handover handover;
  bench_pin(1);
  if (bench_handover_open(&handover, "growth") != 0) return -1;
  if (bench_handover_begin(&handover, BENCH_CARGO_BLOCKS, count) != 0) return -1;
  if (sample(0) != 0) return -1;
  uint64_t begin_ns = bench_now_ns();
  if (produce(&handover.end, count) != 0) return -1;
  uint64_t end_ns = bench_now_ns();
  if (bench_handover_end(&handover) != 0) return -1;
  bench_handover_close();
  bench_report("blocks", "count", (double)count);
  bench_report(BENCH_TIME, "ns", (double)(end_ns - begin_ns) / (double)count);
  report();
  return 0;
}

const struct bench_workload bench_growth = {.name = "growth", .run = run};
