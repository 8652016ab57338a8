// SPDX-License-Identifier: MIT
// Goal: a control group's limit kills inside fallocate or a touch, where no call could say so: the
// others go on, and what the dead had begun is finished or undone.
// Method: a role is put into a group of 32 MiB and allocates until it is killed; this process has
// the heap open and is not in the group. Skipped where this user may not make groups.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shoal/inspect.h>

#include "mapping/superblock.h"
#include "tests/harness/harness.h"
#include "tests/harness/process.h"

enum { PATH_BYTES = 256, GROUP_BYTES = 32 << 20, CAPACITY = 256 << 20 };

static char name[TEST_NAME_BYTES];
static char group[PATH_BYTES];
static shoal_heap *heap;

static bool write_text(const char *folder, const char *file, const char *text) {
  char path[PATH_BYTES + 64];
  (void)snprintf(path, sizeof path, "%s/%s", folder, file);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  bool written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
  return close(fd) == 0 && written;
}

// Either kind of hierarchy.
static bool make_group(void) {
  static const char *const roots[] = {"/sys/fs/cgroup/memory", "/sys/fs/cgroup"};
  static const char *const limits[] = {"memory.limit_in_bytes", "memory.max"};
  char bytes[32];
  (void)snprintf(bytes, sizeof bytes, "%d", GROUP_BYTES);
  for (unsigned i = 0; i < 2; i++) {
    (void)snprintf(group, sizeof group, "%s/%s", roots[i], name);
    if (mkdir(group, 0700) != 0) continue;
    if (write_text(group, limits[i], bytes)) return true;
    (void)rmdir(group);
  }
  return false;
}

static shoal_status open_heap(void) {
  shoal_options options = {.size = sizeof options,
                           .flags = SHOAL_CREATE,
                           .capacity = CAPACITY,
                           .max_processes = 4,
                           .max_threads = 8};
  return shoal_open(name, &options, &heap);
}

static bool open_in_group(void) {
  (void)test_unique_name(name);
  return make_group();
}

// A role: joins the group, then allocates blocks of the size given until it is killed. Only the
// metadata and the small blocks are touched.
static void allocate_until_killed(int argc, char **argv) {
  ASSERT_EQ(3, argc);
  (void)snprintf(name, sizeof name, "%s", argv[0]);
  ASSERT(write_text(argv[1], "cgroup.procs", "0"));
  ASSERT_OK(open_heap());
  size_t bytes = strtoul(argv[2], NULL, 10);
  test_say("go");
  while (true) {
    shoal_off off = shoal_alloc(heap, bytes, 0);
    if (off == 0) exit(4);
  }
}

static void expect_usable(void) {
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  shoal_off off = shoal_alloc(heap, 1000, SHOAL_ZERO);
  EXPECT_NE(0, off);
  EXPECT_OK(shoal_free_offset(heap, off));
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  EXPECT_OK(shoal_check(heap, NULL, NULL));
}

static void others_go_on_after_a_kill_for_want_of_memory(void) {
  static const char *const sizes[] = {"64", "20000", "300000", "3000000"};
  for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    struct test_child child = {.runs = false};
    if (!open_in_group()) SKIP("cannot make a memory control group: %s", strerror(errno));
    ASSERT_OK(open_heap());
    ASSERT(test_spawn(&child, "allocate_until_killed",
                      (const char *const[]){name, group, sizes[i], NULL}));
    EXPECT(test_child_expect(&child, "go"));
    EXPECT_EQ(-SIGKILL, test_child_wait(&child));
    expect_usable();
    EXPECT_OK(shoal_close(heap));
    EXPECT_EQ(0, rmdir(group));
  }
}

// A role: joins the group, in which there is no room for what it makes.
static void create_until_killed(int argc, char **argv) {
  ASSERT_EQ(2, argc);
  (void)snprintf(name, sizeof name, "%s", argv[0]);
  ASSERT(write_text(argv[1], "cgroup.procs", "0"));
  static char *volatile eaten;
  eaten = malloc(GROUP_BYTES);
  test_say("go");
  for (size_t left = 256; left > 0; left--) {
    memset(eaten, 1, GROUP_BYTES - left * SHL_PAGE_BYTES * 8);
    EXPECT_OK(open_heap());
    EXPECT_OK(shoal_close(heap));
  }
}

static void a_creator_killed_for_want_of_memory_leaves_nothing_in_the_way(void) {
  struct test_child child = {.runs = false};
  if (!open_in_group()) SKIP("cannot make a memory control group: %s", strerror(errno));
  ASSERT(test_spawn(&child, "create_until_killed", (const char *const[]){name, group, NULL}));
  EXPECT(test_child_expect(&child, "go"));
  EXPECT_EQ(-SIGKILL, test_child_wait(&child));
  ASSERT_OK(open_heap());
  expect_usable();
  EXPECT_OK(shoal_close(heap));
  EXPECT_EQ(0, rmdir(group));
}

SUITE(oom, ROLE(allocate_until_killed), ROLE(create_until_killed),
      TEST(others_go_on_after_a_kill_for_want_of_memory),
      TEST(a_creator_killed_for_want_of_memory_leaves_nothing_in_the_way))
