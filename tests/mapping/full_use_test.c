// SPDX-License-Identifier: MIT
// Goal: on a full file system a heap goes on with what it has: freeing, reading and attaching take
// no page.
// Method: heaps in files on a tmpfs of 1 MiB, filled to the last page. Skipped where this user may
// not mount.
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include <shoal/inspect.h>
#include <shoal/root.h>

#include "tests/harness/harness.h"
#include "tests/mapping/disk.h"

enum { BLOCKS_MAX = 1 << 16 };

static shoal_heap *heap;
static shoal_off blocks[BLOCKS_MAX];

static void expect_sound(void) {
  EXPECT_OK(shoal_check(heap, NULL, NULL));
}

static shoal_status last_alloc_status(void) {
  return shoal_os_code() == ENOSPC ? SHOAL_E_NO_SPACE : SHOAL_E_SYSTEM;
}

// Takes blocks of `bytes` until the file system is full. returns: how many.
static unsigned fill(size_t bytes) {
  unsigned count = 0;
  while (count < BLOCKS_MAX && (blocks[count] = shoal_alloc(heap, bytes, 0)) != 0) count++;
  EXPECT_LT(count, BLOCKS_MAX);
  EXPECT_STATUS(SHOAL_E_NO_SPACE, last_alloc_status());
  return count;
}

// Being full is no state that sticks.
static void what_was_freed_can_be_had_again_while_the_disk_is_full(void) {
  static const size_t sizes[] = {64, 5000, 40000};
  if (!disk_is_mounted()) SKIP("this user may not mount a file system");
  ASSERT_OK(disk_open_heap(SHOAL_CREATE, &heap));
  for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    disk_leave(DISK_PAGES);
    unsigned count = fill(sizes[i]);
    disk_leave(0);
    ASSERT(count > 2);
    EXPECT_OK(shoal_free_offset(heap, blocks[count / 2]));
    shoal_off again = shoal_alloc(heap, sizes[i], 0);
    EXPECT_NE(0, again);
    EXPECT_EQ(0, shoal_alloc(heap, sizes[i], 0));
    blocks[count / 2] = again;
    for (unsigned k = 0; k < count; k++) EXPECT_OK(shoal_free_offset(heap, blocks[k]));
    expect_sound();
    EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  }
  EXPECT_OK(shoal_close(heap));
}

static unsigned to_free;

static void *free_all(void *unused) {
  (void)unused;
  for (unsigned i = 0; i < to_free; i++) EXPECT_OK(shoal_free_offset(heap, blocks[i]));
  return NULL;
}

// Whatever a free stores to was backed when the block was handed out.
static void freeing_takes_no_page(void) {
  static const size_t sizes[] = {16, 64, 3000, 30000, 40000};
  if (!disk_is_mounted()) SKIP("this user may not mount a file system");
  for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    pthread_t thread;
    disk_leave(DISK_PAGES);
    ASSERT_OK(disk_open_heap(SHOAL_CREATE, &heap));
    to_free = fill(sizes[i]);
    disk_leave(0);
    ASSERT_EQ(0, pthread_create(&thread, NULL, free_all, NULL));
    ASSERT_EQ(0, pthread_join(thread, NULL));
    expect_sound();
    EXPECT_NE(0, shoal_alloc(heap, sizes[i], 0));
    EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
    expect_sound();
    EXPECT_OK(shoal_close(heap));
    ASSERT_EQ(0, unlink(disk_heap_path));
  }
}

static int count_block(void *count, const shoal_block *block) {
  (void)block;
  ++*(unsigned *)count;
  return 0;
}

// A read of a hole takes a page on tmpfs, and a SIGBUS where there is none.
static void readers_take_no_page(void) {
  shoal_heap_stats stats = {.size = sizeof stats};
  shoal_root root;
  unsigned count = 0;
  if (!disk_is_mounted()) SKIP("this user may not mount a file system");
  ASSERT_OK(disk_open_heap(SHOAL_CREATE, &heap));
  root = (shoal_root){.off = shoal_alloc(heap, 64, 0), .type_id = 1};
  ASSERT_OK(shoal_root_set(heap, "root", &root));
  unsigned made = fill(5000);
  for (unsigned i = 1; i < made; i += 2) EXPECT_OK(shoal_free_offset(heap, blocks[i]));
  EXPECT_OK(shoal_close(heap));
  disk_leave(0);
  ASSERT_OK(disk_open_heap(SHOAL_READ_ONLY, &heap));
  expect_sound();
  EXPECT_OK(shoal_stats(heap, &stats));
  EXPECT_OK(shoal_walk(heap, count_block, &count));
  EXPECT_EQ(1 + (made + 1) / 2, count);
  EXPECT_EQ(count, stats.live_blocks);
  EXPECT_OK(shoal_root_get(heap, "root", &root));
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, shoal_root_get(heap, "another", &root));
  EXPECT_OK(shoal_close(heap));
  EXPECT_EQ(0, disk_free_pages());
}

// A process that attaches takes a slot that its predecessors have left, or says NO_SPACE.
static void attaching_works_on_a_full_disk(void) {
  if (!disk_is_mounted()) SKIP("this user may not mount a file system");
  ASSERT_OK(disk_open_heap(SHOAL_CREATE, &heap));
  (void)fill(64);
  EXPECT_OK(shoal_close(heap));
  disk_leave(0);
  ASSERT_OK(disk_open_heap(0, &heap));
  expect_sound();
  EXPECT_OK(shoal_free_offset(heap, blocks[0]));
  EXPECT_NE(0, shoal_alloc(heap, 64, 0));
  EXPECT_OK(shoal_close(heap));
}

SUITE(full_use, SET_UP(disk_make), TEAR_DOWN(disk_remove),
      TEST(what_was_freed_can_be_had_again_while_the_disk_is_full), TEST(freeing_takes_no_page),
      TEST(readers_take_no_page), TEST(attaching_works_on_a_full_disk))
