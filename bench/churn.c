// SPDX-License-Identifier: MIT
// Churn: 100,000 live blocks of 16 bytes to 8 KiB, as many small as large on a logarithmic scale;
// an operation frees one of them at random and allocates another in its place. Memory is what the
// kernel has given since the start over what the live blocks were asked for.

#include <math.h>

#include "bench/block.h"
#include "bench/host.h"
#include "bench/passes.h"
#include "bench/random.h"
#include "bench/report.h"
#include "bench/workload.h"

// The sizes come from a table that fits into the first-level cache, so that drawing one costs
// little beside the allocator.
enum { LIVE_COUNT = 100000, TABLE_COUNT = 4096 };
static const double size_min = 16;
static const double size_max = 8192;

struct live {
  char *block;
  uint64_t bytes;
};

static struct live *lives;
static uint16_t table[TABLE_COUNT];
static uint64_t state = 0x2545f4914f6cdd1dU;
static uint64_t live_bytes;

static void fill_table(void) {
  for (int i = 0; i < TABLE_COUNT; i++) {
    table[i] = (uint16_t)(size_min * pow(size_max / size_min, (i + 0.5) / TABLE_COUNT));
  }
}

static void place_block(struct live *live) {
  live->bytes = table[bench_random_below(&state, TABLE_COUNT)];
  live->block = bench_take(live->bytes);
  live->block[0] = 1;
  live->block[live->bytes - 1] = 1;
  live_bytes += live->bytes;
}

static void replace_blocks(uint64_t ops) {
  for (uint64_t i = 0; i < ops; i++) {
    struct live *live = &lives[bench_random_below(&state, LIVE_COUNT)];
    bench_adapter.release(live->block);
    live_bytes -= live->bytes;
    place_block(live);
  }
}

static int run(const struct bench_settings *settings) {
  fill_table();
  lives = bench_map(LIVE_COUNT * sizeof(*lives));
  uint64_t memory_before = bench_memory_bytes();
  for (int i = 0; i < LIVE_COUNT; i++) place_block(&lives[i]);
  replace_blocks(5 * LIVE_COUNT);
  bench_report(BENCH_TIME, "ns", bench_time_passes(replace_blocks, bench_ops(settings, 2000000)));
  for (int i = 0; i < LIVE_COUNT; i++) bench_touch(lives[i].block, lives[i].bytes);
  bench_report(BENCH_MEMORY, "ratio",
               (double)(bench_memory_bytes() - memory_before) / (double)live_bytes);
  return 0;
}

const struct bench_workload bench_churn = {.name = "churn", .run = run};
