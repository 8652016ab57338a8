// SPDX-License-Identifier: MIT
// Goal: field 22 of a stat file, whatever the program calls itself.
// Method: stat files written by this test, and the process's own.
#define _GNU_SOURCE
#include "mapping/linux/start_time.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/harness/harness.h"
#include "tests/mapping/folder.h"

enum { TEXT_BYTES = 1024 };

static char path[FOLDER_PATH_BYTES];

static void begin(void) {
  folder_make();
  (void)folder_path(path, "stat");
}

static void end(void) {
  folder_remove();
}

static uint64_t start_of(const char *text) {
  EXPECT(folder_write(path, text, strlen(text)));
  return shl_start_time(path);
}

static uint64_t start_of_name(const char *name) {
  char text[TEXT_BYTES];
  (void)snprintf(text, sizeof text,
                 "4711 (%s) S 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 987654321 23 24\n",
                 name);
  return start_of(text);
}

static void field_22_is_found_behind_any_name(void) {
  static const char *const names[] = {"cat", "a b", ") S 1 2 3", "))((", "", ")", "( 1 2 3 4 5 6)"};
  for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
    uint64_t found = start_of_name(names[i]);
    if (found != 987654321) FAIL("'%s': %llu", names[i], (unsigned long long)found);
  }
}

static void the_largest_number_is_read_whole(void) {
  EXPECT_EQ(UINT64_MAX, start_of("1 (x) S 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 "
                                 "18446744073709551615 23"));
}

static void what_is_no_stat_file_has_no_start(void) {
  EXPECT_EQ(0, start_of(""));
  EXPECT_EQ(0, start_of("4711"));
  EXPECT_EQ(0, start_of("4711 (cat"));
  EXPECT_EQ(0, start_of("4711 (cat)"));
  EXPECT_EQ(0, start_of("4711 (cat) S 4 5"));
  EXPECT_EQ(0, start_of("4711 (cat) S 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 x"));
  ASSERT_EQ(0, unlink(path));
  EXPECT_EQ(0, shl_start_time(path));
}

static void a_process_keeps_its_start_under_another_name(void) {
  uint64_t before = shl_start_time("/proc/self/stat");
  EXPECT_NE(0, before);
  char kept[16];
  ASSERT_EQ(0, prctl(PR_GET_NAME, kept));
  ASSERT_EQ(0, prctl(PR_SET_NAME, ") R 1 1 (a b)"));
  EXPECT_EQ(before, shl_start_time("/proc/self/stat"));
  ASSERT_EQ(0, prctl(PR_SET_NAME, kept));
}

SUITE(start_time, SET_UP(begin), TEAR_DOWN(end), TEST(field_22_is_found_behind_any_name),
      TEST(the_largest_number_is_read_whole), TEST(what_is_no_stat_file_has_no_start),
      TEST(a_process_keeps_its_start_under_another_name))
