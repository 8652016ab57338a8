// SPDX-License-Identifier: MIT
// Goal: a process killed for good ahead of any of its accesses leaves what one killed between two
// calls leaves. Method: E1. Twelve acts in every opening and the others in one; in the higher tiers
// the others in all, with blocks of more sizes.
#include "tests/crash/kill.h"

#include <limits.h>

#include "tests/crash/tier.h"
#include "tests/harness/harness.h"
#include "tests/watch/lie.h"

static const char *const core_acts[] = {"alloc",     "alloc run", "alloc huge",  "free",
                                        "free run",  "free huge", "free remote", "alloc to",
                                        "free from", "detach",    "adopt",       "reap"};
enum { CORE_ACTS = sizeof core_acts / sizeof core_acts[0] };

static void count(const struct kill_sum *sum) {
  test_count("points", sum->points);
  test_count("kills", sum->kills);
  test_count("kills_in_recovery", sum->kills_in_recovery);
  test_count("lost_bytes", sum->lost_bytes);
  test_count("duplicated_bytes", sum->doubled_bytes);
  test_count("hangs", sum->hangs);
}

static bool is_right(const struct act *act, unsigned opening, size_t bytes, struct kill_sum *sum) {
  const struct kill_plan plan = {.act = act, .opening = &openings[opening], .bytes = bytes};
  if (!tier_has(act->name) || kill_everywhere(&plan, sum)) return true;
  tier_tell_again("kill_test", act->name);
  return false;
}

// The sizes of blocks: as many of them, of the first ones, as the tier has.
static const size_t sizes[] = {STAGE_BYTES, 8192, 512, 30000, 4096, 700, 16384, 2048, 1280};

static void kill_in_every_opening(const struct act *act, unsigned size_count,
                                  struct kill_sum *sum) {
  for (unsigned i = 0; i < size_count * OPENINGS; i++) {
    (void)is_right(act, i % OPENINGS, sizes[i / OPENINGS], sum);
  }
}

static void twelve_acts_in_every_opening_are_survived(void) {
  static const unsigned size_count[] = {
      [TIER_COMMIT] = 1, [TIER_NIGHTLY] = 4, [TIER_RELEASE] = sizeof sizes / sizeof sizes[0]};
  struct kill_sum sum = {.points = 0};
  for (unsigned i = 0; i < CORE_ACTS; i++) {
    kill_in_every_opening(act_named(core_acts[i]), size_count[tier_of_run()], &sum);
  }
  count(&sum);
}

static bool is_core(const struct act *act) {
  for (unsigned i = 0; i < CORE_ACTS; i++) {
    if (act_named(core_acts[i]) == act) return true;
  }
  return false;
}

static void the_other_acts_are_survived(void) {
  struct kill_sum sum = {.points = 0};
  unsigned turn = 0;
  for (unsigned a = 0; a < act_count; a++) {
    if (is_core(&acts[a])) continue;
    if (tier_of_run() == TIER_COMMIT) {
      (void)is_right(&acts[a], turn++ % OPENINGS, STAGE_BYTES, &sum);
    } else {
      kill_in_every_opening(&acts[a], tier_of_run() == TIER_NIGHTLY ? 2 : 5, &sum);
    }
  }
  count(&sum);
}

static bool is_right_twice(const struct act *act, unsigned opening, struct kill_sum *sum) {
  static const struct {
    unsigned recoveries;
    unsigned step;
  } depth[] = {[TIER_COMMIT] = {1, 5}, [TIER_NIGHTLY] = {1, 1}, [TIER_RELEASE] = {10, 1}};
  const struct kill_plan plan = {.act = act,
                                 .opening = &openings[opening],
                                 .bytes = STAGE_BYTES,
                                 .recoveries = depth[tier_of_run()].recoveries,
                                 .step = depth[tier_of_run()].step};
  if (!tier_has(act->name) || kill_recoverers(&plan, sum)) return true;
  tier_tell_again("kill_test", act->name);
  return false;
}

static void who_recovers_may_be_killed_as_well(void) {
  struct kill_sum sum = {.points = 0};
  if (tier_of_run() == TIER_COMMIT) {
    for (unsigned i = 0; i < CORE_ACTS; i++) {
      (void)is_right_twice(act_named(core_acts[i]), i % OPENINGS, &sum);
    }
  } else {
    for (unsigned i = 0; i < act_count * OPENINGS; i++) {
      (void)is_right_twice(&acts[i / OPENINGS], i % OPENINGS, &sum);
    }
  }
  count(&sum);
}

// Whether some core act, from `first` on, in some opening tells the lie from the truth. A victim
// that lied to comes by another way, and does not die, tells nothing.
static bool sees(enum lie lie, const char *first) {
  struct kill_sum sum = {.points = 0};
  unsigned begin = 0;
  while (act_named(core_acts[begin]) != act_named(first)) begin++;
  lie_tell(lie);
  for (unsigned i = begin * OPENINGS; sum.failures == 0 && i < CORE_ACTS * OPENINGS; i++) {
    const struct kill_plan plan = {.act = act_named(core_acts[i / OPENINGS]),
                                   .opening = &openings[i % OPENINGS],
                                   .bytes = STAGE_BYTES,
                                   .quiet = true};
    (void)kill_everywhere(&plan, &sum);
  }
  lie_tell(LIE_NONE);
  test_count("kills_with_bugs", sum.kills);
  return lie_note(lie, "kill", sum.failures > 0);
}

static void a_journal_never_set_is_seen(void) {
  EXPECT(sees(LIE_JOURNAL_DROPPED, "alloc"));
}

static void a_journal_set_late_is_seen(void) {
  EXPECT(sees(LIE_JOURNAL_LATE, "alloc"));
}

static void a_record_never_set_is_seen(void) {
  EXPECT(sees(LIE_RECORD_DROPPED, "alloc to"));
}

static void a_recovery_that_skips_the_hand_is_seen(void) {
  EXPECT(sees(LIE_HAND_SKIPPED, "alloc"));
}

// Whether the bug of recoverers, who die at each `step`-th access, is seen in some core act.
static bool sees_of_recoverers(enum kill_bug bug, unsigned recoveries, unsigned step) {
  struct kill_sum sum = {.points = 0};
  for (unsigned i = 0; sum.failures == 0 && i < CORE_ACTS * OPENINGS; i++) {
    const struct kill_plan plan = {.act = act_named(core_acts[i / OPENINGS]),
                                   .opening = &openings[i % OPENINGS],
                                   .bytes = STAGE_BYTES,
                                   .recoveries = recoveries,
                                   .step = step,
                                   .bug = bug,
                                   .quiet = true};
    (void)kill_recoverers(&plan, &sum);
  }
  test_count("kills_with_bugs", sum.kills_in_recovery);
  return sum.failures > 0;
}

// Seen where the recoverer lives, too: what he has done is what is looked at.
static void a_recoverer_that_skips_the_hand_is_seen(void) {
  bool seen = sees_of_recoverers(KILL_SKIPS_HAND, UINT_MAX, 500);
  test_count("seeded.recoverer_skips_hand.kill", seen);
  EXPECT(seen);
}

// Seen where he dies alone.
static void a_recoverer_that_forgets_the_journal_is_seen(void) {
  bool seen = sees_of_recoverers(KILL_FORGETS_JOURNAL, 10, 2);
  test_count("seeded.recoverer_forgets_journal.kill", seen);
  EXPECT(seen);
}

SUITE(kill, TEST(twelve_acts_in_every_opening_are_survived), TEST(the_other_acts_are_survived),
      TEST(a_journal_never_set_is_seen), TEST(a_journal_set_late_is_seen),
      TEST(a_record_never_set_is_seen), TEST(a_recovery_that_skips_the_hand_is_seen),
      TEST(who_recovers_may_be_killed_as_well), TEST(a_recoverer_that_skips_the_hand_is_seen),
      TEST(a_recoverer_that_forgets_the_journal_is_seen))
