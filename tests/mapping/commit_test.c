// SPDX-License-Identifier: MIT
// Goal: what is committed is backed and zero, what was committed keeps its bytes, what is given
// back is gone, also for a program that has closed the descriptor.
// Method: plain regions of each kind; backing is counted by fstat.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mapping/linux/object_part.h"
#include "mapping/region_part.h"
#include "tests/harness/harness.h"
#include "tests/mapping/fault.h"
#include "tests/mapping/folder.h"
#include "tests/mapping/plain.h"

enum { AT = PLAIN_DATA_OFFSET, STEP = SHL_UNIT_BYTES };

static char name[TEST_NAME_BYTES];
static char path[FOLDER_PATH_BYTES];
static struct shl_region *region;
static int descriptor;  // of the object, the test's own

static void begin(void) {
  plain_reset();
  folder_make();
  (void)test_unique_name(name);
  (void)folder_path(path, "heap");
}

static void end(void) {
  folder_remove();
}

static void open_kind(shoal_kind kind) {
  shoal_options options = plain_options(SHOAL_CREATE);
  options.kind = kind;
  bool is_nameless = kind == SHOAL_KIND_MEMFD || kind == SHOAL_KIND_PRIVATE;
  const char *called = kind == SHOAL_KIND_FILE ? path : name;
  ASSERT_OK(plain_open(is_nameless ? NULL : called, -1, &options, &region));
  descriptor = -1;
  if (kind != SHOAL_KIND_PRIVATE) ASSERT_OK(shl_region_fd(region, &descriptor));
}

static void close_kind(void) {
  if (descriptor >= 0) EXPECT_EQ(0, close(descriptor));
  EXPECT_OK(plain_close(region));
}

static uint64_t backed(void) {
  struct stat status;
  EXPECT_EQ(0, fstat(descriptor, &status));
  return (uint64_t)status.st_blocks * 512;
}

static const shoal_kind kinds[] = {SHOAL_KIND_NAMED, SHOAL_KIND_FILE, SHOAL_KIND_MEMFD};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static void committing_backs_and_zeroes_exactly_that(void) {
  for (unsigned i = 0; i < KINDS; i++) {
    open_kind(kinds[i]);
    uint64_t before = backed();
    EXPECT_OK(shl_region_commit(region, AT, 2 * STEP));
    EXPECT_EQ(before + 2 * STEP, backed());
    for (unsigned k = 0; k < 2 * STEP; k++) ASSERT(region->base[AT + k] == 0);
    EXPECT_EQ(before + 2 * STEP, backed());
    close_kind();
  }
}

static void committing_again_keeps_what_is_there(void) {
  for (unsigned i = 0; i < KINDS; i++) {
    open_kind(kinds[i]);
    EXPECT_OK(shl_region_commit(region, AT + STEP, STEP));
    memset(region->base + AT + STEP, 7, STEP);
    EXPECT_OK(shl_region_commit(region, AT, 3 * STEP));
    EXPECT_EQ(0, region->base[AT + STEP - 1]);
    EXPECT_EQ(7, region->base[AT + STEP]);
    EXPECT_EQ(7, region->base[AT + 2 * STEP - 1]);
    EXPECT_EQ(0, region->base[AT + 2 * STEP]);
    close_kind();
  }
}

static void giving_back_takes_the_backing_and_the_bytes(void) {
  for (unsigned i = 0; i < KINDS; i++) {
    open_kind(kinds[i]);
    uint64_t before = backed();
    EXPECT_OK(shl_region_commit(region, AT, 3 * STEP));
    memset(region->base + AT, 7, 3 * STEP);
    EXPECT_OK(shl_region_give_back(region, AT + STEP, STEP));
    EXPECT_EQ(before + 2 * STEP, backed());
    EXPECT_OK(shl_region_give_back(region, AT + STEP, STEP));
    EXPECT_OK(shl_region_commit(region, AT + STEP, STEP));
    EXPECT_EQ(7, region->base[AT + STEP - 1]);
    EXPECT_EQ(0, region->base[AT + STEP]);
    EXPECT_EQ(7, region->base[AT + 2 * STEP]);
    close_kind();
  }
}

static void private_memory_commits_itself(void) {
  open_kind(SHOAL_KIND_PRIVATE);
  fault_install();
  EXPECT_OK(shl_region_commit(region, AT, STEP));
  EXPECT_EQ(0, fault_calls());
  region->base[AT] = 7;
  EXPECT_OK(shl_region_give_back(region, AT, STEP));
  EXPECT_EQ(1, fault_calls_of(FAULT_MADVISE));
  fault_remove();
  EXPECT_EQ(0, region->base[AT]);
  close_kind();
}

static void failures_tell_the_limit_that_was_hit(void) {
  static const struct {
    int code;
    shoal_status expected;
  } rows[] = {
      {ENOSPC, SHOAL_E_NO_SPACE}, {EDQUOT, SHOAL_E_NO_SPACE},        {ENOMEM, SHOAL_E_NO_SPACE},
      {EFBIG, SHOAL_E_NO_SPACE},  {EOPNOTSUPP, SHOAL_E_UNSUPPORTED}, {EPERM, SHOAL_E_PERMISSION},
      {EIO, SHOAL_E_SYSTEM}};
  open_kind(SHOAL_KIND_NAMED);
  fault_install();
  for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    fault_arm(&(struct fault_plan){.call = FAULT_FALLOCATE, .at = 1, .code = rows[i].code});
    EXPECT_STATUS(rows[i].expected, shl_region_commit(region, AT, STEP));
    EXPECT_EQ(rows[i].code, shoal_os_code());
    EXPECT(strstr(shoal_status_text(rows[i].expected), name) != NULL);
    fault_arm(&(struct fault_plan){.call = FAULT_FALLOCATE, .at = 1, .code = rows[i].code});
    EXPECT_STATUS(rows[i].expected, shl_region_give_back(region, AT, STEP));
  }
  fault_remove();
  close_kind();
}

static void flushing_syncs_files_and_nothing_else(void) {
  for (unsigned i = 0; i < KINDS; i++) {
    open_kind(kinds[i]);
    bool is_file = kinds[i] == SHOAL_KIND_FILE;
    fault_install();
    EXPECT_OK(shl_region_flush(region));
    EXPECT_EQ(is_file, fault_calls_of(FAULT_MSYNC));
    EXPECT_EQ(is_file, fault_calls_of(FAULT_FDATASYNC));
    static const enum fault_call calls[] = {FAULT_MSYNC, FAULT_FDATASYNC};
    for (unsigned k = 0; k < 2 && is_file; k++) {
      fault_arm(&(struct fault_plan){.call = calls[k], .at = 1, .code = EIO});
      EXPECT_STATUS(SHOAL_E_SYSTEM, shl_region_flush(region));
      EXPECT_EQ(EIO, shoal_os_code());
    }
    fault_remove();
    close_kind();
  }
}

// The program closes our descriptor, as one does that closes all it does not know.
static void close_ours(void) {
  EXPECT_EQ(0, close(region->private_part->object->fd));
}

static void a_closed_descriptor_costs_a_look_up_by_name(void) {
  for (unsigned i = 0; i < 2; i++) {
    open_kind(kinds[i]);
    close_ours();
    uint64_t before = backed();
    EXPECT_OK(shl_region_commit(region, AT, STEP));
    EXPECT_EQ(before + STEP, backed());
    EXPECT_OK(shl_region_give_back(region, AT, STEP));
    EXPECT_EQ(before, backed());
    EXPECT_OK(shl_region_flush(region));
    EXPECT_LE(0, shl_object_held(region->private_part->object));
    close_kind();
  }
}

// With descriptor and name both gone the mapping itself serves.
static void without_descriptor_and_name_the_mapping_serves(void) {
  for (unsigned i = 0; i < KINDS; i++) {
    open_kind(kinds[i]);
    close_ours();
    if (kinds[i] != SHOAL_KIND_MEMFD) {
      EXPECT_OK(shl_region_unlink(kinds[i] == SHOAL_KIND_FILE ? path : name));
    }
    uint64_t before = backed();
    EXPECT_OK(shl_region_commit(region, AT, STEP));
    EXPECT_LE(before + STEP, backed());
    region->base[AT] = 7;
    EXPECT_OK(shl_region_give_back(region, AT, STEP));
    EXPECT_OK(shl_region_commit(region, AT, STEP));
    EXPECT_EQ(0, region->base[AT]);
    EXPECT_OK(shl_region_flush(region));
    close_kind();
  }
}

static void a_full_system_is_told_through_the_mapping_too(void) {
  open_kind(SHOAL_KIND_MEMFD);
  close_ours();
  fault_install();
  fault_arm(&(struct fault_plan){.call = FAULT_MADVISE, .at = 1, .code = EFAULT});
  EXPECT_STATUS(SHOAL_E_NO_SPACE, shl_region_commit(region, AT, STEP));
  EXPECT_EQ(ENOSPC, shoal_os_code());
  fault_remove();
  close_kind();
}

SUITE(commit, SET_UP(begin), TEAR_DOWN(end), TEST(committing_backs_and_zeroes_exactly_that),
      TEST(committing_again_keeps_what_is_there), TEST(giving_back_takes_the_backing_and_the_bytes),
      TEST(private_memory_commits_itself), TEST(failures_tell_the_limit_that_was_hit),
      TEST(flushing_syncs_files_and_nothing_else),
      TEST(a_closed_descriptor_costs_a_look_up_by_name),
      TEST(without_descriptor_and_name_the_mapping_serves),
      TEST(a_full_system_is_told_through_the_mapping_too))
