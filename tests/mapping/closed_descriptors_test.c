// SPDX-License-Identifier: MIT
// Goal: a program that closes all descriptors it does not know, and opens files of its own under
// their numbers, keeps its heap, and its files stay as they are.
// Method: roles that do so with heaps of each kind; the numbers are filled with the test's file.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shoal/inspect.h>

#include "tests/harness/harness.h"
#include "tests/harness/process.h"
#include "tests/mapping/folder.h"

enum { CAPACITY = 32 << 20, KINDS = 3, FOREIGN_MAX = 32, FOREIGN_BYTES = 3 << 20, THREADS = 4 };

static const shoal_kind kinds[KINDS] = {SHOAL_KIND_NAMED, SHOAL_KIND_FILE, SHOAL_KIND_MEMFD};
static char path[FOLDER_PATH_BYTES];
static char foreign[FOLDER_PATH_BYTES];
static char name[TEST_NAME_BYTES];
static shoal_heap *heap;

static void begin(void) {
  folder_make();
  (void)folder_path(path, "heap");
  (void)folder_path(foreign, "foreign");
  (void)test_unique_name(name);
}

static void end(void) {
  folder_remove();
}

static void play_role(const char *role) {
  struct test_child child = {.runs = false};
  ASSERT(test_spawn(&child, role, (const char *const[]){path, name, foreign, NULL}));
  test_child_finish(&child);
}

static void take_names(char **argv) {
  (void)strncpy(path, argv[0], sizeof path - 1);
  (void)strncpy(name, argv[1], sizeof name - 1);
  (void)strncpy(foreign, argv[2], sizeof foreign - 1);
}

static void open_kind(shoal_kind kind) {
  shoal_options options = {.size = sizeof options,
                           .kind = kind,
                           .flags = SHOAL_CREATE,
                           .capacity = CAPACITY,
                           .max_processes = 4,
                           .max_threads = 16};
  const char *called = kind == SHOAL_KIND_FILE ? path : name;
  ASSERT_OK(shoal_open(kind == SHOAL_KIND_MEMFD ? NULL : called, &options, &heap));
}

// Fills every number that close_range has freed with the foreign file. returns: the last one.
static int take_numbers(int up_to) {
  int fd = open(foreign, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  EXPECT_EQ(0, ftruncate(fd, FOREIGN_BYTES));
  while (fd < up_to) fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  return fd;
}

// All of them are still the foreign file, of its size, with nothing in it.
static void expect_foreign_untouched(int last) {
  struct stat status, first;
  ASSERT_EQ(0, stat(foreign, &first));
  EXPECT_EQ(FOREIGN_BYTES, first.st_size);
  EXPECT_EQ(0, first.st_blocks);
  for (int fd = 3; fd <= last; fd++) {
    if (fstat(fd, &status) != 0) FAIL("descriptor %d was closed", fd);
    EXPECT_EQ(first.st_ino, status.st_ino);
  }
}

static void use_heap(void) {
  static const size_t sizes[] = {64, 5000, 300000, 3 << 20};
  shoal_off blocks[4];
  for (unsigned i = 0; i < 4; i++) {
    blocks[i] = shoal_alloc(heap, sizes[i], 0);
    EXPECT_NE(0, blocks[i]);
    if (blocks[i] != 0) memset(shoal_ptr(heap, blocks[i]), 1, sizes[i]);
  }
  EXPECT_OK(shoal_flush(heap));
  for (unsigned i = 0; i < 4; i++) EXPECT_OK(shoal_free_offset(heap, blocks[i]));
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  EXPECT_OK(shoal_check(heap, NULL, NULL));
}

static void reuse_numbers(int argc, char **argv) {
  ASSERT_EQ(3, argc);
  take_names(argv);
  for (unsigned i = 0; i < KINDS; i++) {
    open_kind(kinds[i]);
    use_heap();
    ASSERT_EQ(0, close_range(3, ~0U, 0));
    int last = take_numbers(FOREIGN_MAX);
    use_heap();
    expect_foreign_untouched(last);
    EXPECT_OK(shoal_close(heap));
    expect_foreign_untouched(last);
    ASSERT_EQ(0, close_range(3, ~0U, 0));
    ASSERT_EQ(0, unlink(foreign));
  }
  EXPECT_OK(shoal_unlink(path));
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, shoal_unlink(name));
}

static void numbers_that_stand_for_other_files_are_not_used(void) {
  play_role("reuse_numbers");
}

// Closed right away, without a call between that might have noticed.
static void close_at_once(int argc, char **argv) {
  ASSERT_EQ(3, argc);
  take_names(argv);
  for (unsigned i = 0; i < KINDS; i++) {
    open_kind(kinds[i]);
    ASSERT_EQ(0, close_range(3, ~0U, 0));
    int last = take_numbers(FOREIGN_MAX);
    EXPECT_OK(shoal_close(heap));
    expect_foreign_untouched(last);
    ASSERT_EQ(0, close_range(3, ~0U, 0));
    ASSERT_EQ(0, unlink(foreign));
  }
  EXPECT_OK(shoal_unlink(path));
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, shoal_unlink(name));
}

static void closing_spares_other_files(void) {
  play_role("close_at_once");
}

static void *grow_and_trim(void *bytes) {
  for (unsigned i = 0; i < 20; i++) {
    shoal_off off = shoal_alloc(heap, *(const size_t *)bytes, 0);
    EXPECT_NE(0, off);
    EXPECT_OK(shoal_free_offset(heap, off));
    EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_CHUNKS));
  }
  return NULL;
}

static void grow_and_trim_together(void) {
  static size_t sizes[THREADS] = {64, 5000, 300000, 3 << 20};
  pthread_t threads[THREADS];
  for (unsigned t = 0; t < THREADS; t++) {
    ASSERT_EQ(0, pthread_create(&threads[t], NULL, grow_and_trim, &sizes[t]));
  }
  for (unsigned t = 0; t < THREADS; t++) ASSERT_EQ(0, pthread_join(threads[t], NULL));
}

static void look_up_together(int argc, char **argv) {
  ASSERT_EQ(3, argc);
  take_names(argv);
  for (unsigned i = 0; i < KINDS; i++) {
    open_kind(kinds[i]);
    int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(0, close_range(3, ~0U, 0));
    grow_and_trim_together();
    int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
    EXPECT_LE(after, before);
    EXPECT_OK(shoal_check(heap, NULL, NULL));
    EXPECT_OK(shoal_close(heap));
    ASSERT_EQ(0, close_range(3, ~0U, 0));
  }
  EXPECT_OK(shoal_unlink(path));
}

// Each of them finds the descriptor gone and looks it up; one descriptor is kept.
static void threads_that_miss_it_together_keep_one(void) {
  play_role("look_up_together");
}

// The name has come to stand for another region: that one is not grown.
static void lose_the_name_too(int argc, char **argv) {
  ASSERT_EQ(3, argc);
  take_names(argv);
  open_kind(SHOAL_KIND_NAMED);
  shoal_heap *first = heap;
  ASSERT_EQ(0, close_range(3, ~0U, 0));
  ASSERT_OK(shoal_unlink(name));
  open_kind(SHOAL_KIND_NAMED);
  shoal_heap *second = heap;
  shoal_heap_stats before = {.size = sizeof before}, after = {.size = sizeof after};
  int fd = -1;
  struct stat small, large;
  ASSERT_OK(shoal_fd(second, &fd));
  ASSERT_EQ(0, fstat(fd, &small));
  EXPECT_OK(shoal_stats(second, &before));
  heap = first;
  use_heap();
  shoal_off off = shoal_alloc(first, 3 << 20, SHOAL_ZERO);
  EXPECT_NE(0, off);
  ASSERT_EQ(0, fstat(fd, &large));
  EXPECT_OK(shoal_stats(second, &after));
  EXPECT_EQ(small.st_blocks, large.st_blocks);
  EXPECT_EQ(before.committed, after.committed);
  EXPECT_EQ(0, close(fd));
  EXPECT_OK(shoal_close(first));
  EXPECT_OK(shoal_close(second));
}

static void another_region_of_the_name_is_not_grown(void) {
  play_role("lose_the_name_too");
}

SUITE(closed_descriptors, SET_UP(begin), TEAR_DOWN(end), ROLE(reuse_numbers), ROLE(close_at_once),
      ROLE(look_up_together), ROLE(lose_the_name_too),
      TEST(numbers_that_stand_for_other_files_are_not_used), TEST(closing_spares_other_files),
      TEST(threads_that_miss_it_together_keep_one), TEST(another_region_of_the_name_is_not_grown))
