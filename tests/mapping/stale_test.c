// SPDX-License-Identifier: MIT
// Goal: a LAST_DETACH region that nobody holds any more is removed by whoever may, and never one
// that somebody holds.
// Method: the image of an open region, copied under another name: nobody holds a byte of the copy.
// Those who do are played.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/harness/harness.h"
#include "tests/mapping/folder.h"
#include "tests/mapping/plain.h"
#include "tests/mapping/played.h"

enum { OBJECT_BYTES = TEST_NAME_BYTES + 32 };

static char name[TEST_NAME_BYTES];
static char object[OBJECT_BYTES];
static struct shl_region *region;

static const char *object_of(char path[OBJECT_BYTES], const char *of) {
  (void)snprintf(path, OBJECT_BYTES, "/dev/shm/shoal.%s", of);
  return path;
}

static uint64_t inode(void) {
  struct stat status;
  return stat(object, &status) == 0 ? status.st_ino : 0;
}

// Leaves a stale region of `lifetime` under `name`.
static void make_stale(shoal_lifetime lifetime) {
  char original[TEST_NAME_BYTES], from[OBJECT_BYTES];
  struct shl_region *living = NULL;
  shoal_options options = plain_options(SHOAL_CREATE);
  options.lifetime = lifetime;
  (void)test_unique_name(original);
  ASSERT_OK(plain_open(original, -1, &options, &living));
  ASSERT(folder_copy(object_of(from, original), object));
  ASSERT_OK(shl_region_unlink(original));
  ASSERT_OK(plain_close(living));
  plain_reset();
}

static void begin(void) {
  (void)test_unique_name(name);
  (void)object_of(object, name);
  make_stale(SHOAL_LIFETIME_LAST_DETACH);
}

static void a_creator_makes_it_anew(void) {
  uint64_t before = inode();
  ASSERT_OK(plain_open_name(name, SHOAL_CREATE, &region));
  EXPECT(region->created);
  EXPECT_NE(before, inode());
  EXPECT_EQ(1, plain_calls.formats);
  EXPECT_EQ(0, plain_calls.attaches);
  EXPECT_OK(plain_close(region));
}

static void an_exclusive_creator_does_too(void) {
  ASSERT_OK(plain_open_name(name, SHOAL_CREATE | SHOAL_EXCLUSIVE, &region));
  EXPECT(region->created);
  EXPECT_OK(plain_close(region));
}

static void an_opener_finds_nothing_and_removes_it(void) {
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, plain_open_name(name, 0, &region));
  EXPECT_EQ(0, inode());
}

static void a_reader_finds_nothing_and_leaves_it(void) {
  uint64_t before = inode();
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, plain_open_name(name, SHOAL_READ_ONLY, &region));
  EXPECT_EQ(before, inode());
  EXPECT_OK(shl_region_unlink(name));
}

// A copy of it in a file is not in its place; it may be all that somebody has.
static void a_copy_in_a_file_is_refused_and_stays(void) {
  static const unsigned ways[] = {0, SHOAL_CREATE, SHOAL_READ_ONLY};
  char copy[FOLDER_PATH_BYTES];
  folder_make();
  ASSERT(folder_copy(object, folder_path(copy, "copy")));
  for (unsigned i = 0; i < sizeof ways / sizeof ways[0]; i++) {
    EXPECT_STATUS(SHOAL_E_KIND, plain_open_name(copy, ways[i], &region));
    EXPECT_STATUS(SHOAL_E_KIND, plain_open_name(object, ways[i], &region));
  }
  int fd = open(copy, O_RDWR | O_CLOEXEC);
  EXPECT_STATUS(SHOAL_E_KIND, plain_open(NULL, fd, NULL, &region));
  EXPECT_EQ(0, close(fd));
  EXPECT_EQ(PLAIN_CAPACITY, folder_size(copy));
  EXPECT_EQ(PLAIN_CAPACITY, folder_size(object));
  EXPECT_OK(shl_region_unlink(name));
  folder_remove();
}

static void whoever_holds_a_byte_keeps_it(void) {
  static const uint32_t numbers[] = {0, 1, PLAIN_PROCESSES};
  for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    struct shl_object *holder = played_open(name);
    struct shl_liveness byte;
    uint64_t before = inode();
    ASSERT_OK(shl_liveness_take(holder, numbers[i], &byte));
    ASSERT_OK(plain_open_name(name, SHOAL_CREATE, &region));
    EXPECT(!region->created);
    EXPECT_OK(plain_close(region));
    EXPECT_EQ(before, inode());
    shl_liveness_drop(&byte);
    shl_object_close(holder);
  }
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, plain_open_name(name, 0, &region));
}

// A dead process's record takes nothing away: its liveness byte is what counts.
static void records_alone_keep_nothing(void) {
  struct shl_superblock_rec head;
  ASSERT(folder_read(object, &head, sizeof head));
  uint64_t live = 1 | UINT64_C(9) << 8;
  ASSERT(folder_poke(object, head.areas[0].offset + 64, &live, sizeof live));
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, plain_open_name(name, 0, &region));
}

static void persisting_ones_are_opened(void) {
  ASSERT(remove(object) == 0);
  make_stale(SHOAL_LIFETIME_PERSIST);
  ASSERT_OK(plain_open_name(name, 0, &region));
  EXPECT(!region->created);
  EXPECT(plain_calls.all_dead);
  EXPECT_OK(plain_close(region));
  EXPECT_NE(0, inode());
  EXPECT_OK(shl_region_unlink(name));
}

SUITE(stale, SET_UP(begin), TEST(a_creator_makes_it_anew), TEST(an_exclusive_creator_does_too),
      TEST(an_opener_finds_nothing_and_removes_it), TEST(a_reader_finds_nothing_and_leaves_it),
      TEST(a_copy_in_a_file_is_refused_and_stays), TEST(whoever_holds_a_byte_keeps_it),
      TEST(records_alone_keep_nothing), TEST(persisting_ones_are_opened))
