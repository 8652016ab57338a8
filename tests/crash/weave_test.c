// SPDX-License-Identifier: MIT
// Goal: acts at once, of two processes, of three, of threads, lead to what their calls lead to in
// some order, whoever is made to wait where. Method: E3. Each pair of acts with up to two changes
// of turns, in the higher tiers in all openings; pairs of the acts that meet most with more ways of
// two, in the higher tiers with three; triples of these with one, or two.
#include "tests/crash/weave.h"

#include <stdio.h>

#include "tests/crash/tier.h"
#include "tests/harness/harness.h"
#include "tests/watch/lie.h"

enum { PART_BYTES = 128, MOST_OPENINGS = 3 };

// What they do meets in a word: of free bits, pending bits, hints, a chunk, an owner.
static const char *const close_acts[] = {"reap",        "succeed",   "adopt",    "alloc",
                                         "free remote", "alloc run", "alloc to", "free from"};
enum { CLOSE_ACTS = sizeof close_acts / sizeof close_acts[0] };

static bool is_failed(struct weave_plan plan, struct weave_sum *sum) {
  char part[PART_BYTES];
  (void)snprintf(part, sizeof part, "%s | %s | %s, %s%s", plan.acts[0]->name, plan.acts[1]->name,
                 plan.actors > 2 ? plan.acts[2]->name : "-", plan.opening->name,
                 plan.threads ? ", threads" : "");
  if ((!plan.quiet && !tier_has(part)) || weave_all(&plan, sum)) return false;
  if (!plan.quiet) tier_tell_again("weave_test", part);
  return true;
}

static void count(const struct weave_sum *sum) {
  test_count("schedules", sum->schedules);
  test_count("endings", sum->endings);
  test_count("hangs", sum->hangs);
}

// Schedules of each number of changes; where there are fewer, all.
static uint64_t schedules_of_tier(uint64_t commit, uint64_t nightly) {
  switch (tier_of_run()) {
    case TIER_NIGHTLY: return nightly;
    case TIER_RELEASE: return nightly * 10;
    case TIER_COMMIT:
    default: return commit;
  }
}

static unsigned changes_of_tier(unsigned commit) {
  return tier_of_run() == TIER_COMMIT ? commit : commit + 1;
}

// A run is not shortened where its chunk is claimed just then: it may keep more bytes than after
// any order of whole calls.
static bool is_in_place(const struct act *act) {
  return act == act_named("realloc in place") || act == act_named("realloc to in place");
}

// Without memory one is refused what the other is taking just then.
static bool is_refused(const struct act *act) {
  return act == act_named("act as orphan");
}

// Acts of many accesses, or that clear whole chunks, or copy those that cannot grow where they
// stand.
static bool is_slow(const struct act *act) {
  return act == act_named("orphans") || act == act_named("alloc zero") ||
         act == act_named("alloc zero to") || is_refused(act) || is_in_place(act);
}

// Pairs with which no order of whole calls need lead where the calls lead. Of two who look for
// orphaned blocks one passes by what the other is looking at and keeps.
static bool are_unordered(const struct act *a, const struct act *b) {
  const struct act *orphans = act_named("orphans");
  return is_refused(a) || is_refused(b) || (a == orphans && b == orphans);
}

// Each pair in one opening, another one for the next, or in all.
static void pairs_lead_where_an_order_leads(void) {
  struct weave_sum sum = {.schedules = 0};
  unsigned turn = 0;
  unsigned each = tier_of_run() == TIER_COMMIT ? 1 : OPENINGS;
  for (unsigned i = 0; i < act_count * act_count; i++) {
    if (i / act_count > i % act_count) continue;
    const struct act *a = &acts[i / act_count];
    const struct act *b = &acts[i % act_count];
    uint64_t schedules = is_slow(a) || is_slow(b) ? 100 : 1500;
    for (unsigned o = 0; o < each; o++) {
      const struct weave_plan plan = {.acts = {a, b},
                                      .actors = 2,
                                      .opening = &openings[turn++ % OPENINGS],
                                      .changes = 2,
                                      .schedules = schedules_of_tier(schedules, schedules),
                                      .any_bytes = is_in_place(a) || is_in_place(b),
                                      .any_end = are_unordered(a, b)};
      (void)is_failed(plan, &sum);
    }
  }
  count(&sum);
}

static struct weave_plan plan_of_close(unsigned a, unsigned b, const char *opening) {
  struct weave_plan plan = {.acts = {act_named(close_acts[a]), act_named(close_acts[b])},
                            .actors = 2,
                            .opening = opening_named(opening),
                            .changes = 2,
                            .schedules = UINT64_MAX};
  return plan;
}

static const char *const close_openings[MOST_OPENINGS] = {"remote pending", "hand empty",
                                                          "one free"};

// Those that meet most: all schedules of one change, nearly all of two.
static void close_pairs_lead_where_an_order_leads(void) {
  struct weave_sum sum = {.schedules = 0};
  for (unsigned i = 0; i < CLOSE_ACTS * CLOSE_ACTS; i++) {
    if (i / CLOSE_ACTS > i % CLOSE_ACTS) continue;
    for (unsigned o = 0; o < MOST_OPENINGS; o++) {
      struct weave_plan plan = plan_of_close(i / CLOSE_ACTS, i % CLOSE_ACTS, close_openings[o]);
      plan.changes = changes_of_tier(2);
      plan.schedules = schedules_of_tier(20000, 250000);
      (void)is_failed(plan, &sum);
      plan.threads = true;
      (void)is_failed(plan, &sum);
    }
  }
  count(&sum);
}

static void triples_lead_where_an_order_leads(void) {
  struct weave_sum sum = {.schedules = 0};
  for (unsigned i = 0; i < CLOSE_ACTS * CLOSE_ACTS * CLOSE_ACTS; i++) {
    unsigned a = i / CLOSE_ACTS / CLOSE_ACTS;
    unsigned b = i / CLOSE_ACTS % CLOSE_ACTS;
    if (a > b || b > i % CLOSE_ACTS) continue;
    struct weave_plan plan = plan_of_close(a, b, close_openings[i % MOST_OPENINGS]);
    plan.acts[2] = act_named(close_acts[i % CLOSE_ACTS]);
    plan.actors = 3;
    plan.changes = changes_of_tier(1);
    plan.schedules = schedules_of_tier(1000, 5000);
    (void)is_failed(plan, &sum);
  }
  count(&sum);
}

// Whether some close pair tells the lie from the truth.
static bool sees(enum lie lie) {
  struct weave_sum sum = {.schedules = 0};
  bool seen = false;
  lie_tell(lie);
  for (unsigned i = 0; !seen && i < 4 * CLOSE_ACTS * CLOSE_ACTS; i++) {
    unsigned pair = i % (CLOSE_ACTS * CLOSE_ACTS);
    unsigned way = i / (CLOSE_ACTS * CLOSE_ACTS);
    struct weave_plan plan = plan_of_close(pair / CLOSE_ACTS, pair % CLOSE_ACTS,
                                           way / 2 == 0 ? "empty" : "remote pending");
    plan.threads = way % 2 == 1;
    plan.schedules = 20000;
    plan.quiet = true;
    seen = is_failed(plan, &sum);
  }
  lie_tell(LIE_NONE);
  test_count("schedules_with_bugs", sum.schedules);
  return lie_note(lie, "weave", seen);
}

static void a_living_process_taken_for_dead_is_seen(void) {
  EXPECT(sees(LIE_FALSE_DEAD));
}

static void an_owner_word_of_the_same_generation_is_seen(void) {
  EXPECT(sees(LIE_GENERATION_KEPT));
}

static void an_or_of_two_accesses_is_seen(void) {
  EXPECT(sees(LIE_TORN_CHANGE));
}

static void a_swap_of_two_accesses_is_seen(void) {
  EXPECT(sees(LIE_TORN_SWAP));
}

SUITE(weave, TEST(pairs_lead_where_an_order_leads), TEST(close_pairs_lead_where_an_order_leads),
      TEST(triples_lead_where_an_order_leads), TEST(a_living_process_taken_for_dead_is_seen),
      TEST(an_owner_word_of_the_same_generation_is_seen), TEST(an_or_of_two_accesses_is_seen),
      TEST(a_swap_of_two_accesses_is_seen))
