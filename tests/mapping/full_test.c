// SPDX-License-Identifier: MIT
// Goal: a full file system is an error of the call that would have taken the next page, never a
// SIGBUS later, and nothing is lost by it.
// Method: heaps in files on a tmpfs of 1 MiB that a filler leaves exactly as many pages as a turn
// wants, from none up to enough. Skipped where this user may not mount.
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <shoal/inspect.h>

#include "tests/harness/harness.h"
#include "tests/mapping/disk.h"

static shoal_heap *heap;

static void expect_sound(void) {
  EXPECT_OK(shoal_check(heap, NULL, NULL));
}

static void creating_takes_all_its_pages_or_leaves_none(void) {
  if (!disk_is_mounted()) SKIP("this user may not mount a file system");
  uint64_t pages = 0;
  for (; pages < DISK_PAGES; pages++) {
    disk_leave(pages);
    shoal_status status = disk_open_heap(SHOAL_CREATE, &heap);
    if (status == SHOAL_OK) break;
    EXPECT_STATUS(SHOAL_E_NO_SPACE, status);
    EXPECT_EQ(ENOSPC, shoal_os_code());
    EXPECT_EQ(-1, folder_size(disk_heap_path));
    ASSERT_EQ(pages, disk_free_pages());
  }
  EXPECT_LT(2, pages);
  EXPECT_LE(pages, 32);
  expect_sound();
  EXPECT_OK(shoal_close(heap));
}

// One of everything that may touch a page for the first time.
struct step {
  const char *name;
  size_t bytes;
};

static const struct step steps[] = {{"a block", 64},
                                    {"a large block", 6000},
                                    {"a run", 40000},
                                    {"a long run", 100000},
                                    {"another class", 700}};
enum { STEPS = sizeof steps / sizeof steps[0] };

static shoal_off blocks[STEPS];

static shoal_status last_alloc_status(void) {
  return shoal_os_code() == ENOSPC ? SHOAL_E_NO_SPACE : SHOAL_E_SYSTEM;
}

// Tries the step, which must work or say that the file system is full.
static bool try_step(unsigned i) {
  blocks[i] = shoal_alloc(heap, steps[i].bytes, SHOAL_ZERO);
  if (blocks[i] != 0) {
    memset(shoal_ptr(heap, blocks[i]), (int)i + 1, steps[i].bytes);
    return true;
  }
  EXPECT_EQ(ENOMEM, errno);
  EXPECT_STATUS(SHOAL_E_NO_SPACE, last_alloc_status());
  EXPECT(strstr(shoal_status_text(SHOAL_E_NO_SPACE), "no more memory") != NULL);
  return false;
}

static void expect_contents(void) {
  for (unsigned i = 0; i < STEPS; i++) {
    if (blocks[i] == 0) continue;
    const unsigned char *bytes = shoal_ptr(heap, blocks[i]);
    for (size_t k = 0; k < steps[i].bytes; k++) ASSERT(bytes[k] == i + 1);
  }
}

// With each number of free pages: every call works or says NO_SPACE, what was there is there, and
// with room again the same calls work.
static void growing_takes_all_its_pages_or_changes_nothing(void) {
  if (!disk_is_mounted()) SKIP("this user may not mount a file system");
  bool all = false;
  for (uint64_t pages = 0; pages < DISK_PAGES && !all; pages++) {
    memset(blocks, 0, sizeof blocks);
    disk_leave(DISK_PAGES);
    ASSERT_OK(disk_open_heap(SHOAL_CREATE, &heap));
    disk_leave(pages);
    all = true;
    for (unsigned i = 0; i < STEPS; i++) {
      all = try_step(i) && all;
      expect_contents();
      expect_sound();
    }
    disk_leave(DISK_PAGES);
    for (unsigned i = 0; i < STEPS; i++) EXPECT(blocks[i] != 0 || try_step(i));
    expect_contents();
    for (unsigned i = 0; i < STEPS; i++) EXPECT_OK(shoal_free_offset(heap, blocks[i]));
    expect_sound();
    EXPECT_OK(shoal_close(heap));
    ASSERT_EQ(0, unlink(disk_heap_path));
  }
  EXPECT(all);
}

static void *run_alloc(void *out) {
  shoal_off *off = out;
  *off = shoal_alloc(heap, 64, 0);
  if (*off == 0) EXPECT_STATUS(SHOAL_E_NO_SPACE, last_alloc_status());
  return NULL;
}

static bool alloc_in_thread(void) {
  shoal_off off = 0;
  pthread_t thread;
  bool ran = pthread_create(&thread, NULL, run_alloc, &off) == 0 && pthread_join(thread, NULL) == 0;
  EXPECT(ran);
  return off != 0;
}

// A thread's first allocation backs a slot before it takes it.
static void a_new_thread_has_a_slot_or_an_error(void) {
  if (!disk_is_mounted()) SKIP("this user may not mount a file system");
  bool worked = false;
  for (uint64_t pages = 0; pages < DISK_PAGES && !worked; pages++) {
    disk_leave(DISK_PAGES);
    ASSERT_OK(disk_open_heap(SHOAL_CREATE, &heap));
    EXPECT_NE(0, shoal_alloc(heap, 64, 0));
    disk_leave(pages);
    worked = alloc_in_thread();
    expect_sound();
    disk_leave(DISK_PAGES);
    EXPECT(alloc_in_thread());
    expect_sound();
    EXPECT_OK(shoal_close(heap));
    ASSERT_EQ(0, unlink(disk_heap_path));
  }
  EXPECT(worked);
}

SUITE(full, SET_UP(disk_make), TEAR_DOWN(disk_remove),
      TEST(creating_takes_all_its_pages_or_leaves_none),
      TEST(growing_takes_all_its_pages_or_changes_nothing),
      TEST(a_new_thread_has_a_slot_or_an_error))
