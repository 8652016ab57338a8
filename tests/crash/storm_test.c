// SPDX-License-Identifier: MIT
// Goal: processes killed at random times, several at once, lose and double nothing, and keep nobody
// waiting. Method: the storm, with 2, 4 and 8 processes.
#include "tests/crash/storm.h"

#include <stdio.h>

#include "tests/crash/tier.h"
#include "tests/harness/harness.h"

enum { AN_AUDIT = 250, KILL_US = 1500 };

// Kills with each number of processes.
static uint64_t kills_of_tier(void) {
  switch (tier_of_run()) {
    case TIER_NIGHTLY: return 350000;
    case TIER_RELEASE: return 3500000;
    case TIER_COMMIT:
    default: return test_rounds(2000);
  }
}

static void storm_with(unsigned seats) {
  struct storm_plan plan = {.seats = seats,
                            .kills = kills_of_tier(),
                            .kills_an_audit = test_rounds(AN_AUDIT),
                            .kill_us_max = KILL_US,
                            .seed = seats};
  struct storm_sum sum;
  char part[16];
  (void)snprintf(part, sizeof part, "%u", seats);
  if (!tier_has(part)) return;
  if (!storm_play(&plan, &sum)) tier_tell_again("storm_test", part);
  EXPECT_LE(plan.kills, sum.kills);
  EXPECT_LT(0, sum.blocks);
  test_count("storm_kills", sum.kills);
  test_count("audits", sum.audits);
  test_count("calls", sum.calls);
  test_count("lost_bytes", sum.lost_bytes);
  test_count("duplicated_bytes", sum.duplicated_bytes);
  test_count("hangs", sum.hangs);
}

static void two_processes_lose_nothing(void) {
  storm_with(2);
}

static void four_processes_lose_nothing(void) {
  storm_with(4);
}

static void eight_processes_lose_nothing(void) {
  storm_with(8);
}

SUITE(storm, TEST(two_processes_lose_nothing), TEST(four_processes_lose_nothing),
      TEST(eight_processes_lose_nothing))
