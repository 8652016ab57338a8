// SPDX-License-Identifier: MIT
// Goal: the engines that step through instructions and that kill at random notice seeded bugs, too.
// Method: both in a process of their own, over the watched library, whose memory lies; an engine
// that fails there has done its work.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/heap.h>

#include "alloc/class.h"
#include "tests/alloc/death.h"
#include "tests/crash/storm.h"
#include "tests/harness/harness.h"
#include "tests/harness/process.h"
#include "tests/watch/lie.h"

enum { BYTES = 1024, KILLS = 3000, AN_AUDIT = 150, KILL_US = 1500 };

static void empty_hand(struct scene *scene) {
  do {
    (void)stand_alloc(scene->victim, BYTES);
  } while (shl_load_relaxed_u64(&scene->victim.slot->hands[shl_class_of(BYTES)].blocks) != 0);
}

static void take_block(struct scene *scene) {
  lie_forget();
  (void)stand_alloc(scene->victim, BYTES);
}

static void make_block(struct scene *scene) {
  scene->off = stand_alloc(scene->other, BYTES);
}

static void free_block(struct scene *scene) {
  lie_forget();
  stand_free(scene->victim, scene->off);
}

static void step_under_a_lie(int argc, char **argv) {
  static const struct step refill = {.name = "refill", .prepare = empty_hand, .run = take_block};
  static const struct step remote = {
      .name = "free remote", .prepare = make_block, .run = free_block};
  EXPECT_EQ(1, argc);
  lie_tell((enum lie)strtoul(argv[0], NULL, 10));
  if (death_anywhere_in(&refill)) (void)death_anywhere_in(&remote);
}

static void storm_under_a_lie(int argc, char **argv) {
  const struct storm_plan plan = {
      .seats = 4, .kills = KILLS, .kills_an_audit = AN_AUDIT, .kill_us_max = KILL_US, .seed = 1};
  struct storm_sum sum;
  EXPECT_EQ(1, argc);
  lie_tell((enum lie)strtoul(argv[0], NULL, 10));
  (void)storm_play(&plan, &sum);
}

// A process that does not outlive its bug leaves its region's name.
static void remove_regions_of(int id) {
  char begin[TEST_NAME_BYTES];
  DIR *folder = opendir("/dev/shm");
  (void)snprintf(begin, sizeof begin, "shoal.test.lie.%d.", id);
  for (struct dirent *entry = NULL; folder != NULL && (entry = readdir(folder)) != NULL;) {
    if (strncmp(entry->d_name, begin, strlen(begin)) != 0) continue;
    EXPECT_OK(shoal_unlink(entry->d_name + strlen("shoal.")));
  }
  if (folder != NULL) (void)closedir(folder);
}

// What the engine's process ends with: not 0 where it has failed, or has not outlived the bug.
static int result_of(const char *role, enum lie lie) {
  char number[] = {(char)('0' + (int)lie), '\0'};
  const char *const arguments[] = {number, NULL};
  struct test_child child = {.captures_errors = true};
  if (!test_spawn(&child, role, arguments)) return -1;
  int id = child.id;
  int result = test_child_wait(&child);
  remove_regions_of(id);
  return result;
}

static bool steps_see(enum lie lie) {
  return lie_note(lie, "steps", result_of("step_under_a_lie", lie) != 0);
}

static bool storm_sees(enum lie lie) {
  return lie_note(lie, "storm", result_of("storm_under_a_lie", lie) != 0);
}

static void steps_see_a_journal_never_set(void) {
  EXPECT(steps_see(LIE_JOURNAL_DROPPED));
}

static void steps_see_a_free_before_its_journal(void) {
  EXPECT(steps_see(LIE_CHANGE_FIRST));
}

static void steps_see_a_recovery_that_skips_the_hand(void) {
  EXPECT(steps_see(LIE_HAND_SKIPPED));
}

static void steps_find_nothing_in_the_truth(void) {
  EXPECT_EQ(0, result_of("step_under_a_lie", LIE_NONE));
}

static void the_storm_sees_a_record_never_set(void) {
  EXPECT(storm_sees(LIE_RECORD_DROPPED));
}

static void the_storm_sees_a_living_process_taken_for_dead(void) {
  EXPECT(storm_sees(LIE_FALSE_DEAD));
}

static void the_storm_finds_nothing_in_the_truth(void) {
  EXPECT_EQ(0, result_of("storm_under_a_lie", LIE_NONE));
}

SUITE(lie, TEST(steps_see_a_journal_never_set), TEST(steps_see_a_free_before_its_journal),
      TEST(steps_see_a_recovery_that_skips_the_hand), TEST(steps_find_nothing_in_the_truth),
      TEST(the_storm_sees_a_record_never_set), TEST(the_storm_sees_a_living_process_taken_for_dead),
      TEST(the_storm_finds_nothing_in_the_truth), ROLE(step_under_a_lie), ROLE(storm_under_a_lie))
