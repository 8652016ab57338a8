// SPDX-License-Identifier: MIT
// Goal: machine, boot and process are told apart, and never mistaken because a file could not be
// read.
// Method: the files of /etc and /proc, read here too; a table of system calls that puts others in
// their place.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "mapping/linux/syscall.h"
#include "mapping/name.h"
#include "mapping/object.h"
#include "tests/harness/harness.h"
#include "tests/mapping/fault.h"
#include "tests/mapping/folder.h"

static const char machine_path[] = "/etc/machine-id";
static const char boot_path[] = "/proc/sys/kernel/random/boot_id";
static struct shl_syscalls table;
static const char *replaced;  // opened as `replacement` instead
static char replacement[FOLDER_PATH_BYTES];

static int open_replaced(const char *path, int flags, unsigned mode) {
  bool other = replaced != NULL && strcmp(path, replaced) == 0;
  return fault_table.open(other ? replacement : path, flags, mode);
}

static void begin(void) {
  folder_make();
  fault_install();
  table = fault_table;
  table.open = open_replaced;
  shl_sys = &table;
  replaced = NULL;
  (void)folder_path(replacement, "replacement");
}

static void end(void) {
  EXPECT_EQ(0, fault_held_descriptors());
  fault_remove();
  folder_remove();
}

static struct shl_identity read_identity(void) {
  struct shl_identity identity = {.host = 0};
  EXPECT_OK(shl_identity_read(&identity));
  return identity;
}

static void an_identity_is_the_same_each_time(void) {
  struct shl_identity first = read_identity(), second = read_identity();
  EXPECT_EQ(first.host, second.host);
  EXPECT_EQ(first.boot[0], second.boot[0]);
  EXPECT_EQ(first.boot[1], second.boot[1]);
  EXPECT_NE(0, first.host);
  EXPECT_NE(0, first.boot[0]);
}

static void a_boot_is_its_ids_128_bits(void) {
  char text[64] = "", again[64];
  FILE *file = fopen(boot_path, "re");
  ASSERT(file != NULL && fgets(text, sizeof text, file) != NULL);
  EXPECT_EQ(0, fclose(file));
  struct shl_identity identity = read_identity();
  uint64_t high = identity.boot[0], low = identity.boot[1];
  (void)snprintf(again, sizeof again, "%08x-%04x-%04x-%04x-%012llx\n", (unsigned)(high >> 32),
                 (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xffff), (unsigned)(low >> 48),
                 (unsigned long long)(low & 0xffffffffffff));
  EXPECT_TEXT(text, again);
}

static void a_machine_is_its_id_up_to_the_line_end(void) {
  replaced = machine_path;
  ASSERT(folder_write(replacement, "foobar\n", 7));
  EXPECT_EQ(shl_name_hash("foobar", 6), read_identity().host);
  ASSERT(folder_write(replacement, "foobar", 6));
  EXPECT_EQ(shl_name_hash("foobar", 6), read_identity().host);
}

static void a_machine_without_an_id_is_known_by_its_name(void) {
  struct utsname names;
  ASSERT_EQ(0, uname(&names));
  uint64_t expected = shl_name_hash(names.nodename, strlen(names.nodename));
  replaced = machine_path;
  EXPECT_EQ(expected, read_identity().host);
  ASSERT(folder_write(replacement, "", 0));
  EXPECT_EQ(expected, read_identity().host);
}

static void a_boot_that_is_not_told_is_zero(void) {
  replaced = boot_path;
  EXPECT_EQ(0, read_identity().boot[0]);
  EXPECT_EQ(0, read_identity().boot[1]);
  ASSERT(folder_write(replacement, "not a number", 12));
  EXPECT_EQ(0, read_identity().boot[0] >> 32);
}

// With the last descriptor in use, or on a failing disk, there is an error and no wrong identity.
static void what_cannot_be_read_now_is_an_error(void) {
  static const enum fault_call calls[] = {FAULT_OPEN, FAULT_OPEN, FAULT_PREAD};
  static const int codes[] = {EMFILE, EACCES, EIO};
  static const shoal_status expected[] = {SHOAL_E_LIMIT, SHOAL_E_PERMISSION, SHOAL_E_SYSTEM};
  for (unsigned i = 0; i < 3; i++) {
    uint64_t n = 1;
    for (;; n++) {
      struct shl_identity identity;
      fault_arm(&(struct fault_plan){.call = calls[i], .at = n, .code = codes[i]});
      shoal_status status = shl_identity_read(&identity);
      if (fault_strikes() == 0) break;
      EXPECT_STATUS(expected[i], status);
    }
    EXPECT_LE(3, n);
  }
}

static void a_machine_without_id_and_name_is_an_error(void) {
  struct shl_identity identity;
  replaced = machine_path;
  fault_arm(&(struct fault_plan){.call = FAULT_UNAME, .at = 1});
  EXPECT_STATUS(SHOAL_E_SYSTEM, shl_identity_read(&identity));
  EXPECT_EQ(1, fault_strikes());
}

static void a_process_is_its_id_and_start(void) {
  EXPECT_EQ(getpid(), shl_identity_process());
  EXPECT_NE(0, shl_identity_process_start());
  EXPECT_EQ(shl_identity_process_start(), shl_identity_process_start());
}

SUITE(identity, SET_UP(begin), TEAR_DOWN(end), TEST(an_identity_is_the_same_each_time),
      TEST(a_boot_is_its_ids_128_bits), TEST(a_machine_is_its_id_up_to_the_line_end),
      TEST(a_machine_without_an_id_is_known_by_its_name), TEST(a_boot_that_is_not_told_is_zero),
      TEST(what_cannot_be_read_now_is_an_error),
      TEST(a_machine_without_id_and_name_is_an_error), TEST(a_process_is_its_id_and_start))
