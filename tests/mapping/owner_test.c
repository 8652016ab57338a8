// SPDX-License-Identifier: MIT
// Goal: a region of another user is opened only by who says that it is shared.
// Method: this process must be root: it gives files away, and roles become another user. Skipped
// elsewhere.
#define _GNU_SOURCE
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/harness/harness.h"
#include "tests/harness/process.h"
#include "tests/mapping/folder.h"
#include "tests/mapping/plain.h"

enum { OTHER_USER = 65534 };

static char path[FOLDER_PATH_BYTES];
static struct shl_region *region;
static bool can_give;

static void begin(void) {
  plain_reset();
  folder_make();
  (void)folder_path(path, "heap");
  char given[FOLDER_PATH_BYTES];
  can_give = folder_write(folder_path(given, "given"), "", 0) &&
             chown(given, OTHER_USER, OTHER_USER) == 0;
}

static void end(void) {
  folder_remove();
}

static shoal_status open_mode(const char *name, unsigned mode, unsigned flags) {
  shoal_options options = plain_options(flags);
  options.mode = mode;
  shoal_status status = plain_open(name, -1, &options, &region);
  if (status == SHOAL_OK) EXPECT_OK(plain_close(region));
  return status;
}

static void anothers_region_must_be_expected_to_be_shared(void) {
  if (!can_give) SKIP("only root can give files away");
  ASSERT_OK(open_mode(path, 0660, SHOAL_CREATE));
  ASSERT_EQ(0, chown(path, OTHER_USER, 0));
  EXPECT_STATUS(SHOAL_E_PERMISSION, open_mode(path, 0600, 0));
  EXPECT(strstr(shoal_status_text(SHOAL_E_PERMISSION), "belongs to user 65534") != NULL);
  EXPECT_STATUS(SHOAL_E_PERMISSION, open_mode(path, 0600, SHOAL_CREATE));
  EXPECT_STATUS(SHOAL_E_PERMISSION, open_mode(path, 0600, SHOAL_READ_ONLY));
  EXPECT_OK(open_mode(path, 0660, 0));
}

// Planted by another user before the creator comes: row 9 of a name's squatters.
static void an_empty_object_of_anothers_is_not_formatted(void) {
  char name[TEST_NAME_BYTES], object[TEST_NAME_BYTES + 32] = "/dev/shm/shoal.";
  if (!can_give) SKIP("only root can give files away");
  ASSERT(folder_write(strcat(object, test_unique_name(name)), "", 0));
  ASSERT_EQ(0, chown(object, OTHER_USER, OTHER_USER));
  EXPECT_STATUS(SHOAL_E_PERMISSION, open_mode(name, 0600, SHOAL_CREATE));
  EXPECT_EQ(0, folder_size(object));
  EXPECT_EQ(0, unlink(object));
}

static void become_other(void) {
  ASSERT_EQ(0, setgroups(0, NULL));
  ASSERT_EQ(0, setegid(OTHER_USER));
  ASSERT_EQ(0, seteuid(OTHER_USER));
}

// Back, and traceable again: a leak checker wants to look.
static void become_root(void) {
  ASSERT_EQ(0, seteuid(0));
  ASSERT_EQ(0, prctl(PR_SET_DUMPABLE, 1));
}

// A role: becomes another user and opens the name of its arguments in the mode given there.
static void become_and_open(int argc, char **argv) {
  ASSERT_EQ(2, argc);
  become_other();
  unsigned mode = (unsigned)strtoul(argv[1], NULL, 8);
  test_say("%s", shoal_status_name(open_mode(argv[0], mode, 0)));
  test_say("%s", shoal_status_name(open_mode(argv[0], mode, SHOAL_READ_ONLY)));
  test_say("%s", shoal_status_name(shl_region_unlink(argv[0])));
  become_root();
}

// A role: creates the region of its argument as another user whose umask leaves nothing.
static void become_and_create(int argc, char **argv) {
  ASSERT_EQ(1, argc);
  become_other();
  (void)umask(0777);
  test_say("%s", shoal_status_name(open_mode(argv[0], 0600, SHOAL_CREATE)));
  become_root();
}

// What another user comes to: writing, reading, unlinking.
static void expect_of_other(const char *name, const char *mode, const char *const expected[3]) {
  struct test_child child = {.runs = false};
  ASSERT(test_spawn(&child, "become_and_open", (const char *const[]){name, mode, NULL}));
  for (unsigned i = 0; i < 3; i++) (void)test_child_expect(&child, expected[i]);
  test_child_finish(&child);
}

static void anothers_private_region_is_closed_to_us(void) {
  char name[TEST_NAME_BYTES];
  if (!can_give) SKIP("only root can become another user");
  shoal_options options = plain_options(SHOAL_CREATE);
  ASSERT_OK(plain_open(test_unique_name(name), -1, &options, &region));
  expect_of_other(
      name, "600",
      (const char *const[]){"SHOAL_E_PERMISSION", "SHOAL_E_PERMISSION", "SHOAL_E_PERMISSION"});
  EXPECT_OK(plain_close(region));
}

static void a_shared_region_opens_as_far_as_its_mode_goes(void) {
  char name[TEST_NAME_BYTES];
  if (!can_give) SKIP("only root can become another user");
  shoal_options options = plain_options(SHOAL_CREATE);
  options.mode = 0644;
  ASSERT_OK(plain_open(test_unique_name(name), -1, &options, &region));
  expect_of_other(name, "644",
                  (const char *const[]){"SHOAL_E_PERMISSION", "SHOAL_OK", "SHOAL_E_PERMISSION"});
  expect_of_other(
      name, "600",
      (const char *const[]){"SHOAL_E_PERMISSION", "SHOAL_E_PERMISSION", "SHOAL_E_PERMISSION"});
  EXPECT_OK(plain_close(region));
}

// In a sticky folder the owner alone may remove the name.
static void a_shared_region_is_written_by_all_and_removed_by_its_owner(void) {
  char name[TEST_NAME_BYTES];
  struct stat status;
  if (!can_give) SKIP("only root can become another user");
  shoal_options options = plain_options(SHOAL_CREATE);
  options.mode = 0666;
  ASSERT_OK(plain_open(test_unique_name(name), -1, &options, &region));
  bool sticky = stat("/dev/shm", &status) == 0 && (status.st_mode & S_ISVTX) != 0;
  const char *removal = sticky ? "SHOAL_E_PERMISSION" : "SHOAL_OK";
  expect_of_other(name, "666", (const char *const[]){"SHOAL_OK", "SHOAL_OK", removal});
  EXPECT_OK(plain_close(region));
}

// Whom file modes bind can create under any umask.
static void an_umask_keeps_no_user_from_creating(void) {
  char name[TEST_NAME_BYTES];
  struct test_child child = {.runs = false};
  if (!can_give) SKIP("only root can become another user");
  ASSERT(test_spawn(&child, "become_and_create",
                    (const char *const[]){test_unique_name(name), NULL}));
  (void)test_child_expect(&child, "SHOAL_OK");
  test_child_finish(&child);
}

SUITE(owner, SET_UP(begin), TEAR_DOWN(end), ROLE(become_and_open), ROLE(become_and_create),
      TEST(an_umask_keeps_no_user_from_creating),
      TEST(anothers_region_must_be_expected_to_be_shared),
      TEST(an_empty_object_of_anothers_is_not_formatted),
      TEST(anothers_private_region_is_closed_to_us),
      TEST(a_shared_region_opens_as_far_as_its_mode_goes),
      TEST(a_shared_region_is_written_by_all_and_removed_by_its_owner))
