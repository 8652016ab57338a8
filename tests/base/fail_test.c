// SPDX-License-Identifier: MIT
// Goal: each status has its name, number and meaning; the last failure's text and system code are
// the calling thread's own. Method: the table of all statuses written out once more, and a second
// thread.
#define _POSIX_C_SOURCE 200809L

#include "base/fail.h"

#include <pthread.h>
#include <string.h>

#include "tests/harness/harness.h"

// The numbers are stored by nobody but compiled into users: they can never change.
static const struct {
  shoal_status status;
  int number;
  const char *name;
} statuses[] = {
    {SHOAL_OK, 0, "SHOAL_OK"},
    {SHOAL_E_ARGUMENT, 1, "SHOAL_E_ARGUMENT"},
    {SHOAL_E_NAME, 2, "SHOAL_E_NAME"},
    {SHOAL_E_NOT_FOUND, 3, "SHOAL_E_NOT_FOUND"},
    {SHOAL_E_EXISTS, 4, "SHOAL_E_EXISTS"},
    {SHOAL_E_KIND, 5, "SHOAL_E_KIND"},
    {SHOAL_E_PERMISSION, 6, "SHOAL_E_PERMISSION"},
    {SHOAL_E_ADDRESS, 7, "SHOAL_E_ADDRESS"},
    {SHOAL_E_SIZE, 8, "SHOAL_E_SIZE"},
    {SHOAL_E_TRUNCATED, 9, "SHOAL_E_TRUNCATED"},
    {SHOAL_E_CORRUPT, 10, "SHOAL_E_CORRUPT"},
    {SHOAL_E_VERSION, 11, "SHOAL_E_VERSION"},
    {SHOAL_E_FOREIGN_HOST, 12, "SHOAL_E_FOREIGN_HOST"},
    {SHOAL_E_STALE, 13, "SHOAL_E_STALE"},
    {SHOAL_E_BUSY, 14, "SHOAL_E_BUSY"},
    {SHOAL_E_NO_SPACE, 15, "SHOAL_E_NO_SPACE"},
    {SHOAL_E_FULL, 16, "SHOAL_E_FULL"},
    {SHOAL_E_LIMIT, 17, "SHOAL_E_LIMIT"},
    {SHOAL_E_READ_ONLY, 18, "SHOAL_E_READ_ONLY"},
    {SHOAL_E_MISUSE, 19, "SHOAL_E_MISUSE"},
    {SHOAL_E_UNSUPPORTED, 20, "SHOAL_E_UNSUPPORTED"},
    {SHOAL_E_SYSTEM, 21, "SHOAL_E_SYSTEM"},
};

enum { STATUS_COUNT = sizeof statuses / sizeof statuses[0] };

static bool is_sentence(const char *text) {
  size_t length = strlen(text);
  return length > 8 && text[0] >= 'A' && text[0] <= 'Z' && text[length - 1] == '.';
}

static void every_status_keeps_its_number_and_tells_its_name(void) {
  for (size_t i = 0; i < STATUS_COUNT; i++) {
    EXPECT_EQ(statuses[i].number, statuses[i].status);
    EXPECT_TEXT(statuses[i].name, shoal_status_name(statuses[i].status));
  }
}

static void every_status_has_a_meaning_of_its_own(void) {
  for (size_t i = 0; i < STATUS_COUNT; i++) {
    const char *text = shoal_status_text(statuses[i].status);
    EXPECT(is_sentence(text));
    for (size_t j = 0; j < i; j++) {
      EXPECT(strcmp(text, shoal_status_text(statuses[j].status)) != 0);
    }
  }
}

static void a_number_that_is_no_status_has_a_name_and_a_text_too(void) {
  static const int numbers[] = {STATUS_COUNT, 1000, -1};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    EXPECT_TEXT("SHOAL_E_?", shoal_status_name((shoal_status)numbers[i]));
    EXPECT(is_sentence(shoal_status_text((shoal_status)numbers[i])));
  }
}

static void a_failure_leaves_its_text_and_code_and_returns_its_status(void) {
  EXPECT_STATUS(SHOAL_E_BUSY, shl_fail(SHOAL_E_BUSY, 11, "slot %d of %s", 7, "heap"));
  EXPECT_TEXT("slot 7 of heap", shoal_status_text(SHOAL_E_BUSY));
  EXPECT_EQ(11, shoal_os_code());
}

static void another_status_than_the_last_failures_has_its_general_meaning(void) {
  (void)shl_fail(SHOAL_E_BUSY, 0, "the details");
  EXPECT_TEXT("The name is taken.", shoal_status_text(SHOAL_E_EXISTS));
  EXPECT_TEXT("It worked.", shoal_status_text(SHOAL_OK));
}

static void the_next_failure_takes_the_place_of_the_last(void) {
  (void)shl_fail(SHOAL_E_BUSY, 11, "first");
  (void)shl_fail(SHOAL_E_FULL, 0, "second");
  EXPECT_TEXT("second", shoal_status_text(SHOAL_E_FULL));
  EXPECT(strcmp("first", shoal_status_text(SHOAL_E_BUSY)) != 0);
  EXPECT_EQ(0, shoal_os_code());
}

static void a_long_text_is_cut(void) {
  char text[1001];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  (void)shl_fail(SHOAL_E_NAME, 0, "%s", text);
  EXPECT_EQ(255, strlen(shoal_status_text(SHOAL_E_NAME)));
}

static void *fail_elsewhere(void *clean) {
  bool *was_clean = clean;
  *was_clean = shoal_os_code() == 0 && is_sentence(shoal_status_text(SHOAL_E_BUSY));
  (void)shl_fail(SHOAL_E_BUSY, 99, "of the other thread");
  return NULL;
}

static void threads_do_not_see_each_others_failures(void) {
  pthread_t thread;
  bool was_clean = false;
  (void)shl_fail(SHOAL_E_BUSY, 11, "of this thread");
  ASSERT_EQ(0, pthread_create(&thread, NULL, fail_elsewhere, &was_clean));
  ASSERT_EQ(0, pthread_join(thread, NULL));
  EXPECT(was_clean);
  EXPECT_TEXT("of this thread", shoal_status_text(SHOAL_E_BUSY));
  EXPECT_EQ(11, shoal_os_code());
}

SUITE(fail,
      TEST(every_status_keeps_its_number_and_tells_its_name),
      TEST(every_status_has_a_meaning_of_its_own),
      TEST(a_number_that_is_no_status_has_a_name_and_a_text_too),
      TEST(a_failure_leaves_its_text_and_code_and_returns_its_status),
      TEST(another_status_than_the_last_failures_has_its_general_meaning),
      TEST(the_next_failure_takes_the_place_of_the_last),
      TEST(a_long_text_is_cut),
      TEST(threads_do_not_see_each_others_failures))
