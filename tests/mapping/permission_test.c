// SPDX-License-Identifier: MIT
// Goal: what is not a plain file of ours, with one name and no more rights than asked, is refused,
// and nothing about it changes.
// Method: every kind of thing under a path, opened for reading, for writing, and to create.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/harness/harness.h"
#include "tests/mapping/folder.h"
#include "tests/mapping/plain.h"

static char path[FOLDER_PATH_BYTES];
static char target[FOLDER_PATH_BYTES];
static struct shl_region *region;

static void begin(void) {
  plain_reset();
  folder_make();
  (void)folder_path(path, "heap");
  (void)folder_path(target, "target");
}

static void end(void) {
  folder_remove();
}

static const unsigned all_flags[] = {0, SHOAL_CREATE, SHOAL_CREATE | SHOAL_EXCLUSIVE,
                                     SHOAL_READ_ONLY, SHOAL_ADOPT | SHOAL_RELOCATABLE};
enum { FLAG_SETS = sizeof all_flags / sizeof all_flags[0] };

static struct stat look(const char *at) {
  struct stat status = {.st_size = -1};
  (void)lstat(at, &status);
  return status;
}

static bool is_same(const struct stat *before, const struct stat *after) {
  return before->st_ino == after->st_ino && before->st_mode == after->st_mode &&
         before->st_size == after->st_size && before->st_nlink == after->st_nlink &&
         before->st_uid == after->st_uid && before->st_mtim.tv_sec == after->st_mtim.tv_sec &&
         before->st_mtim.tv_nsec == after->st_mtim.tv_nsec;
}

// Every way of opening `path` ends in `expected` and leaves what it stands for as it is.
static void expect_refused(shoal_status expected, const char *what) {
  for (unsigned i = 0; i < FLAG_SETS; i++) {
    struct stat before = look(path);
    shoal_status status = plain_open_name(path, all_flags[i], &region);
    struct stat after = look(path);
    if (status != expected) FAIL("%s, flags %u: %s", what, i, shoal_status_name(status));
    if (!is_same(&before, &after)) FAIL("%s, flags %u: touched", what, i);
  }
}

static void make_region(const char *at, unsigned mode) {
  shoal_options options = plain_options(SHOAL_CREATE);
  options.mode = mode;
  ASSERT_OK(plain_open(at, -1, &options, &region));
  ASSERT_OK(plain_close(region));
}

static void symbolic_links_are_not_followed(void) {
  make_region(target, 0600);
  struct stat before = look(target);
  ASSERT_EQ(0, symlink("target", path));
  expect_refused(SHOAL_E_KIND, "a link to a region");
  EXPECT_STATUS(SHOAL_E_KIND, shl_region_unlink(path));
  EXPECT(strstr(shoal_status_text(SHOAL_E_KIND), "symbolic link") != NULL);
  struct stat after = look(target);
  EXPECT(is_same(&before, &after));
}

static void dangling_links_create_nothing(void) {
  ASSERT_EQ(0, symlink("target", path));
  expect_refused(SHOAL_E_KIND, "a dangling link");
  EXPECT_EQ(-1, folder_size(target));
}

// A squatter's link in /dev/shm.
static void links_in_shm_are_not_followed_either(void) {
  char name[TEST_NAME_BYTES], object[TEST_NAME_BYTES + 32] = "/dev/shm/shoal.";
  make_region(target, 0600);
  ASSERT_EQ(0, symlink(target, strcat(object, test_unique_name(name))));
  for (unsigned i = 0; i < FLAG_SETS; i++) {
    EXPECT_STATUS(SHOAL_E_KIND, plain_open_name(name, all_flags[i], &region));
  }
  EXPECT_EQ(0, unlink(object));
}

static void folders_fifos_and_sockets_are_no_regions(void) {
  ASSERT_EQ(0, mkdir(path, 0700));
  expect_refused(SHOAL_E_KIND, "a folder");
  ASSERT_EQ(0, rmdir(path));
  ASSERT_EQ(0, mkfifo(path, 0600));
  expect_refused(SHOAL_E_KIND, "a fifo");
  EXPECT_STATUS(SHOAL_E_KIND, shl_region_unlink(path));
  ASSERT_EQ(0, unlink(path));
  int socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  char before[FOLDER_PATH_BYTES], here[FOLDER_PATH_BYTES];
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "heap"};
  ASSERT(getcwd(before, sizeof before) != NULL);
  ASSERT_EQ(0, chdir(folder_path(here, ".")));
  ASSERT_EQ(0, bind(socket_fd, (const struct sockaddr *)&address, sizeof address));
  ASSERT_EQ(0, chdir(before));
  expect_refused(SHOAL_E_KIND, "a socket");
  EXPECT_EQ(0, close(socket_fd));
}

static void devices_are_no_regions(void) {
  static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full"};
  for (unsigned i = 0; i < sizeof devices / sizeof devices[0]; i++) {
    (void)snprintf(path, sizeof path, "%s", devices[i]);
    expect_refused(SHOAL_E_KIND, devices[i]);
  }
}

static void a_second_name_is_refused(void) {
  make_region(path, 0600);
  ASSERT_EQ(0, link(path, target));
  expect_refused(SHOAL_E_PERMISSION, "a region of two names");
  EXPECT(strstr(shoal_status_text(SHOAL_E_PERMISSION), "2 names (hard links)") != NULL);
  EXPECT_STATUS(SHOAL_E_PERMISSION, shl_region_unlink(path));
  ASSERT_EQ(0, unlink(target));
  ASSERT_OK(plain_open_name(path, 0, &region));
  EXPECT_OK(plain_close(region));
}

// Planted empty, to be formatted and then shared by whoever planted it.
static void an_empty_file_that_others_may_write_is_refused(void) {
  static const unsigned modes[] = {0620, 0602, 0666, 0777};
  ASSERT(folder_write(path, "", 0));
  for (unsigned i = 0; i < sizeof modes / sizeof modes[0]; i++) {
    ASSERT_EQ(0, chmod(path, modes[i]));
    expect_refused(SHOAL_E_PERMISSION, "a writable empty file");
  }
}

static void regions_that_others_may_write_need_to_be_expected(void) {
  const struct {
    unsigned mode;   // of the file
    unsigned asked;  // of the opener
    bool opens;
  } rows[] = {{0600, 0600, true}, {0644, 0600, true},  {0660, 0600, false}, {0660, 0660, true},
              {0660, 0666, true}, {0666, 0660, false}, {0666, 0666, true},  {0606, 0660, false},
              {0602, 0602, true}, {0777, 0666, true},  {0720, 0600, false}, {0600, 0666, true}};
  make_region(path, 0600);
  for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    shoal_options options = plain_options(0);
    options.mode = rows[i].asked;
    ASSERT_EQ(0, chmod(path, rows[i].mode));
    shoal_status status = plain_open(path, -1, &options, &region);
    if (status == SHOAL_OK) EXPECT_OK(plain_close(region));
    if (status != (rows[i].opens ? SHOAL_OK : SHOAL_E_PERMISSION)) {
      FAIL("%03o opened with %03o: %s", rows[i].mode, rows[i].asked, shoal_status_name(status));
    }
    EXPECT_EQ(rows[i].mode, look(path).st_mode & 07777);
  }
}

// An umask is no word about a region, be it narrower or wider than what is asked.
static void the_mode_is_what_was_asked_whatever_the_umask(void) {
  static const mode_t masks[] = {0, 022, 077, 0177, 0377, 0777};
  static const unsigned modes[] = {0600, 0640, 0666};
  for (unsigned i = 0; i < sizeof masks / sizeof masks[0]; i++) {
    for (unsigned k = 0; k < sizeof modes / sizeof modes[0]; k++) {
      mode_t kept = umask(masks[i]);
      make_region(path, modes[k]);
      (void)umask(kept);
      EXPECT_EQ(modes[k], look(path).st_mode & 07777);
      ASSERT_EQ(0, unlink(path));
    }
  }
}

static void what_the_owner_may_not_write_is_opened_for_reading_alone(void) {
  make_region(path, 0600);
  ASSERT_EQ(0, chmod(path, 0400));
  if (access(path, W_OK) == 0) SKIP("this user may write everything");
  EXPECT_STATUS(SHOAL_E_PERMISSION, plain_open_name(path, 0, &region));
  ASSERT_OK(plain_open_name(path, SHOAL_READ_ONLY, &region));
  EXPECT_OK(plain_close(region));
}

SUITE(permission, SET_UP(begin), TEAR_DOWN(end), TEST(symbolic_links_are_not_followed),
      TEST(dangling_links_create_nothing), TEST(links_in_shm_are_not_followed_either),
      TEST(folders_fifos_and_sockets_are_no_regions), TEST(devices_are_no_regions),
      TEST(a_second_name_is_refused), TEST(an_empty_file_that_others_may_write_is_refused),
      TEST(regions_that_others_may_write_need_to_be_expected),
      TEST(the_mode_is_what_was_asked_whatever_the_umask),
      TEST(what_the_owner_may_not_write_is_opened_for_reading_alone))
