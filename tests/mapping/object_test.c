// SPDX-License-Identifier: MIT
// Goal: objects are found, made, emptied and removed as their contract says.
// Method: NAMED, FILE and MEMFD objects without a region in them.
#define _GNU_SOURCE
#include "mapping/object.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mapping/linux/object_part.h"
#include "tests/harness/harness.h"
#include "tests/mapping/fault.h"
#include "tests/mapping/folder.h"

enum { BYTES = 1 << 20 };

static char path[FOLDER_PATH_BYTES];
static struct shl_object_spec spec;
static struct shl_object *object;

static void begin(void) {
  folder_make();
  spec = (struct shl_object_spec){.kind = SHOAL_KIND_FILE,
                                  .name = folder_path(path, "heap"),
                                  .fd = -1,
                                  .mode = 0600,
                                  .create = true};
  fault_install();
}

static void end(void) {
  EXPECT_EQ(0, fault_held_descriptors());
  fault_remove();
  folder_remove();
}

static void open_object(void) {
  ASSERT_OK(shl_object_open(&spec, &object));
}

static unsigned mode_of(const char *file) {
  struct stat status;
  return stat(file, &status) == 0 ? (unsigned)status.st_mode & 07777 : 0;
}

static void objects_are_made_only_where_that_is_asked(void) {
  spec.create = false;
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, shl_object_open(&spec, &object));
  EXPECT_EQ(-1, folder_size(path));
  spec.create = true;
  open_object();
  EXPECT_EQ(SHOAL_KIND_FILE, shl_object_kind(object));
  EXPECT_OK(shl_object_check_name(object));
  shl_object_close(object);
  EXPECT_EQ(0, folder_size(path));
}

static void named_objects_lie_in_shm_with_a_prefix(void) {
  char name[TEST_NAME_BYTES], file[TEST_NAME_BYTES + 32];
  spec.kind = SHOAL_KIND_NAMED;
  spec.name = test_unique_name(name);
  open_object();
  (void)snprintf(file, sizeof file, "/dev/shm/shoal.%s", name);
  EXPECT_EQ(0, folder_size(file));
  EXPECT_EQ(SHOAL_KIND_NAMED, shl_object_kind(object));
  EXPECT_OK(shl_object_unlink(object));
  EXPECT_EQ(-1, folder_size(file));
  EXPECT_STATUS(SHOAL_E_STALE, shl_object_check_name(object));
  shl_object_close(object);
}

// Where nothing but FILE has a folder, it must be there.
static void folders_are_not_made(void) {
  char deep[FOLDER_PATH_BYTES];
  spec.name = folder_path(deep, "none/heap");
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, shl_object_open(&spec, &object));
  ASSERT(folder_write(path, "x", 1));
  spec.name = folder_path(deep, "heap/heap");
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, shl_object_open(&spec, &object));
}

static void a_name_too_long_for_its_file_system_is_a_wrong_name(void) {
  char longest[FOLDER_PATH_BYTES];
  (void)folder_path(longest, "");
  size_t used = strlen(longest);
  memset(longest + used, 'n', 256);
  longest[used + 256] = '\0';
  spec.name = longest;
  EXPECT_STATUS(SHOAL_E_NAME, shl_object_open(&spec, &object));
  longest[used + 255] = '\0';
  open_object();
  shl_object_close(object);
}

static void sameness_is_the_systems(void) {
  struct shl_object *second = NULL, *third = NULL;
  char copy[FOLDER_PATH_BYTES];
  open_object();
  ASSERT_OK(shl_object_open(&spec, &second));
  EXPECT(shl_object_is_same(object, second));
  spec.name = folder_path(copy, "other");
  ASSERT_OK(shl_object_open(&spec, &third));
  EXPECT(!shl_object_is_same(object, third));
  shl_object_close(object);
  shl_object_close(second);
  shl_object_close(third);
}

// A name can come to stand for something else.
static void a_name_given_to_another_is_no_longer_the_objects(void) {
  open_object();
  ASSERT_EQ(0, unlink(path));
  EXPECT_STATUS(SHOAL_E_STALE, shl_object_check_name(object));
  ASSERT(folder_write(path, "another", 7));
  EXPECT_STATUS(SHOAL_E_STALE, shl_object_check_name(object));
  EXPECT_OK(shl_object_unlink(object));
  EXPECT_EQ(7, folder_size(path));
  shl_object_close(object);
}

// Not to know is not to have lost.
static void a_name_that_cannot_be_looked_up_is_an_error(void) {
  open_object();
  fault_arm(&(struct fault_plan){.call = FAULT_LSTAT, .at = 1, .sticky = true, .code = ENOMEM});
  EXPECT_STATUS(SHOAL_E_NO_SPACE, shl_object_check_name(object));
  EXPECT_STATUS(SHOAL_E_NO_SPACE, shl_object_unlink(object));
  fault_disarm();
  EXPECT_EQ(0, folder_size(path));
  shl_object_close(object);
}

// The path is made absolute at once: a program may change its folder later.
static void a_relative_path_is_bound_to_the_folder_of_its_open(void) {
  char before[FOLDER_PATH_BYTES], here[FOLDER_PATH_BYTES];
  ASSERT(getcwd(before, sizeof before) != NULL);
  ASSERT_EQ(0, chdir(folder_path(here, ".")));
  spec.name = "./heap";
  open_object();
  ASSERT_EQ(0, chdir("/"));
  EXPECT_OK(shl_object_check_name(object));
  EXPECT_OK(shl_object_unlink(object));
  EXPECT_EQ(-1, folder_size(path));
  shl_object_close(object);
  ASSERT_EQ(0, chdir(before));
}

static void clearing_empties_sizes_and_sets_the_mode(void) {
  open_object();
  ASSERT(folder_write(path, "old", 3));
  ASSERT_OK(shl_object_clear(object, BYTES, 0640));
  uint64_t bytes = 0;
  EXPECT_OK(shl_object_bytes(object, &bytes));
  EXPECT_EQ(BYTES, bytes);
  EXPECT_EQ(0640, mode_of(path));
  char content[8];
  EXPECT_OK(shl_object_read(object, content, sizeof content));
  for (unsigned i = 0; i < sizeof content; i++) EXPECT_EQ(0, content[i]);
  shl_object_close(object);
}

static void umask_does_not_decide(void) {
  static const mode_t masks[] = {0, 022, 0177, 0777};
  for (unsigned i = 0; i < sizeof masks / sizeof masks[0]; i++) {
    mode_t kept = umask(masks[i]);
    open_object();
    EXPECT_OK(shl_object_clear(object, BYTES, 0664));
    (void)umask(kept);
    EXPECT_EQ(0664, mode_of(path));
    EXPECT_OK(shl_object_unlink(object));
    shl_object_close(object);
  }
}

static void unclearing_removes_what_was_made_and_empties_what_was_there(void) {
  open_object();
  ASSERT_OK(shl_object_clear(object, BYTES, 0600));
  shl_object_unclear(object);
  EXPECT_EQ(-1, folder_size(path));
  shl_object_close(object);
  ASSERT(folder_write(path, "", 0));
  open_object();
  ASSERT_OK(shl_object_clear(object, BYTES, 0600));
  shl_object_unclear(object);
  EXPECT_EQ(0, folder_size(path));
  shl_object_close(object);
}

static void reading_past_the_end_gives_zeros(void) {
  char content[8] = "????????";
  ASSERT(folder_write(path, "abc", 3));
  open_object();
  EXPECT_OK(shl_object_read(object, content, sizeof content));
  EXPECT(memcmp(content, "abc\0\0\0\0\0", 8) == 0);
  fault_arm(&(struct fault_plan){.call = FAULT_PREAD, .at = 1, .code = EIO});
  EXPECT_STATUS(SHOAL_E_SYSTEM, shl_object_read(object, content, sizeof content));
  shl_object_close(object);
}

static void memfds_cannot_change_their_size_once_cleared(void) {
  spec.kind = SHOAL_KIND_MEMFD;
  spec.name = NULL;
  open_object();
  EXPECT_EQ(SHOAL_KIND_MEMFD, shl_object_kind(object));
  EXPECT_OK(shl_object_check_name(object));
  ASSERT_OK(shl_object_clear(object, BYTES, 0600));
  int fd = -1;
  ASSERT_OK(shl_object_duplicate(object, &fd));
  EXPECT_EQ(-1, ftruncate(fd, 0));
  EXPECT_EQ(EPERM, errno);
  EXPECT_EQ(-1, ftruncate(fd, 2 * BYTES));
  EXPECT_EQ(EPERM, errno);
  EXPECT_OK(shl_object_unlink(object));
  fault_note_descriptor(fd, false);
  EXPECT_EQ(0, close(fd));
  shl_object_close(object);
}

SUITE(object, SET_UP(begin), TEAR_DOWN(end), TEST(objects_are_made_only_where_that_is_asked),
      TEST(named_objects_lie_in_shm_with_a_prefix), TEST(folders_are_not_made),
      TEST(a_name_too_long_for_its_file_system_is_a_wrong_name), TEST(sameness_is_the_systems),
      TEST(a_name_given_to_another_is_no_longer_the_objects),
      TEST(a_name_that_cannot_be_looked_up_is_an_error),
      TEST(a_relative_path_is_bound_to_the_folder_of_its_open),
      TEST(clearing_empties_sizes_and_sets_the_mode), TEST(umask_does_not_decide),
      TEST(unclearing_removes_what_was_made_and_empties_what_was_there),
      TEST(reading_past_the_end_gives_zeros), TEST(memfds_cannot_change_their_size_once_cleared))
