// SPDX-License-Identifier: MIT
// Goal: with several processes of several threads allocating, handing over and freeing at once, no
// block is held by two, none is lost, and a check made meanwhile finds nothing. Method: stations
// trade at full speed under the exactly-once oracle; this process checks, walks and counts until
// they are done.
#include "tests/process/stage.h"

enum { CAPACITY = 128 << 20, THREADS = 32, HELPERS = 3 };

// Of blocks of several chunks: more of them at once would not fit.
enum { SIZE_MOST = 5 << 20, BUDGET = 32 << 20 };

static struct stage stage;

static void trade(unsigned helpers, uint64_t moves) {
  for (unsigned round = 0; round < 4; round++) {
    for (unsigned i = 1; i <= helpers; i++) {
      stage_begin(&stage, i, "both %llu", (unsigned long long)moves / 4);
    }
    for (unsigned i = 0; i < 5; i++) {
      EXPECT_OK(shoal_check(stage.here.heap, NULL, NULL));
      shoal_heap_stats stats = stage_stats(&stage);
      EXPECT_EQ(stats.capacity,
                stats.metadata + stats.live + stats.cached + stats.free + stats.uncommitted);
      stage_do(&stage, 0, "both %llu", (unsigned long long)moves / 40);
    }
    for (unsigned i = 1; i <= helpers; i++) stage_await(&stage, i);
    stage_settle(&stage);
    stage_do(&stage, round % helpers, "renew 1");
  }
  stage_close(&stage);
}

static bool open_stage(unsigned helpers) {
  bool opened = stage_open(&stage, CAPACITY, THREADS);
  for (unsigned i = 1; i <= helpers && opened; i++) opened = stage_hire(&stage, i);
  return opened;
}

static void two_processes_trade_blocks(void) {
  ASSERT(open_stage(1));
  trade(1, test_rounds(300000));
}

static void four_processes_trade_blocks(void) {
  ASSERT(open_stage(HELPERS));
  trade(HELPERS, test_rounds(150000));
}

// Runs of pages and of whole chunks, claimed and freed by all at once. That a claim finds no room
// for lack of luck is no failure here.
static void four_processes_trade_chunks(void) {
  ASSERT(open_stage(HELPERS));
  for (unsigned i = 0; i <= HELPERS; i++) {
    for (unsigned worker = 0; worker < STATION_WORKERS; worker++) {
      stage_do(&stage, i, "sizes %u %d", worker, SIZE_MOST);
      stage_do(&stage, i, "budget %u %d", worker, BUDGET);
    }
  }
  trade(HELPERS, test_rounds(1200));
}

SUITE(trade, TEST(two_processes_trade_blocks), TEST(four_processes_trade_blocks),
      TEST(four_processes_trade_chunks), ROLE(station_serve))
