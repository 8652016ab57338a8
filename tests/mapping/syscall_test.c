// SPDX-License-Identifier: MIT
// Goal: calls that a signal interrupted are made again until none does, and errno says what failed.
// Method: the fault table interrupts the first call of each kind, or fails it otherwise.
#define _GNU_SOURCE
#include "mapping/linux/syscall.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/harness/harness.h"
#include "tests/mapping/fault.h"
#include "tests/mapping/folder.h"

static char path[FOLDER_PATH_BYTES];
static int fd;
static char page[4096] __attribute__((aligned(4096)));

static void begin(void) {
  folder_make();
  ASSERT(folder_write(folder_path(path, "file"), "content", 7));
  fd = open(path, O_RDWR | O_CLOEXEC);
  fault_install();
}

static void end(void) {
  fault_remove();
  EXPECT_EQ(0, close(fd));
  folder_remove();
}

static int64_t do_open(void) {
  int opened = shl_sys_open(path, O_RDONLY | O_CLOEXEC, 0);
  shl_sys_close(opened);
  return opened < 0 ? -1 : 0;
}

static int64_t do_ftruncate(void) {
  return shl_sys_ftruncate(fd, 7);
}

static int64_t do_fallocate(void) {
  return shl_sys_fallocate(fd, 0, 0, 7);
}

static int64_t do_pread(void) {
  return shl_sys_pread(fd, page, 7, 0) == 7 ? 0 : -1;
}

static int64_t do_set_lock(void) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  return shl_sys_set_lock(fd, &lock);
}

static int64_t do_get_lock(void) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  return shl_sys_get_lock(fd, &lock);
}

static int64_t do_fdatasync(void) {
  return shl_sys_fdatasync(fd);
}

static int64_t do_msync(void) {
  return shl_sys_msync(page, sizeof page, MS_ASYNC);
}

static int64_t do_madvise(void) {
  return shl_sys_madvise(page, sizeof page, MADV_NORMAL);
}

static const struct {
  enum fault_call call;
  int64_t (*run)(void);
} calls[] = {{FAULT_OPEN, do_open},           {FAULT_FTRUNCATE, do_ftruncate},
             {FAULT_FALLOCATE, do_fallocate}, {FAULT_PREAD, do_pread},
             {FAULT_SET_LOCK, do_set_lock},   {FAULT_GET_LOCK, do_get_lock},
             {FAULT_FDATASYNC, do_fdatasync}, {FAULT_MSYNC, do_msync},
             {FAULT_MADVISE, do_madvise}};
enum { CALLS = sizeof calls / sizeof calls[0], INTERRUPTIONS = 3 };

static uint64_t left;

static void interrupted_calls_are_made_again(void) {
  for (unsigned i = 0; i < CALLS; i++) {
    fault_arm(&(struct fault_plan){.call = calls[i].call, .at = 1, .code = EINTR});
    EXPECT_EQ(0, calls[i].run());
    EXPECT_EQ(1, fault_strikes());
    if (fault_calls_of(calls[i].call) != 2) FAIL("%s: not again", fault_name(calls[i].call));
  }
}

static void other_failures_are_told_at_once(void) {
  for (unsigned i = 0; i < CALLS; i++) {
    fault_arm(&(struct fault_plan){.call = calls[i].call, .at = 1, .sticky = true, .code = EIO});
    errno = 0;
    EXPECT_EQ(-1, calls[i].run());
    EXPECT_EQ(EIO, errno);
    EXPECT_EQ(1, fault_calls_of(calls[i].call));
  }
}

static int interrupt_some(int descriptor, int64_t bytes) {
  if (left == 0) return shl_system_calls.ftruncate(descriptor, bytes);
  left--;
  errno = EINTR;
  return -1;
}

static void they_are_made_as_often_as_it_takes(void) {
  struct shl_syscalls table = shl_system_calls;
  table.ftruncate = interrupt_some;
  shl_sys = &table;
  left = INTERRUPTIONS;
  EXPECT_EQ(0, shl_sys_ftruncate(fd, 3));
  EXPECT_EQ(0, left);
  EXPECT_EQ(3, folder_size(path));
  shl_sys = &fault_table;
}

// Linux has closed the descriptor by then: closing again would close another thread's.
static void an_interrupted_close_is_not_made_again(void) {
  int second = dup(fd);
  fault_arm(&(struct fault_plan){.call = FAULT_CLOSE, .at = 1, .code = EINTR});
  errno = ENOENT;
  shl_sys_close(second);
  EXPECT_EQ(ENOENT, errno);
  EXPECT_EQ(1, fault_calls_of(FAULT_CLOSE));
  shl_sys_close(-1);
  EXPECT_EQ(1, fault_calls_of(FAULT_CLOSE));
}

static void texts_are_read_as_far_as_they_fit(void) {
  char text[5];
  EXPECT_EQ(0, shl_sys_read_text(path, text, sizeof text));
  EXPECT_TEXT("cont", text);
  char longer[64];
  EXPECT_EQ(0, shl_sys_read_text(path, longer, sizeof longer));
  EXPECT_TEXT("content", longer);
  ASSERT(folder_write(path, "", 0));
  EXPECT_EQ(0, shl_sys_read_text(path, longer, sizeof longer));
  EXPECT_TEXT("", longer);
}

static void texts_that_come_short_are_read_on(void) {
  char text[64];
  fault_arm(&(struct fault_plan){
      .call = FAULT_PREAD, .at = 1, .sticky = true, .code = FAULT_SHORT});
  EXPECT_EQ(0, shl_sys_read_text(path, text, sizeof text));
  EXPECT_TEXT("content", text);
  char fits[8];
  EXPECT_EQ(0, shl_sys_read_text(path, fits, sizeof fits));
  EXPECT_TEXT("content", fits);
  EXPECT_LT(3, fault_strikes());
}

static void texts_that_cannot_be_read_are_empty(void) {
  char text[64] = "before";
  char none[FOLDER_PATH_BYTES];
  EXPECT_EQ(-1, shl_sys_read_text(folder_path(none, "none"), text, sizeof text));
  EXPECT_EQ(ENOENT, errno);
  EXPECT_TEXT("", text);
  for (uint64_t n = 1; n <= 2; n++) {
    fault_arm(&(struct fault_plan){.call = FAULT_PREAD, .at = n, .code = EIO});
    EXPECT_EQ(-1, shl_sys_read_text(path, text, sizeof text));
    EXPECT_EQ(EIO, errno);
    EXPECT_TEXT("", text);
    EXPECT_EQ(0, fault_held_descriptors());
  }
}

SUITE(syscall, SET_UP(begin), TEAR_DOWN(end), TEST(interrupted_calls_are_made_again),
      TEST(other_failures_are_told_at_once), TEST(they_are_made_as_often_as_it_takes),
      TEST(an_interrupted_close_is_not_made_again), TEST(texts_are_read_as_far_as_they_fit),
      TEST(texts_that_come_short_are_read_on), TEST(texts_that_cannot_be_read_are_empty))
