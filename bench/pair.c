// SPDX-License-Identifier: MIT
// Hot pair: malloc(64), one store into the block, free, over and over in one thread.

#include "bench/block.h"
#include "bench/passes.h"
#include "bench/report.h"
#include "bench/workload.h"

enum { BLOCK_BYTES = 64 };

static void make_pairs(uint64_t ops) {
  for (uint64_t i = 0; i < ops; i++) {
    char *block = bench_take(BLOCK_BYTES);
    *(volatile char *)block = 1;
    bench_adapter.release(block);
  }
}

static int run(const struct bench_settings *settings) {
  bench_report(BENCH_TIME, "ns", bench_time_passes(make_pairs, bench_ops(settings, 20000000)));
  return 0;
}

const struct bench_workload bench_pair = {.name = "pair64", .run = run};
