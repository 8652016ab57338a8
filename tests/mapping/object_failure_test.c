// SPDX-License-Identifier: MIT
// Goal: what an object's calls begin and cannot end is undone.
// Method: the fault table.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "mapping/linux/object_part.h"
#include "mapping/linux/syscall.h"
#include "mapping/region.h"
#include "tests/harness/harness.h"
#include "tests/mapping/fault.h"
#include "tests/mapping/folder.h"
#include "tests/mapping/plain.h"

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
  EXPECT_EQ(0, fault_held_bytes());
  fault_remove();
  folder_remove();
}

static void arm(enum fault_call call, uint64_t at, int code) {
  fault_arm(&(struct fault_plan){.call = call, .at = at, .code = code});
}

static void an_object_that_cannot_be_judged_is_not_left(void) {
  arm(FAULT_FSTAT, 1, EIO);
  EXPECT_STATUS(SHOAL_E_SYSTEM, shl_object_open(&spec, &object));
  EXPECT_EQ(1, fault_strikes());
  EXPECT_EQ(-1, folder_size(path));
}

// What was there before stays, whatever fails.
static void an_old_object_that_cannot_be_judged_stays(void) {
  ASSERT(folder_write(path, "", 0));
  arm(FAULT_FSTAT, 1, EIO);
  EXPECT_STATUS(SHOAL_E_SYSTEM, shl_object_open(&spec, &object));
  EXPECT_EQ(0, folder_size(path));
}

// The gate needs a description of its own: with the last descriptor the open must not leave a name.
static void a_gate_that_cannot_be_had_leaves_no_new_name(void) {
  static const struct {
    enum fault_call call;
    uint64_t at;
    int code;
    shoal_status expected;
  } rows[] = {{FAULT_OPEN, 3, EMFILE, SHOAL_E_LIMIT},
              {FAULT_OPEN, 3, ENFILE, SHOAL_E_LIMIT},
              {FAULT_SET_LOCK, 1, ENOLCK, SHOAL_E_LIMIT}};
  struct shl_region *region = NULL;
  for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    arm(rows[i].call, rows[i].at, rows[i].code);
    EXPECT_STATUS(rows[i].expected, plain_open_name(path, SHOAL_CREATE, &region));
    EXPECT_EQ(1, fault_strikes());
    EXPECT_EQ(-1, folder_size(path));
  }
}

// Another opener may have got the gate of a new object first: then it is theirs.
static void a_new_name_that_others_have_taken_up_stays(void) {
  struct shl_object *first = NULL, *second = NULL;
  ASSERT_OK(shl_object_open(&spec, &first));
  ASSERT_OK(shl_object_open(&spec, &second));
  ASSERT_OK(shl_object_enter_gate(second, false, 0));
  shl_object_abandon(first);
  EXPECT_EQ(0, folder_size(path));
  ASSERT_OK(shl_object_clear(second, SHL_PAGE_BYTES, 0600));
  shl_object_leave_gate(second);
  shl_object_abandon(first);
  EXPECT_EQ(SHL_PAGE_BYTES, folder_size(path));
  shl_object_close(first);
  shl_object_close(second);
}

static void an_abandoned_object_is_removed_by_its_maker_alone(void) {
  struct shl_object *first = NULL, *second = NULL;
  ASSERT_OK(shl_object_open(&spec, &first));
  ASSERT_OK(shl_object_open(&spec, &second));
  shl_object_abandon(second);
  EXPECT_EQ(0, folder_size(path));
  shl_object_abandon(first);
  EXPECT_EQ(-1, folder_size(path));
  shl_object_close(first);
  shl_object_close(second);
}

static void a_mode_that_cannot_be_set_is_an_error_and_leaves_nothing(void) {
  struct shl_region *region = NULL;
  arm(FAULT_FCHMOD, 1, EPERM);
  EXPECT_STATUS(SHOAL_E_PERMISSION, plain_open_name(path, SHOAL_CREATE, &region));
  EXPECT_EQ(-1, folder_size(path));
}

static void a_size_that_cannot_be_set_is_an_error_and_leaves_nothing(void) {
  struct shl_region *region = NULL;
  for (uint64_t n = 1; n <= 2; n++) {
    arm(FAULT_FTRUNCATE, n, EFBIG);
    EXPECT_STATUS(SHOAL_E_NO_SPACE, plain_open_name(path, SHOAL_CREATE, &region));
    EXPECT_EQ(1, fault_strikes());
    EXPECT_EQ(-1, folder_size(path));
  }
}

static int limit_of_one_page(int resource, struct rlimit *out) {
  *out = (struct rlimit){.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
  if (resource == RLIMIT_FSIZE) out->rlim_cur = SHL_PAGE_BYTES;
  return 0;
}

// A ftruncate beyond the limit would raise SIGXFSZ, for memfds too.
static void a_size_beyond_the_limit_is_never_asked_for(void) {
  static const shoal_kind kinds[] = {SHOAL_KIND_FILE, SHOAL_KIND_NAMED, SHOAL_KIND_MEMFD};
  struct shl_syscalls limited = fault_table;
  char name[TEST_NAME_BYTES];
  limited.getrlimit = limit_of_one_page;
  for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    struct shl_region *region = NULL;
    shoal_options options = plain_options(SHOAL_CREATE);
    options.kind = kinds[i];
    const char *names[] = {path, test_unique_name(name), NULL};
    shl_sys = &limited;
    fault_disarm();
    uint64_t before = fault_calls_of(FAULT_FTRUNCATE);
    EXPECT_STATUS(SHOAL_E_NO_SPACE, plain_open(names[i], -1, &options, &region));
    EXPECT_EQ(EFBIG, shoal_os_code());
    EXPECT_EQ(before, fault_calls_of(FAULT_FTRUNCATE));
    EXPECT_EQ(-1, folder_size(path));
    shl_sys = &fault_table;
  }
}

static void a_stale_region_that_cannot_be_removed_is_an_error(void) {
  char stale[TEST_NAME_BYTES], object_path[TEST_NAME_BYTES + 32] = "/dev/shm/shoal.";
  struct shl_region *region = NULL;
  (void)test_unique_name(stale);
  ASSERT_OK(plain_open_name(stale, SHOAL_CREATE, &region));
  ASSERT(folder_copy(strcat(object_path, stale), path));
  EXPECT_OK(plain_close(region));
  ASSERT(folder_copy(path, object_path));
  fault_arm(&(struct fault_plan){.call = FAULT_UNLINK, .at = 1, .sticky = true, .code = EACCES});
  EXPECT_STATUS(SHOAL_E_PERMISSION, plain_open_name(stale, SHOAL_CREATE, &region));
  EXPECT_STATUS(SHOAL_E_PERMISSION, plain_open_name(stale, 0, &region));
  fault_disarm();
  EXPECT_OK(shl_region_unlink(stale));
}

static void a_read_that_comes_short_goes_on(void) {
  char written[4000], content[4000];
  for (size_t i = 0; i < sizeof written; i++) written[i] = (char)(i % 127 + 1);
  ASSERT(folder_write(path, written, sizeof written));
  EXPECT_OK(shl_object_open(&spec, &object));
  fault_arm(&(struct fault_plan){
      .call = FAULT_PREAD, .at = 1, .sticky = true, .code = FAULT_SHORT});
  EXPECT_OK(shl_object_read(object, content, sizeof content));
  EXPECT_EQ(0, memcmp(written, content, sizeof content));
  EXPECT_LT(10, fault_strikes());
  fault_disarm();
  shl_object_close(object);
}

// A path that is no more than the beginning of one names nothing.
static void a_name_that_comes_short_is_none(void) {
  ASSERT(folder_write(path, "content", 7));
  int fd = open(path, O_RDWR | O_CLOEXEC);
  struct shl_object_spec by_descriptor = {.kind = SHOAL_KIND_DEFAULT, .fd = fd, .mode = 0666};
  fault_arm(&(struct fault_plan){.call = FAULT_READLINK, .at = 1, .code = FAULT_SHORT});
  EXPECT_OK(shl_object_open(&by_descriptor, &object));
  EXPECT_EQ(1, fault_strikes());
  EXPECT_OK(shl_object_check_name(object));
  EXPECT_OK(shl_object_unlink(object));
  EXPECT_EQ(7, folder_size(path));
  shl_object_close(object);
  EXPECT_EQ(0, close(fd));
}

SUITE(object_failure, SET_UP(begin), TEAR_DOWN(end),
      TEST(an_object_that_cannot_be_judged_is_not_left),
      TEST(an_old_object_that_cannot_be_judged_stays),
      TEST(a_gate_that_cannot_be_had_leaves_no_new_name),
      TEST(a_new_name_that_others_have_taken_up_stays),
      TEST(an_abandoned_object_is_removed_by_its_maker_alone),
      TEST(a_mode_that_cannot_be_set_is_an_error_and_leaves_nothing),
      TEST(a_size_that_cannot_be_set_is_an_error_and_leaves_nothing),
      TEST(a_size_beyond_the_limit_is_never_asked_for),
      TEST(a_stale_region_that_cannot_be_removed_is_an_error),
      TEST(a_read_that_comes_short_goes_on), TEST(a_name_that_comes_short_is_none))
