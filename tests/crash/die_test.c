// SPDX-License-Identifier: MIT
// Goal: whoever dies, wherever, and whoever dies while he recovers the dead, however many: the
// last one's recovery leaves what a death between two calls would have left, to the block.
// Method: E2, each act in each opening. In the higher tiers with blocks of more sizes.
#include "tests/crash/die.h"

#include "alloc/class.h"
#include "tests/crash/tier.h"
#include "tests/harness/harness.h"
#include "tests/watch/lie.h"

static void count(const struct die_sum *sum) {
  test_count("points", sum->points);
  test_count("images", sum->images);
  test_count("deaths_in_recovery", sum->deaths_in_recovery);
  test_count("endings", sum->endings);
  test_count("lost_bytes", sum->lost_bytes);
  test_count("duplicated_bytes", sum->doubled_bytes);
  test_count("hangs", sum->hangs);
}

static void die_with_blocks_of(size_t bytes, struct die_sum *sum) {
  for (unsigned a = 0; a < act_count; a++) {
    for (unsigned o = 0; o < OPENINGS; o++) {
      const struct die_plan plan = {.act = &acts[a], .opening = &openings[o], .bytes = bytes};
      if (!tier_has(acts[a].name) || die_everywhere(&plan, sum)) continue;
      tier_tell_again("die_test", acts[a].name);
    }
  }
}

// The acts in which whole chunks and runs change hands.
static void every_ending_is_right_for_the_living(void) {
  static const char *const names[] = {
      "alloc huge", "free huge",       "free from", "realloc to",  "free run",
      "alloc to",   "reserve, cancel", "trim",      "free remote", "realloc in place"};
  struct die_sum sum = {.points = 0};
  for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
    for (unsigned o = 0; o < OPENINGS; o++) {
      const struct die_plan plan = {
          .act = act_named(names[i]), .opening = &openings[o], .bytes = STAGE_BYTES, .busy = true};
      if (!tier_has(names[i]) || die_everywhere(&plan, &sum)) continue;
      tier_tell_again("die_test", names[i]);
    }
  }
  count(&sum);
}

// Slabs of one word of free bits, of two, of less than one; of one unit, of several. For a release
// each class of which an outcome has room for the blocks.
static void die_with_blocks_of_more_sizes(struct die_sum *sum) {
  static const size_t nightly[] = {512, 4096, 700, 16384, 8192, 2048, 30000, 1280};
  for (unsigned i = 0; i < sizeof nightly / sizeof nightly[0]; i++) {
    if (tier_of_run() == TIER_NIGHTLY) die_with_blocks_of(nightly[i], sum);
  }
  for (unsigned i = 0; i < SHL_CLASS_COUNT; i++) {
    size_t bytes = shl_classes[i].bytes;
    if (tier_of_run() == TIER_RELEASE && bytes >= 512) die_with_blocks_of(bytes, sum);
  }
}

static void every_ending_is_a_death_between_calls(void) {
  struct die_sum sum = {.points = 0};
  die_with_blocks_of(STAGE_BYTES, &sum);
  die_with_blocks_of_more_sizes(&sum);
  count(&sum);
}

// Whether some act, from `first` on, in some opening tells the lie from the truth.
static bool sees(enum lie lie, const char *first) {
  struct die_sum sum = {.points = 0};
  bool right = true;
  lie_tell(lie);
  unsigned begin = (unsigned)(act_named(first) - acts) * OPENINGS;
  for (unsigned i = begin; right && i < act_count * OPENINGS; i++) {
    const struct die_plan plan = {.act = &acts[i / OPENINGS],
                                  .opening = &openings[i % OPENINGS],
                                  .bytes = STAGE_BYTES,
                                  .quiet = true};
    right = die_everywhere(&plan, &sum);
  }
  lie_tell(LIE_NONE);
  return lie_note(lie, "die", !right);
}

static void a_journal_never_set_is_seen(void) {
  EXPECT(sees(LIE_JOURNAL_DROPPED, "alloc"));
}

static void a_journal_set_late_is_seen(void) {
  EXPECT(sees(LIE_JOURNAL_LATE, "alloc"));
}

static void a_free_before_its_journal_is_seen(void) {
  EXPECT(sees(LIE_CHANGE_FIRST, "alloc"));
}

static void a_record_never_set_is_seen(void) {
  EXPECT(sees(LIE_RECORD_DROPPED, "alloc to"));
}

static void a_recovery_that_skips_the_hand_is_seen(void) {
  EXPECT(sees(LIE_HAND_SKIPPED, "alloc"));
}

static void a_block_copied_late_is_seen(void) {
  EXPECT(sees(LIE_COPY_LATE, "realloc to"));
}

SUITE(die, TEST(every_ending_is_a_death_between_calls), TEST(every_ending_is_right_for_the_living),
      TEST(a_journal_never_set_is_seen), TEST(a_journal_set_late_is_seen),
      TEST(a_free_before_its_journal_is_seen), TEST(a_record_never_set_is_seen),
      TEST(a_recovery_that_skips_the_hand_is_seen), TEST(a_block_copied_late_is_seen))
