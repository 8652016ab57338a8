// SPDX-License-Identifier: MIT
// Batch: 1000 blocks of 16 to 512 bytes are allocated, each is stored into, then all are freed in
// the order of allocation, in the reverse of it, and in a random order. An operation is one malloc
// and one free.

#include "bench/block.h"
#include "bench/passes.h"
#include "bench/random.h"
#include "bench/report.h"
#include "bench/workload.h"

enum { BATCH_COUNT = 1000, SIZE_MIN = 16, SIZE_MAX_BYTES = 512 };

static uint16_t sizes[BATCH_COUNT];
static uint16_t order[BATCH_COUNT];
static char *blocks[BATCH_COUNT];

static void make_batches(uint64_t ops) {
  for (uint64_t done = 0; done < ops; done += BATCH_COUNT) {
    for (int i = 0; i < BATCH_COUNT; i++) {
      blocks[i] = bench_take(sizes[i]);
      *blocks[i] = 1;
    }
    for (int i = 0; i < BATCH_COUNT; i++) bench_adapter.release(blocks[order[i]]);
  }
}

static void choose_sizes(uint64_t *state) {
  for (int i = 0; i < BATCH_COUNT; i++) {
    sizes[i] = (uint16_t)(SIZE_MIN + bench_random_below(state, SIZE_MAX_BYTES - SIZE_MIN + 1));
  }
}

static void shuffle_order(uint64_t *state) {
  for (int i = BATCH_COUNT - 1; i > 0; i--) {
    int other = (int)bench_random_below(state, (uint32_t)i + 1);
    uint16_t swapped = order[i];
    order[i] = order[other];
    order[other] = swapped;
  }
}

static int run(const struct bench_settings *settings) {
  uint64_t ops = bench_ops(settings, 5000000);
  uint64_t state = 0x9e3779b97f4a7c15U;
  choose_sizes(&state);
  for (int i = 0; i < BATCH_COUNT; i++) order[i] = (uint16_t)i;
  double fifo_ns = bench_time_passes(make_batches, ops);
  for (int i = 0; i < BATCH_COUNT; i++) order[i] = (uint16_t)(BATCH_COUNT - 1 - i);
  double lifo_ns = bench_time_passes(make_batches, ops);
  shuffle_order(&state);
  double random_ns = bench_time_passes(make_batches, ops);
  bench_report(BENCH_TIME, "ns", (fifo_ns + lifo_ns + random_ns) / 3);
  bench_report("fifo", "ns", fifo_ns);
  bench_report("lifo", "ns", lifo_ns);
  bench_report("random", "ns", random_ns);
  return 0;
}

const struct bench_workload bench_batch = {.name = "batch", .run = run};
