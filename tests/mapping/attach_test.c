// SPDX-License-Identifier: MIT
// Goal: what stands in an object decides what an open makes of it, and nothing is touched that is
// not ours or not over.
// Method: plain regions in files, changed between two opens; objects in /dev/shm where being stale
// matters. Others who are attached are played.
#include "mapping/attach.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mapping/linux/syscall.h"
#include "mapping/process.h"
#include "mapping/region_part.h"
#include "tests/harness/harness.h"
#include "tests/mapping/fault.h"
#include "tests/mapping/folder.h"
#include "tests/mapping/plain.h"
#include "tests/mapping/played.h"

enum { PROBE_BYTES = 64 };

static char path[FOLDER_PATH_BYTES];
static struct shl_region *region;

static void begin(void) {
  plain_reset();
  folder_make();
  (void)folder_path(path, "heap");
  region = NULL;
}

static void end(void) {
  folder_remove();
}

// Leaves a closed region in the file.
static void make_file(void) {
  ASSERT_OK(plain_open_name(path, SHOAL_CREATE, &region));
  ASSERT_OK(plain_close(region));
  plain_reset();
}

static void poke(size_t offset, const void *content, size_t bytes) {
  EXPECT(folder_poke(path, offset, content, bytes));
}

static void poke_u64(size_t offset, uint64_t value) {
  poke(offset, &value, sizeof value);
}

static uint64_t peek_u64(size_t offset) {
  unsigned char head[sizeof(struct shl_superblock_rec)];
  uint64_t value = 0;
  EXPECT(folder_read(path, head, sizeof head));
  memcpy(&value, head + offset, sizeof value);
  return value;
}

static void expect_formatted_anew(void) {
  ASSERT_OK(plain_open_name(path, SHOAL_CREATE, &region));
  EXPECT(region->created);
  EXPECT_EQ(1, plain_calls.formats);
  EXPECT_EQ(PLAIN_CAPACITY, folder_size(path));
  EXPECT_OK(plain_close(region));
}

static void an_empty_file_is_formatted_by_a_creator_alone(void) {
  ASSERT(folder_write(path, "", 0));
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, plain_open_name(path, 0, &region));
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, plain_open_name(path, SHOAL_READ_ONLY, &region));
  EXPECT_EQ(0, folder_size(path));
  expect_formatted_anew();
}

static void a_file_of_zeros_is_formatted_by_a_creator(void) {
  static const char zeros[100];
  ASSERT(folder_write(path, zeros, sizeof zeros));
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, plain_open_name(path, 0, &region));
  EXPECT_EQ(sizeof zeros, folder_size(path));
  expect_formatted_anew();
}

static void what_a_dead_creator_left_is_formatted_anew(void) {
  make_file();
  char old[16], fresh[16];
  unsigned char head[sizeof(struct shl_superblock_rec)];
  ASSERT(folder_read(path, head, sizeof head));
  memcpy(old, head + offsetof(struct shl_superblock_rec, uuid), sizeof old);
  poke_u64(0, SHL_MAGIC_FORMING);
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, plain_open_name(path, 0, &region));
  EXPECT_EQ(SHL_MAGIC_FORMING, peek_u64(0));
  expect_formatted_anew();
  ASSERT(folder_read(path, head, sizeof head));
  memcpy(fresh, head + offsetof(struct shl_superblock_rec, uuid), sizeof fresh);
  EXPECT(memcmp(old, fresh, sizeof old) != 0);
}

static void exclusive_creators_format_what_was_never_finished(void) {
  ASSERT(folder_write(path, "", 0));
  ASSERT_OK(plain_open_name(path, SHOAL_CREATE | SHOAL_EXCLUSIVE, &region));
  EXPECT(region->created);
  EXPECT_OK(plain_close(region));
  EXPECT_STATUS(SHOAL_E_EXISTS, plain_open_name(path, SHOAL_CREATE | SHOAL_EXCLUSIVE, &region));
}

static void foreign_content_is_refused_and_not_touched(void) {
  static const char *const contents[] = {"x", "SHFRMINK and more", "!SHOAL02 and more", "!SHOAL0",
                                         "\0\0\0\0\0\0\0\0x"};
  static const size_t lengths[] = {1, 17, 17, 7, 9};
  for (unsigned i = 0; i < sizeof contents / sizeof contents[0]; i++) {
    char after[PROBE_BYTES] = "";
    ASSERT(folder_write(path, contents[i], lengths[i]));
    EXPECT_STATUS(SHOAL_E_CORRUPT, plain_open_name(path, SHOAL_CREATE, &region));
    EXPECT_STATUS(SHOAL_E_CORRUPT, plain_open_name(path, SHOAL_READ_ONLY, &region));
    EXPECT_STATUS(SHOAL_E_KIND, shl_region_unlink(path));
    EXPECT_EQ(lengths[i], folder_size(path));
    EXPECT(folder_read(path, after, lengths[i]));
    EXPECT(memcmp(contents[i], after, lengths[i]) == 0);
  }
}

static void files_shorter_than_they_say_are_truncated(void) {
  make_file();
  static unsigned char head[SHL_PAGE_BYTES];
  ASSERT(folder_read(path, head, sizeof head));
  static const size_t lengths[] = {8, 100, sizeof(struct shl_superblock_rec), SHL_PAGE_BYTES};
  for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    ASSERT(folder_write(path, head, lengths[i]));
    EXPECT_STATUS(SHOAL_E_TRUNCATED, plain_open_name(path, SHOAL_CREATE, &region));
    EXPECT_STATUS(SHOAL_E_TRUNCATED, plain_open_name(path, SHOAL_READ_ONLY, &region));
    EXPECT_EQ(lengths[i], folder_size(path));
  }
}

static void expect_refused(shoal_status expected, const char *what) {
  shoal_status status = plain_open_name(path, 0, &region);
  if (status == SHOAL_OK) EXPECT_OK(plain_close(region));
  if (status != expected) FAIL("%s: %s", what, shoal_status_name(status));
}

// The table of areas is compared with what the sizes ask for, word by word.
static void every_word_of_the_area_table_is_tested(void) {
  make_file();
  size_t begin_at = offsetof(struct shl_superblock_rec, areas);
  for (size_t at = begin_at; at < sizeof(struct shl_superblock_rec); at += sizeof(uint64_t)) {
    uint64_t kept = peek_u64(at);
    static const uint64_t others[] = {1, SHL_PAGE_BYTES, UINT64_C(1) << 32, UINT64_C(1) << 63};
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++) {
      poke_u64(at, kept ^ others[i]);
      expect_refused(SHOAL_E_CORRUPT, "an area");
    }
    poke_u64(at, kept);
  }
  expect_refused(SHOAL_OK, "the area table put back");
}

static void sizes_that_contradict_each_other_are_corrupt(void) {
  const struct {
    size_t offset;
    size_t bytes;
    uint64_t value;
    shoal_status expected;
  } rows[] = {{offsetof(struct shl_superblock_rec, max_processes), 4, 1, SHOAL_E_CORRUPT},
              {offsetof(struct shl_superblock_rec, max_processes), 4, 100000, SHOAL_E_CORRUPT},
              {offsetof(struct shl_superblock_rec, max_processes), 4, UINT32_MAX, SHOAL_E_CORRUPT},
              {offsetof(struct shl_superblock_rec, area_count), 4, 1, SHOAL_E_CORRUPT},
              {offsetof(struct shl_superblock_rec, area_count), 4, SHL_AREAS_MAX, SHOAL_E_CORRUPT},
              {offsetof(struct shl_superblock_rec, metadata_bytes), 8, 0, SHOAL_E_CORRUPT},
              {offsetof(struct shl_superblock_rec, metadata_bytes), 8, UINT64_MAX, SHOAL_E_CORRUPT},
              {offsetof(struct shl_superblock_rec, data_offset), 8, 4 << 20, SHOAL_E_CORRUPT},
              {offsetof(struct shl_superblock_rec, data_offset), 8, 0, SHOAL_E_CORRUPT},
              {offsetof(struct shl_superblock_rec, layout_hash), 8, 1, SHOAL_E_VERSION},
              {offsetof(struct shl_superblock_rec, kind), 4, SHOAL_KIND_NAMED, SHOAL_E_KIND},
              {offsetof(struct shl_superblock_rec, kind), 4, SHOAL_KIND_PRIVATE, SHOAL_E_KIND},
              {offsetof(struct shl_superblock_rec, kind), 4, 77, SHOAL_E_KIND}};
  for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    make_file();
    poke(rows[i].offset, &rows[i].value, rows[i].bytes);
    char what[PROBE_BYTES];
    (void)snprintf(what, sizeof what, "row %u", i);
    expect_refused(rows[i].expected, what);
    ASSERT(remove(path) == 0);
  }
}

// Creates that fail: a new file is gone, one that was there is empty again.
static void a_format_that_fails_leaves_nothing(void) {
  plain_calls.format_says = SHOAL_E_NO_SPACE;
  EXPECT_STATUS(SHOAL_E_NO_SPACE, plain_open_name(path, SHOAL_CREATE, &region));
  EXPECT_EQ(-1, folder_size(path));
  ASSERT(folder_write(path, "", 0));
  EXPECT_STATUS(SHOAL_E_NO_SPACE, plain_open_name(path, SHOAL_CREATE, &region));
  EXPECT_EQ(0, folder_size(path));
  plain_calls.format_says = SHOAL_OK;
  plain_calls.formats = 0;
  expect_formatted_anew();
}

// Zeros at its start make a file ours to format, but not to empty for nothing.
static void a_request_that_is_wrong_leaves_the_file_as_it_is(void) {
  static char content[2 * SHL_PAGE_BYTES] = "";
  static char after[sizeof content];
  content[SHL_PAGE_BYTES] = 'x';
  ASSERT(folder_write(path, content, sizeof content));
  plain_calls.tables_say = SHOAL_E_ARGUMENT;
  EXPECT_STATUS(SHOAL_E_ARGUMENT, plain_open_name(path, SHOAL_CREATE, &region));
  EXPECT_EQ(sizeof content, folder_size(path));
  EXPECT(folder_read(path, after, sizeof after));
  EXPECT(memcmp(content, after, sizeof after) == 0);
  plain_calls.tables_say = SHOAL_OK;
  fault_install();
  fault_arm(&(struct fault_plan){.call = FAULT_FCHMOD, .at = 1, .code = EPERM});
  EXPECT_STATUS(SHOAL_E_PERMISSION, plain_open_name(path, SHOAL_CREATE, &region));
  fault_remove();
  EXPECT_EQ(sizeof content, folder_size(path));
  EXPECT_EQ(0, remove(path));
  plain_calls.tables_say = SHOAL_E_ARGUMENT;
  EXPECT_STATUS(SHOAL_E_ARGUMENT, plain_open_name(path, SHOAL_CREATE, &region));
  EXPECT_EQ(-1, folder_size(path));
}

static void an_attach_that_fails_leaves_the_record_free(void) {
  make_file();
  plain_calls.attach_says = SHOAL_E_CORRUPT;
  EXPECT_STATUS(SHOAL_E_CORRUPT, plain_open_name(path, 0, &region));
  plain_calls.attach_says = SHOAL_OK;
  ASSERT_OK(plain_open_name(path, 0, &region));
  EXPECT_EQ(1, region->process);
  EXPECT_EQ(3, region->process_generation);
  EXPECT_EQ(1, shl_process_count(region));
  EXPECT_OK(plain_close(region));
}

static unsigned locks;

// Another process removes the name between an open and its gate.
static int lock_after_unlink(int fd, struct flock *lock) {
  if (locks++ == 0) EXPECT_EQ(0, remove(path));
  return shl_system_calls.set_lock(fd, lock);
}

// The opener would sit in a region that no other can find.
static void a_name_that_went_before_the_gate_is_opened_anew(void) {
  static const unsigned ways[] = {SHOAL_CREATE, 0};
  struct shl_syscalls table = shl_system_calls;
  table.set_lock = lock_after_unlink;
  for (unsigned i = 0; i < 2; i++) {
    make_file();
    shl_sys = &table;
    locks = 0;
    shoal_status status = plain_open_name(path, ways[i], &region);
    shl_sys = &shl_system_calls;
    EXPECT_STATUS(i == 0 ? SHOAL_OK : SHOAL_E_NOT_FOUND, status);
    if (status != SHOAL_OK) continue;
    EXPECT(region->created);
    EXPECT_OK(shl_object_check_name(region->private_part->object));
    EXPECT_OK(plain_close(region));
    EXPECT_EQ(0, remove(path));
  }
}

static void those_attached_already_are_not_declared_dead(void) {
  make_file();
  struct shl_object *other = played_open(path);
  struct shl_liveness byte;
  ASSERT_OK(shl_liveness_take(other, 2, &byte));
  ASSERT_OK(plain_open_name(path, 0, &region));
  EXPECT(!plain_calls.all_dead);
  EXPECT_OK(plain_close(region));
  shl_liveness_drop(&byte);
  ASSERT_OK(plain_open_name(path, 0, &region));
  EXPECT(plain_calls.all_dead);
  EXPECT_OK(plain_close(region));
  shl_object_close(other);
}

SUITE(attach, SET_UP(begin), TEAR_DOWN(end), TEST(an_empty_file_is_formatted_by_a_creator_alone),
      TEST(a_file_of_zeros_is_formatted_by_a_creator),
      TEST(what_a_dead_creator_left_is_formatted_anew),
      TEST(exclusive_creators_format_what_was_never_finished),
      TEST(foreign_content_is_refused_and_not_touched),
      TEST(files_shorter_than_they_say_are_truncated), TEST(every_word_of_the_area_table_is_tested),
      TEST(sizes_that_contradict_each_other_are_corrupt), TEST(a_format_that_fails_leaves_nothing),
      TEST(a_request_that_is_wrong_leaves_the_file_as_it_is),
      TEST(an_attach_that_fails_leaves_the_record_free),
      TEST(a_name_that_went_before_the_gate_is_opened_anew),
      TEST(those_attached_already_are_not_declared_dead))
