// SPDX-License-Identifier: MIT
// The harness proves itself: what must hold holds, and what must fail does fail. Failures are
// provoked in a role, whose exit code and standard error tell what the expectation said.
#define _POSIX_C_SOURCE 200809L

#include "tests/harness/harness.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/process.h"

static unsigned evaluations;

static int count_evaluation(void) {
  evaluations++;
  return 7;
}

static void operands_are_evaluated_once(void) {
  EXPECT_EQ(7, count_evaluation());
  EXPECT_EQ(1, evaluations);
  EXPECT(count_evaluation() == 7);
  EXPECT_EQ(2, evaluations);
}

static void numbers_compare_by_value(void) {
  uint64_t large = UINT64_MAX;
  uint8_t small = 3;
  EXPECT_NE(-1, large);
  EXPECT_EQ(3, small);
  EXPECT_LT(-1, small);
  EXPECT_LT(small, large);
  EXPECT_LE(INT64_MIN, -1);
  EXPECT_EQ(true, small == 3);
  EXPECT_EQ(SHOAL_E_SYSTEM, SHOAL_E_SYSTEM);
  EXPECT_EQ(NULL, (const char *)0);
  EXPECT_NE(NULL, &small);
  EXPECT_TEXT("abc", "abc");
  EXPECT_OK(SHOAL_OK);
  EXPECT_STATUS(SHOAL_E_FULL, SHOAL_E_FULL);
}

static void fails_number(int argc, char **argv) {
  (void)argc;
  (void)argv;
  EXPECT_EQ(1, 2);
}

static void fails_mixed_sign(int argc, char **argv) {
  (void)argc;
  (void)argv;
  EXPECT_EQ(-1, UINT64_MAX);
}

static void fails_order(int argc, char **argv) {
  (void)argc;
  (void)argv;
  EXPECT_LT(3, 3);
  EXPECT_LE(4, 3);
  EXPECT_NE(5, 5);
}

static void fails_text(int argc, char **argv) {
  (void)argc;
  (void)argv;
  EXPECT_TEXT("spoon", "fork");
}

static void fails_condition(int argc, char **argv) {
  (void)argc;
  (void)argv;
  EXPECT(argc > 5);
}

static void fails_status(int argc, char **argv) {
  (void)argc;
  (void)argv;
  EXPECT_OK(SHOAL_E_NO_SPACE);
}

static void asserts_and_goes_on(int argc, char **argv) {
  (void)argc;
  (void)argv;
  ASSERT_EQ(1, 2);
  (void)fprintf(stderr, "reached\n");
}

static void failures_fail_and_show_both_values(void) {
  static const struct {
    const char *role;
    const char *message[3];
  } cases[] = {
      {"fails_number", {"expected 1 == 2", "left:  1", "right: 2"}},
      {"fails_mixed_sign", {"left:  -1", "right: 18446744073709551615", ""}},
      {"fails_order", {"expected 3 < 3", "expected 4 <= 3", "expected 5 != 5"}},
      {"fails_text", {"\"spoon\"", "\"fork\"", ""}},
      {"fails_condition", {"expected argc > 5", "harness_test.c:", ""}},
      {"fails_status", {"SHOAL_OK", "SHOAL_E_NO_SPACE: The system", ""}},
      {"asserts_and_goes_on", {"expected 1 == 2", "left:  1", ""}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct test_child child = {.captures_errors = true};
    char text[4096];
    ASSERT(test_spawn(&child, cases[i].role, NULL));
    EXPECT_EQ(1, test_child_wait(&child));
    test_child_errors(&child, text, sizeof text);
    for (size_t j = 0; j < 3; j++) {
      if (strstr(text, cases[i].message[j]) != NULL) continue;
      FAIL("%s does not say '%s' but:\n%s", cases[i].role, cases[i].message[j], text);
    }
    EXPECT(strstr(text, "reached") == NULL);
  }
}

static void echoes(int argc, char **argv) {
  for (int i = 0; i < argc; i++) test_say("%s", argv[i]);
  char line[TEST_LINE_BYTES];
  while (test_hear(line)) test_say("heard %s", line);
  exit(42);
}

static void a_role_gets_arguments_and_talks(void) {
  struct test_child child = {0};
  ASSERT(test_spawn(&child, "echoes", (const char *const[]){"one", "two words", NULL}));
  EXPECT(test_child_expect(&child, "one"));
  EXPECT(test_child_expect(&child, "two words"));
  EXPECT(test_child_send(&child, "%d %s", 5, "ships"));
  EXPECT(test_child_expect(&child, "heard 5 ships"));
  EXPECT(test_child_send(&child, "%s", ""));
  EXPECT(test_child_expect(&child, "heard "));
  test_child_hang_up(&child);
  EXPECT_EQ(42, test_child_wait(&child));
}

static void many_children_talk_at_once(void) {
  enum { COUNT = 16 };
  struct test_child children[COUNT] = {{0}};
  for (int i = 0; i < COUNT; i++) ASSERT(test_spawn(&children[i], "echoes", NULL));
  for (int i = 0; i < COUNT; i++) EXPECT(test_child_send(&children[i], "%d", i));
  for (int i = 0; i < COUNT; i++) {
    char expected[32];
    (void)snprintf(expected, sizeof expected, "heard %d", i);
    EXPECT(test_child_expect(&children[i], expected));
    test_child_hang_up(&children[i]);
    EXPECT_EQ(42, test_child_wait(&children[i]));
  }
}

static void a_killed_child_shows_the_signal(void) {
  struct test_child child = {0};
  ASSERT(test_spawn(&child, "echoes", NULL));
  test_child_signal(&child, SIGSTOP);
  test_child_signal(&child, SIGKILL);
  test_child_await_zombie(&child);
  EXPECT_EQ(-SIGKILL, test_child_wait(&child));
  EXPECT_EQ(0, test_child_wait(&child));
}

static void an_unknown_role_is_an_error(void) {
  struct test_child child = {.captures_errors = true};
  char text[256];
  ASSERT(test_spawn(&child, "nobody", NULL));
  EXPECT_EQ(2, test_child_wait(&child));
  test_child_errors(&child, text, sizeof text);
  EXPECT(strstr(text, "no role 'nobody'") != NULL);
}

static void waits(int argc, char **argv) {
  (void)argc;
  (void)argv;
  test_say("ready");
  test_await("go");
  test_say("done");
}

static void a_role_waits_for_its_word(void) {
  struct test_child child = {0};
  ASSERT(test_spawn(&child, "waits", NULL));
  EXPECT(test_child_expect(&child, "ready"));
  EXPECT(test_child_send(&child, "go"));
  EXPECT(test_child_expect(&child, "done"));
  test_child_finish(&child);

  ASSERT(test_spawn(&child, "waits", NULL));
  EXPECT(test_child_expect(&child, "ready"));
  EXPECT(test_child_send(&child, "stay"));
  EXPECT_EQ(3, test_child_wait(&child));
}

static void names_differ(void) {
  char first[TEST_NAME_BYTES], second[TEST_NAME_BYTES];
  EXPECT(strcmp(test_unique_name(first), test_unique_name(second)) != 0);
  EXPECT(strncmp(first, "test.harness.", strlen("test.harness.")) == 0);
  EXPECT(strspn(first, "abcdefghijklmnopqrstuvwxyz0123456789._-") == strlen(first));
}

static void rounds_shrink_but_not_to_nothing(void) {
  const char *setting = getenv("SHOAL_TEST_SLOWDOWN");
  if (setting == NULL) {
    EXPECT_EQ(100, test_rounds(100));
  } else {
    EXPECT_LE(test_rounds(100), 100);
  }
  EXPECT_EQ(1, test_rounds(1));
}

SUITE(harness,
      ROLE(fails_number),
      ROLE(fails_mixed_sign),
      ROLE(fails_order),
      ROLE(fails_text),
      ROLE(fails_condition),
      ROLE(fails_status),
      ROLE(asserts_and_goes_on),
      ROLE(echoes),
      ROLE(waits),
      TEST(operands_are_evaluated_once),
      TEST(numbers_compare_by_value),
      TEST(failures_fail_and_show_both_values),
      TEST(a_role_gets_arguments_and_talks),
      TEST(many_children_talk_at_once),
      TEST(a_killed_child_shows_the_signal),
      TEST(an_unknown_role_is_an_error),
      TEST(a_role_waits_for_its_word),
      TEST(names_differ),
      TEST(rounds_shrink_but_not_to_nothing))
