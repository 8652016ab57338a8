// SPDX-License-Identifier: MIT
// Goal: whoever frees a block, wherever it was allocated, and whatever has become of the thread
// that allocated it, the block is freed once and its memory serves again. Method: the main thread
// and another one of three processes; each allocates for each, with the owner at work, idle, or
// ended; stamps, a ledger, and the heap empty after every pairing.
#include "tests/process/stage.h"

enum { CAPACITY = 64 << 20, THREADS = 32, PROCESSES = 3, PLACES = 2 * PROCESSES };

static struct stage stage;

enum owner_state { OWNER_WORKS, OWNER_IDLE, OWNER_ENDED, OWNER_STATES };

static unsigned station_of(unsigned place) {
  return place / 2;
}

static unsigned worker_of(unsigned place) {
  return place % 2;
}

// What becomes of the owner once it has made its blocks. returns: false where that cannot be.
static bool change_owner(unsigned owner, enum owner_state state) {
  unsigned station = station_of(owner), worker = worker_of(owner);
  if (state == OWNER_IDLE) stage_do(&stage, station, "idle %u", worker);
  if (state != OWNER_ENDED) return true;
  if (worker != 0) stage_do(&stage, station, "renew %u", worker);
  if (worker == 0 && station == 0) return false;
  if (worker == 0) stage_dismiss(&stage, station);
  return true;
}

static void pair(unsigned owner, unsigned freer, enum owner_state state) {
  uint64_t count = test_rounds(300);
  stage_do(&stage, station_of(owner), "feed %u %u", worker_of(owner), (unsigned)count);
  bool possible = change_owner(owner, state);
  bool gone = possible && state == OWNER_ENDED && worker_of(owner) == 0;
  if (gone && station_of(freer) == station_of(owner)) (void)stage_hire(&stage, station_of(owner));
  stage_do(&stage, station_of(freer), "eat %u %u", worker_of(freer), (unsigned)count);
  stage_settle(&stage);
  shoal_heap_stats stats = stage_stats(&stage);
  EXPECT_EQ(1, stats.live_blocks);
  EXPECT_EQ(0, stats.slabs);
  if (gone && station_of(freer) != station_of(owner)) (void)stage_hire(&stage, station_of(owner));
  if (test_has_failed()) {
    FAIL("that was process %u thread %u allocating (then %s), process %u thread %u freeing",
         station_of(owner), worker_of(owner),
         state == OWNER_WORKS  ? "at work"
         : state == OWNER_IDLE ? "idle"
                               : "ended",
         station_of(freer), worker_of(freer));
  }
}

static void pair_all(enum owner_state state) {
  ASSERT(stage_open(&stage, CAPACITY, THREADS));
  for (unsigned i = 1; i < PROCESSES; i++) ASSERT(stage_hire(&stage, i));
  for (unsigned owner = 0; owner < PLACES; owner++) {
    for (unsigned freer = 0; freer < PLACES; freer++) {
      pair(owner, freer, state);
      if (test_has_failed()) return;
    }
  }
  stage_close(&stage);
}

static void any_thread_frees_what_a_working_one_allocated(void) {
  pair_all(OWNER_WORKS);
}

static void any_thread_frees_what_an_idle_one_allocated(void) {
  pair_all(OWNER_IDLE);
}

static void any_thread_frees_what_an_ended_one_allocated(void) {
  pair_all(OWNER_ENDED);
}

// While the owner lives, what others free into its slabs waits for it, and serves it again.
static void an_owner_gets_back_what_others_freed(void) {
  ASSERT(stage_open(&stage, CAPACITY, THREADS));
  for (unsigned i = 1; i < PROCESSES; i++) ASSERT(stage_hire(&stage, i));
  unsigned count = (unsigned)test_rounds(2000);
  uint64_t early = 0, late = 0;
  stage_do(&stage, 1, "sizes 1 600");
  for (unsigned round = 0; round < 16; round++) {
    stage_do(&stage, 1, "feed 1 %u", count);
    stage_do(&stage, round % PROCESSES, "eat %u %u", round % 2, count);
    uint64_t committed = stage_stats(&stage).committed;
    if (round < 8 && committed > early) early = committed;
    if (round >= 8 && committed > late) late = committed;
  }
  EXPECT_LE(late * 10, early * 11);
  stage_close(&stage);
}

SUITE(pairs, TEST(any_thread_frees_what_a_working_one_allocated),
      TEST(any_thread_frees_what_an_idle_one_allocated),
      TEST(any_thread_frees_what_an_ended_one_allocated),
      TEST(an_owner_gets_back_what_others_freed), ROLE(station_serve))
