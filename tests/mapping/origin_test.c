// SPDX-License-Identifier: MIT
// Goal: a region of another boot or host is told from one of this kernel, and taken over only where
// that is safe.
// Method: a plain region in a file, whose identities are changed between two opens.
#include <string.h>

#include "mapping/attach.h"
#include "mapping/process.h"
#include "tests/harness/harness.h"
#include "tests/mapping/folder.h"
#include "tests/mapping/plain.h"
#include "tests/mapping/played.h"

enum {
  HOST_AT = offsetof(struct shl_superblock_rec, host_id),
  BOOT_AT = offsetof(struct shl_superblock_rec, boot_id),
  INCARNATION_AT = offsetof(struct shl_superblock_rec, incarnation)
};

static char path[FOLDER_PATH_BYTES];
static struct shl_region *region;
static struct shl_object *other;
static struct shl_liveness byte;
static struct shl_identity ours;

static void begin(void) {
  ASSERT_OK(shl_identity_read(&ours));
  folder_make();
  (void)folder_path(path, "heap");
  ASSERT_OK(plain_open_name(path, SHOAL_CREATE, &region));
  ASSERT_OK(plain_close(region));
  plain_reset();
  other = NULL;
}

static void end(void) {
  if (other != NULL) {
    shl_liveness_drop(&byte);
    shl_object_close(other);
  }
  folder_remove();
}

// Somebody else has the region.
static void attach_another(void) {
  other = played_open(path);
  ASSERT(other != NULL);
  ASSERT_OK(shl_liveness_take(other, 3, &byte));
}

static void poke(size_t at, uint64_t value) {
  EXPECT(folder_poke(path, at, &value, sizeof value));
}

static uint64_t peek(size_t at) {
  unsigned char head[sizeof(struct shl_superblock_rec)] = {0};
  uint64_t value;
  EXPECT(folder_read(path, head, sizeof head));
  memcpy(&value, head + at, sizeof value);
  return value;
}

static void open_and_close(unsigned flags) {
  ASSERT_OK(plain_open_name(path, flags, &region));
  EXPECT_OK(plain_close(region));
}

static void a_new_region_bears_this_kernels_identity(void) {
  EXPECT_EQ(ours.host, peek(HOST_AT));
  EXPECT_EQ(ours.boot[0], peek(BOOT_AT));
  EXPECT_EQ(ours.boot[1], peek(BOOT_AT + 8));
  EXPECT_EQ(1, peek(INCARNATION_AT));
}

static void after_another_boot_all_are_dead_and_this_one_is_noted(void) {
  for (unsigned i = 0; i < 2; i++) {
    poke(BOOT_AT + i * 8, ours.boot[i] ^ 1);
    attach_another();
    open_and_close(0);
    EXPECT_EQ(1, plain_calls.attaches);
    EXPECT(plain_calls.all_dead);
    EXPECT_EQ(ours.boot[i], peek(BOOT_AT + i * 8));
    open_and_close(0);
    EXPECT(!plain_calls.all_dead);
    end();
    begin();
  }
}

static void the_boot_is_noted_only_once_all_are_recovered(void) {
  poke(BOOT_AT, 5);
  plain_calls.attach_says = SHOAL_E_NO_SPACE;
  EXPECT_STATUS(SHOAL_E_NO_SPACE, plain_open_name(path, 0, &region));
  EXPECT_EQ(5, peek(BOOT_AT));
}

static void a_reader_notes_nothing(void) {
  poke(BOOT_AT, 5);
  poke(HOST_AT, 6);
  open_and_close(SHOAL_READ_ONLY);
  EXPECT_EQ(0, plain_calls.attaches);
  EXPECT_EQ(5, peek(BOOT_AT));
  EXPECT_EQ(6, peek(HOST_AT));
  EXPECT_EQ(1, peek(INCARNATION_AT));
}

static void another_hosts_region_opens_for_writing_with_adopt_only(void) {
  poke(HOST_AT, 6);
  EXPECT_STATUS(SHOAL_E_FOREIGN_HOST, plain_open_name(path, 0, &region));
  EXPECT_STATUS(SHOAL_E_FOREIGN_HOST, plain_open_name(path, SHOAL_CREATE, &region));
  EXPECT_EQ(6, peek(HOST_AT));
  EXPECT_EQ(0, plain_calls.attaches);
  ASSERT_OK(plain_open_name(path, SHOAL_ADOPT, &region));
  EXPECT(plain_calls.all_dead);
  EXPECT_EQ(2, region->incarnation);
  EXPECT_OK(plain_close(region));
  EXPECT_EQ(ours.host, peek(HOST_AT));
  EXPECT_EQ(2, peek(INCARNATION_AT));
  open_and_close(0);
  EXPECT_EQ(2, peek(INCARNATION_AT));
}

static void adopting_needs_the_region_alone(void) {
  poke(HOST_AT, 6);
  attach_another();
  EXPECT_STATUS(SHOAL_E_BUSY, plain_open_name(path, SHOAL_ADOPT, &region));
  EXPECT_EQ(6, peek(HOST_AT));
}

static void adopting_ones_own_changes_nothing(void) {
  attach_another();
  open_and_close(SHOAL_ADOPT);
  EXPECT_EQ(1, peek(INCARNATION_AT));
  EXPECT(!plain_calls.all_dead);
}

// What a system does not tell (0) is no other boot: then the bytes alone say who lives.
static void an_unknown_boot_is_no_other_boot(void) {
  poke(BOOT_AT, 0);
  poke(BOOT_AT + 8, 0);
  attach_another();
  open_and_close(0);
  EXPECT(!plain_calls.all_dead);
  EXPECT_EQ(ours.boot[0], peek(BOOT_AT));
}

SUITE(origin, SET_UP(begin), TEAR_DOWN(end), TEST(a_new_region_bears_this_kernels_identity),
      TEST(after_another_boot_all_are_dead_and_this_one_is_noted),
      TEST(the_boot_is_noted_only_once_all_are_recovered), TEST(a_reader_notes_nothing),
      TEST(another_hosts_region_opens_for_writing_with_adopt_only),
      TEST(adopting_needs_the_region_alone), TEST(adopting_ones_own_changes_nothing),
      TEST(an_unknown_boot_is_no_other_boot))
