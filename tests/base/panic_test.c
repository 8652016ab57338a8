// SPDX-License-Identifier: MIT
// Goal: a broken assertion ends the process with SIGABRT and says where and what; one that holds
// does nothing. Method: roles break them. Compiled twice: SHL_DEBUG 1 adds the debug assertions.
#include "base/panic.h"

#include <signal.h>
#include <string.h>

#include "tests/harness/harness.h"
#include "tests/harness/process.h"

static unsigned evaluations;

static bool count_evaluation(bool verdict) {
  evaluations++;
  return verdict;
}

static void panics(int argc, char **argv) {
  (void)argc;
  (void)argv;
  shl_panic("somewhere.c", 42, "the moon is full");
}

static void breaks_an_assertion(int argc, char **argv) {
  (void)argv;
  SHL_ASSERT(argc > 1000);
}

static void breaks_a_debug_assertion(int argc, char **argv) {
  (void)argv;
  SHL_ASSERT_DEBUG(argc > 2000);
}

// Runs `role`, which must die of SIGABRT after a message that contains `said`.
static void expect_abort(const char *role, const char *said) {
  struct test_child child = {.captures_errors = true};
  char text[1024];
  ASSERT(test_spawn(&child, role, NULL));
  EXPECT_EQ(-SIGABRT, test_child_wait(&child));
  test_child_errors(&child, text, sizeof text);
  if (strstr(text, said) == NULL) FAIL("%s does not say '%s' but:\n%s", role, said, text);
}

static void a_panic_says_its_text_and_aborts(void) {
  expect_abort("panics", "shoal: somewhere.c:42: the moon is full\n");
}

static void a_broken_assertion_says_place_and_condition_and_aborts(void) {
  expect_abort("breaks_an_assertion", "panic_test.c:");
  expect_abort("breaks_an_assertion", ": argc > 1000\n");
}

static void a_debug_assertion_bites_in_debug_builds_alone(void) {
  if (SHL_DEBUG) {
    expect_abort("breaks_a_debug_assertion", ": argc > 2000\n");
    return;
  }
  struct test_child child = {0};
  ASSERT(test_spawn(&child, "breaks_a_debug_assertion", NULL));
  test_child_finish(&child);
}

static void a_condition_that_holds_is_evaluated_once(void) {
  evaluations = 0;
  SHL_ASSERT(count_evaluation(true));
  EXPECT_EQ(1, evaluations);
  SHL_ASSERT_DEBUG(count_evaluation(true));
  EXPECT_EQ(SHL_DEBUG ? 2 : 1, evaluations);
}

SUITE(panic,
      ROLE(panics),
      ROLE(breaks_an_assertion),
      ROLE(breaks_a_debug_assertion),
      TEST(a_panic_says_its_text_and_aborts),
      TEST(a_broken_assertion_says_place_and_condition_and_aborts),
      TEST(a_debug_assertion_bites_in_debug_builds_alone),
      TEST(a_condition_that_holds_is_evaluated_once))
