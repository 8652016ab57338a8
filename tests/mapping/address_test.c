// SPDX-License-Identifier: MIT
// Goal: a region lies where it was asked for or where its name puts it, never over what is there
// already, and an error says by whom the place is taken.
// Method: plain regions; windows are occupied by mapping a file of this test there.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mapping/base.h"
#include "mapping/name.h"
#include "mapping/object.h"
#include "tests/harness/harness.h"
#include "tests/mapping/folder.h"
#include "tests/mapping/plain.h"

enum { SQUAT_BYTES = 4096, SQUATS_MAX = 4 };

static char name[TEST_NAME_BYTES];
static char path[FOLDER_PATH_BYTES];
static struct shl_region *region;
static void *squats[SQUATS_MAX];
static unsigned squat_count;

static void begin(void) {
  plain_reset();
  folder_make();
  (void)unsetenv("SHOAL_BASE");
  (void)test_unique_name(name);
  (void)folder_path(path, "heap");
  region = NULL;
  squat_count = 0;
}

static void end(void) {
  for (unsigned i = 0; i < squat_count; i++) {
    EXPECT_EQ('s', *(const char *)squats[i]);
    (void)munmap(squats[i], SQUAT_BYTES);
  }
  (void)unsetenv("SHOAL_BASE");
  folder_remove();
}

static void leave_squat(void) {
  squat_count--;
  EXPECT_EQ('s', *(const char *)squats[squat_count]);
  (void)munmap(squats[squat_count], SQUAT_BYTES);
}

// Maps a file called "squatter" at an address, or private memory.
static void squat(uint64_t address, bool is_file) {
  static char content[SQUAT_BYTES] = "s";
  char file[FOLDER_PATH_BYTES];
  ASSERT(folder_write(folder_path(file, "squatter"), content, sizeof content));
  int fd = is_file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
  int flags = MAP_PRIVATE | MAP_FIXED_NOREPLACE | (is_file ? 0 : MAP_ANONYMOUS);
  void *wanted = (void *)(uintptr_t)address;
  void *got = mmap(wanted, SQUAT_BYTES, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (fd >= 0) (void)close(fd);
  ASSERT_EQ(wanted, got);
  *(char *)got = 's';
  squats[squat_count++] = got;
}

static struct shl_base_windows windows_of(const char *text) {
  uint64_t low, high;
  shl_view_range(&low, &high);
  return shl_base_windows_of(low, high, PLAIN_CAPACITY, shl_name_hash(text, strlen(text)));
}

static void expect_base(uint64_t expected) {
  EXPECT_EQ(expected, (uintptr_t)region->base);
  EXPECT_EQ(expected, region->superblock->base);
  EXPECT(!region->relocated);
}

static void a_name_picks_the_window(void) {
  struct shl_base_windows windows = windows_of(name);
  ASSERT_OK(plain_open_name(name, SHOAL_CREATE, &region));
  expect_base(shl_base_window(&windows, 0));
  EXPECT_OK(plain_close(region));
}

// Any overlap counts: the region's start, its middle, and the guard behind it.
static void an_occupied_window_is_passed_over(void) {
  static const uint64_t places[] = {0, PLAIN_CAPACITY / 2, PLAIN_CAPACITY,
                                    PLAIN_CAPACITY + SHL_GUARD_BYTES - SQUAT_BYTES};
  struct shl_base_windows windows = windows_of(name);
  for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
    squat(shl_base_window(&windows, 0) + places[i], true);
    ASSERT_OK(plain_open_name(name, SHOAL_CREATE, &region));
    expect_base(shl_base_window(&windows, 1));
    EXPECT_OK(plain_close(region));
    leave_squat();
  }
  squat(shl_base_window(&windows, 0) + PLAIN_CAPACITY + SHL_GUARD_BYTES, true);
  ASSERT_OK(plain_open_name(name, SHOAL_CREATE, &region));
  expect_base(shl_base_window(&windows, 0));
  EXPECT_OK(plain_close(region));
}

static void the_search_goes_on_at_the_first_window(void) {
  struct shl_base_windows windows = windows_of(path);
  for (unsigned i = 0; windows.start != windows.count - 1; i++) {
    (void)folder_path(path, "");
    (void)snprintf(path + strlen(path), 32, "heap%u", i);
    windows = windows_of(path);
  }
  squat(shl_base_window(&windows, 0), true);
  ASSERT_OK(plain_open_name(path, SHOAL_CREATE, &region));
  expect_base(windows.first);
  EXPECT_OK(plain_close(region));
}

static void a_base_that_is_asked_for_is_taken(void) {
  struct shl_base_windows windows = windows_of(name);
  uint64_t base = shl_base_window(&windows, 2) + SHL_CHUNK_BYTES;
  shoal_options options = plain_options(SHOAL_CREATE);
  options.base = base;
  ASSERT_OK(plain_open(name, -1, &options, &region));
  expect_base(base);
  EXPECT_OK(plain_close(region));
  char text[32];
  (void)snprintf(text, sizeof text, "0x%llx", (unsigned long long)base);
  (void)setenv("SHOAL_BASE", text, 1);
  ASSERT_OK(plain_open_name(name, SHOAL_CREATE, &region));
  expect_base(base);
  EXPECT_OK(plain_close(region));
}

static void private_memory_can_be_asked_to_lie_somewhere(void) {
  struct shl_base_windows windows = windows_of(name);
  shoal_options options = plain_options(SHOAL_CREATE);
  options.base = shl_base_window(&windows, 0);
  ASSERT_OK(plain_open(NULL, -1, &options, &region));
  EXPECT_EQ(options.base, (uintptr_t)region->base);
  EXPECT_OK(plain_close(region));
}

static void a_wanted_base_that_is_taken_is_an_error_with_a_name(void) {
  struct shl_base_windows windows = windows_of(name);
  shoal_options options = plain_options(SHOAL_CREATE);
  options.base = shl_base_window(&windows, 0);
  squat(options.base + SHL_CHUNK_BYTES, true);
  EXPECT_STATUS(SHOAL_E_ADDRESS, plain_open(name, -1, &options, &region));
  const char *text = shoal_status_text(SHOAL_E_ADDRESS);
  if (strstr(text, "/squatter") == NULL) FAIL("no occupant in: %s", text);
  char place[32];
  (void)snprintf(place, sizeof place, "0x%llx",
                 (unsigned long long)options.base + SHL_CHUNK_BYTES);
  if (strstr(text, place) == NULL) FAIL("no %s in: %s", place, text);
  options.flags |= SHOAL_RELOCATABLE;
  ASSERT_OK(plain_open(name, -1, &options, &region));
  expect_base((uintptr_t)region->base);
  EXPECT_NE(options.base, (uintptr_t)region->base);
  EXPECT_OK(plain_close(region));
}

static void nameless_occupants_are_private_memory(void) {
  struct shl_base_windows windows = windows_of(name);
  shoal_options options = plain_options(SHOAL_CREATE);
  options.base = shl_base_window(&windows, 0);
  squat(options.base, false);
  EXPECT_STATUS(SHOAL_E_ADDRESS, plain_open(name, -1, &options, &region));
  EXPECT(strstr(shoal_status_text(SHOAL_E_ADDRESS), "private memory") != NULL);
}

// Leaves a closed region in the file, with 'd' at the start of its data. returns: its base.
static uint64_t make_file(void) {
  EXPECT_OK(plain_open_name(path, SHOAL_CREATE, &region));
  EXPECT_OK(shl_region_commit(region, PLAIN_DATA_OFFSET, SHL_PAGE_BYTES));
  region->base[PLAIN_DATA_OFFSET] = 'd';
  uint64_t base = region->header.base;
  EXPECT_OK(plain_close(region));
  return base;
}

static void an_attacher_maps_at_the_stored_base_or_not_at_all(void) {
  static const uint64_t places[] = {0, PLAIN_CAPACITY - SQUAT_BYTES, PLAIN_CAPACITY};
  uint64_t base = make_file();
  for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
    squat(base + places[i], true);
    EXPECT_STATUS(SHOAL_E_ADDRESS, plain_open_name(path, 0, &region));
    EXPECT(strstr(shoal_status_text(SHOAL_E_ADDRESS), "/squatter") != NULL);
    EXPECT_STATUS(SHOAL_E_ADDRESS, plain_open_name(path, SHOAL_READ_ONLY, &region));
    leave_squat();
  }
  ASSERT_OK(plain_open_name(path, 0, &region));
  expect_base(base);
  EXPECT_EQ('d', region->base[PLAIN_DATA_OFFSET]);
  EXPECT_OK(plain_close(region));
}

static void relocatable_attachers_map_elsewhere_and_see_the_same(void) {
  static const unsigned modes[] = {SHOAL_RELOCATABLE, SHOAL_RELOCATABLE | SHOAL_READ_ONLY};
  uint64_t base = make_file();
  squat(base, true);
  for (unsigned i = 0; i < 2; i++) {
    ASSERT_OK(plain_open_name(path, modes[i], &region));
    EXPECT(region->relocated);
    EXPECT_NE(base, (uintptr_t)region->base);
    EXPECT_EQ(0, (uintptr_t)region->base % SHL_CHUNK_BYTES);
    EXPECT_EQ(base, region->superblock->base);
    EXPECT_EQ('d', region->base[PLAIN_DATA_OFFSET]);
    EXPECT_OK(plain_close(region));
  }
  leave_squat();
  ASSERT_OK(plain_open_name(path, SHOAL_RELOCATABLE, &region));
  expect_base(base);
  EXPECT_OK(plain_close(region));
}

// A copy is a region of its own, which wants the same base.
static void a_copied_file_opens_beside_its_original(void) {
  char copy[FOLDER_PATH_BYTES];
  struct shl_region *second = NULL;
  (void)make_file();
  ASSERT(folder_copy(path, folder_path(copy, "copy")));
  ASSERT_OK(plain_open_name(path, 0, &region));
  EXPECT_STATUS(SHOAL_E_ADDRESS, plain_open_name(copy, 0, &second));
  EXPECT(strstr(shoal_status_text(SHOAL_E_ADDRESS), "/heap") != NULL);
  ASSERT_OK(plain_open_name(copy, SHOAL_RELOCATABLE, &second));
  EXPECT_NE(region, second);
  EXPECT_EQ('d', second->base[PLAIN_DATA_OFFSET]);
  second->base[PLAIN_DATA_OFFSET] = 'e';
  EXPECT_EQ('d', region->base[PLAIN_DATA_OFFSET]);
  EXPECT_OK(plain_close(second));
  EXPECT_OK(plain_close(region));
}

SUITE(address, SET_UP(begin), TEAR_DOWN(end), TEST(a_name_picks_the_window),
      TEST(an_occupied_window_is_passed_over), TEST(the_search_goes_on_at_the_first_window),
      TEST(a_base_that_is_asked_for_is_taken), TEST(private_memory_can_be_asked_to_lie_somewhere),
      TEST(a_wanted_base_that_is_taken_is_an_error_with_a_name),
      TEST(nameless_occupants_are_private_memory),
      TEST(an_attacher_maps_at_the_stored_base_or_not_at_all),
      TEST(relocatable_attachers_map_elsewhere_and_see_the_same),
      TEST(a_copied_file_opens_beside_its_original))
