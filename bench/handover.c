// SPDX-License-Identifier: MIT
// Handover: one process allocates blocks of 64 bytes and writes into them, another, started for it,
// reads them and frees them; a ring in the heap carries them over. The ring alone is timed in the
// same run, with numbers for blocks, and with blocks that are allocated once and kept: the
// difference of that to the handover is what the allocator costs.

#include "bench/handover.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/block.h"
#include "bench/heap_name.h"
#include "bench/host.h"
#include "bench/median.h"
#include "bench/passes.h"
#include "bench/report.h"
#include "bench/workload.h"

// Kept blocks are used again after twice the ring, when the consumer has surely done with them.
enum { BLOCK_BYTES = 64, KEPT_COUNT = 2 * BENCH_RING_ENTRIES, TURNS = 3, LINE_BYTES = 128 };

static uint64_t *kept[KEPT_COUNT];

int bench_handover_open(struct bench_handover *handover, const char *tag) {
  bench_heap_name(handover->heap_name, sizeof(handover->heap_name), tag);
  struct bench_heap heap = {.name = handover->heap_name, .create = 1};
  if (bench_adapter.open(&heap) != 0) return -1;
  uintptr_t room = (uintptr_t)bench_take(sizeof(struct bench_ring) + LINE_BYTES);
  room = (room + LINE_BYTES - 1) & ~(uintptr_t)(LINE_BYTES - 1);
  handover->end.ring = (struct bench_ring *)room;
  return 0;
}

void bench_handover_close(void) { bench_adapter.close(); }

int bench_handover_begin(struct bench_handover *handover, enum bench_cargo cargo, uint64_t count) {
  char ring[32];
  char kind[16];
  char entries[32];
  snprintf(ring, sizeof(ring), "%" PRIxPTR, (uintptr_t)handover->end.ring);
  snprintf(kind, sizeof(kind), "%d", (int)cargo);
  snprintf(entries, sizeof(entries), "%" PRIu64, count);
  const char *arguments[] = {handover->heap_name, ring, kind, entries, NULL};
  bench_ring_init(handover->end.ring);
  if (bench_role_start(&handover->consumer, bench_handover_consumer.name, arguments) != 0) {
    return -1;
  }
  bench_ring_meet(&handover->end, 0);
  return 0;
}

int bench_handover_end(struct bench_handover *handover) {
  char line[BENCH_ROLE_LINE];
  return bench_role_finish(&handover->consumer, line);
}

static int take_entry(struct bench_ring_end *end, enum bench_cargo cargo, uint64_t expected) {
  uint64_t value = bench_ring_take(end);
  if (cargo == BENCH_CARGO_NUMBERS) return value == expected;
  uint64_t *block = (uint64_t *)(uintptr_t)value;
  int intact = *block == expected;
  if (cargo == BENCH_CARGO_BLOCKS) bench_adapter.release(block);
  return intact;
}

static int consume(char **arguments) {
  struct bench_heap heap = {.name = arguments[0]};
  bench_pin(0);
  if (bench_adapter.open(&heap) != 0) return -1;
  struct bench_ring_end end = {
      .ring = (struct bench_ring *)(uintptr_t)strtoull(arguments[1], NULL, 16)};
  enum bench_cargo cargo = (enum bench_cargo)atoi(arguments[2]);
  uint64_t count = strtoull(arguments[3], NULL, 10);
  bench_ring_meet(&end, 1);
  for (uint64_t i = 0; i < count; i++) {
    if (take_entry(&end, cargo, i)) continue;
    fprintf(stderr, "bench: entry %" PRIu64 " is not what was sent\n", i);
    exit(1);
  }
  bench_ring_finish(&end);
  bench_adapter.close();
  return 0;
}

static void produce(struct bench_ring_end *end, enum bench_cargo cargo, uint64_t count) {
  for (uint64_t i = 0; i < count; i++) {
    if (cargo == BENCH_CARGO_NUMBERS) {
      bench_ring_put(end, i);
      continue;
    }
    uint64_t *block = cargo == BENCH_CARGO_KEPT ? kept[i % KEPT_COUNT] : bench_take(BLOCK_BYTES);
    *block = i;
    bench_ring_put(end, (uint64_t)(uintptr_t)block);
  }
  bench_ring_drain(end);
}

static int time_cargo(struct bench_handover *handover, enum bench_cargo cargo, uint64_t count,
                      double *per_s) {
  if (bench_handover_begin(handover, cargo, count) != 0) return -1;
  uint64_t begin_ns = bench_now_ns();
  produce(&handover->end, cargo, count);
  *per_s = (double)count * 1e9 / (double)(bench_now_ns() - begin_ns);
  return bench_handover_end(handover);
}

static void report_rates(double rates[][TURNS]) {
  double ring = bench_median(rates[BENCH_CARGO_NUMBERS], TURNS);
  double with_memory = bench_median(rates[BENCH_CARGO_KEPT], TURNS);
  double blocks = bench_median(rates[BENCH_CARGO_BLOCKS], TURNS);
  bench_report(BENCH_TIME, "ns", 1e9 / blocks);
  bench_report("blocks", "per_s", blocks);
  bench_report("ring_alone", "per_s", ring);
  bench_report("ring_and_memory", "per_s", with_memory);
  bench_report("blocks_over_ring_alone", "ratio", blocks / ring);
  bench_report("blocks_over_ring_and_memory", "ratio", blocks / with_memory);
}

static int run(const struct bench_settings *settings) {
  uint64_t count = bench_ops(settings, 20000000);
  double rates[BENCH_CARGO_BLOCKS + 1][TURNS];
  struct bench_handover handover;
  bench_pin(1);
  if (bench_handover_open(&handover, "handover") != 0) return -1;
  for (int i = 0; i < KEPT_COUNT; i++) kept[i] = bench_take(BLOCK_BYTES);
  for (int turn = 0; turn < TURNS; turn++) {
    for (int cargo = BENCH_CARGO_NUMBERS; cargo <= BENCH_CARGO_BLOCKS; cargo++) {
      if (time_cargo(&handover, (enum bench_cargo)cargo, count, &rates[cargo][turn]) != 0) {
        return -1;
      }
    }
  }
  report_rates(rates);
  bench_handover_close();
  return 0;
}

const struct bench_workload bench_handover = {.name = "handover", .run = run};
const struct bench_role bench_handover_consumer = {
    .name = "handover_consumer", .arguments = 4, .run = consume};
