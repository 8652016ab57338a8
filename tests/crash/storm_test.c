// SPDX-License-Identifier: MIT
// Goal: processes killed at random times, several at once, lose and double nothing, and keep nobody
// waiting. Method: the storm, with 2, 4 and 8 processes.
#include "tests/crash/storm.h"

#include <stdio.h>

#include "tests/harness/harness.h"

enum { KILLS = 2000, AN_AUDIT = 250, KILL_US = 1500 };

static void storm_with(unsigned seats) {
  struct storm_plan plan = {.seats = seats,
                            .kills = test_rounds(KILLS),
                            .kills_an_audit = test_rounds(AN_AUDIT),
                            .kill_us_max = KILL_US,
                            .seed = seats};
  struct storm_sum sum;
  EXPECT(storm_play(&plan, &sum));
  EXPECT_LE(plan.kills, sum.kills);
  EXPECT_LT(0, sum.blocks);
  printf("%u processes: %llu kills, %llu audits, %llu calls\n", seats,
         (unsigned long long)sum.kills, (unsigned long long)sum.audits,
         (unsigned long long)sum.calls);
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
