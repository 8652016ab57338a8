// SPDX-License-Identifier: MIT
// Waste: 1,000,000 blocks of 16 to 512 bytes, uniformly random, all filled; the memory behind them
// over what was asked for. Two measures: the kernel's, the same for every allocator, and, where the
// allocator says, all it has committed, its metadata included.

#include <string.h>

#include "bench/block.h"
#include "bench/host.h"
#include "bench/random.h"
#include "bench/report.h"
#include "bench/workload.h"

enum { BLOCK_COUNT = 1000000, SIZE_MIN = 16, SIZE_MAX_BYTES = 512 };

static int run(const struct bench_settings *settings) {
  (void)settings;
  uint64_t state = 0x853c49e6748fea9bU;
  uint64_t requested = 0;
  uint64_t memory_before = bench_memory_bytes();
  for (int i = 0; i < BLOCK_COUNT; i++) {
    size_t bytes = SIZE_MIN + bench_random_below(&state, SIZE_MAX_BYTES - SIZE_MIN + 1);
    memset(bench_take(bytes), 1, bytes);
    requested += bytes;
  }
  bench_report(BENCH_MEMORY, "ratio",
               (double)(bench_memory_bytes() - memory_before) / (double)requested);
  if (bench_adapter.account == NULL) return 0;
  struct bench_account account;
  if (bench_adapter.account(&account) != 0) return -1;
  bench_report("committed_over_requested", "ratio",
               (double)(account.committed + account.metadata_committed) / (double)requested);
  bench_report("metadata_over_requested", "ratio",
               (double)account.metadata_committed / (double)requested);
  return 0;
}

const struct bench_workload bench_waste = {.name = "waste", .run = run};
