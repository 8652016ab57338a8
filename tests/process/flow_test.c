// SPDX-License-Identifier: MIT
// Goal: blocks that flow from processes that only allocate to processes that only free need no more
// memory after millions of blocks than after the first. Method: producers and consumers over a ring
// of bounded length, under the exactly-once oracle; what is committed is sampled between stretches.
#include "alloc/class.h"
#include "tests/process/stage.h"

enum { CAPACITY = 128 << 20, THREADS = 32, STRETCHES = 20, SIZE_MOST = 600 };

static struct stage stage;

// What can be in use at most: a full ring, and for each producer a slab of each class beside.
static uint64_t bytes_most(unsigned producers) {
  unsigned classes = shl_class_of(SIZE_MOST);
  uint64_t blocks = RING_CELLS * (uint64_t)shl_classes[classes].bytes;
  return sizeof(struct ring) + blocks + (producers + 1) * classes * (uint64_t)SHL_UNIT_BYTES;
}

// Stations 1 to `producers` allocate, as many behind them free; `count` blocks each.
static void flow(unsigned producers, uint64_t count) {
  uint64_t committed = 0;
  ASSERT(stage_open(&stage, CAPACITY, THREADS));
  for (unsigned i = 1; i <= 2 * producers; i++) {
    ASSERT(stage_hire(&stage, i));
    stage_do(&stage, i, "sizes 0 %d", SIZE_MOST);
  }
  unsigned long long stretch = count / STRETCHES;
  for (unsigned k = 0; k < STRETCHES; k++) {
    for (unsigned i = 1; i <= producers; i++) {
      stage_begin(&stage, producers + i, "eat 0 %llu", stretch);
      stage_begin(&stage, i, "feed 0 %llu", stretch);
    }
    for (unsigned i = 1; i <= 2 * producers; i++) stage_await(&stage, i);
    uint64_t now = stage_stats(&stage).committed;
    if (k < STRETCHES / 2 && now > committed) committed = now;
    // How far the consumers lag varies, within the ring.
    if (k >= STRETCHES / 2) EXPECT_LE(now, committed + committed / 10 + SHL_CHUNK_BYTES);
    EXPECT_LE(now, bytes_most(producers));
  }
  stage_close(&stage);
}

static void one_producer_and_one_consumer_need_no_more_in_the_end(void) {
  flow(1, test_rounds(2000000));
}

static void two_of_each_need_no_more_in_the_end(void) {
  flow(2, test_rounds(600000));
}

SUITE(flow, TEST(one_producer_and_one_consumer_need_no_more_in_the_end),
      TEST(two_of_each_need_no_more_in_the_end), ROLE(station_serve))
