// SPDX-License-Identifier: MIT
// Goal: a reader stores nothing, sees everything, and may change nothing.
// Method: heaps in files, mapped PROT_READ: a store anywhere in the region would be a SIGSEGV. The
// file's bytes are compared before and after.
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <shoal/inspect.h>
#include <shoal/root.h>

#include "alloc/handle.h"
#include "mapping/process.h"
#include "tests/harness/harness.h"
#include "tests/mapping/folder.h"

enum { CAPACITY = 8 << 20, SMALL = 500, IMAGE_BYTES = CAPACITY };

static char path[FOLDER_PATH_BYTES];
static shoal_heap *heap;
static shoal_off small[SMALL];
static shoal_off run;
static shoal_off huge;
static unsigned char before[IMAGE_BYTES];
static unsigned char after[IMAGE_BYTES];

static shoal_status open_heap(unsigned flags) {
  shoal_options options = {.size = sizeof options,
                           .flags = flags,
                           .capacity = CAPACITY,
                           .max_processes = 4,
                           .max_threads = 8};
  return shoal_open(path, &options, &heap);
}

static void fill(void) {
  for (unsigned i = 0; i < SMALL; i++) {
    small[i] = shoal_alloc(heap, 100, 0);
    ASSERT_NE(0, small[i]);
    memset(shoal_ptr(heap, small[i]), (int)i, 100);
  }
  for (unsigned i = 0; i < SMALL; i += 3) EXPECT_OK(shoal_free_offset(heap, small[i]));
  run = shoal_alloc(heap, 50000, 0);
  huge = shoal_alloc(heap, 1200000, 0);
  shoal_root root = {.off = run, .size = 50000, .type_id = 7};
  EXPECT_OK(shoal_root_set(heap, "root", &root));
}

static void begin(void) {
  folder_make();
  (void)folder_path(path, "heap");
  ASSERT_OK(open_heap(SHOAL_CREATE));
  fill();
  ASSERT_OK(shoal_close(heap));
  ASSERT(folder_read(path, before, sizeof before));
  ASSERT_OK(open_heap(SHOAL_READ_ONLY));
}

static void end(void) {
  EXPECT_OK(shoal_close(heap));
  EXPECT(folder_read(path, after, sizeof after));
  EXPECT(memcmp(before, after, sizeof before) == 0);
  folder_remove();
}

static int count_block(void *count, const shoal_block *block) {
  EXPECT_NE(0, block->bytes);
  ++*(unsigned *)count;
  return 0;
}

static void everything_can_be_read(void) {
  shoal_heap_stats stats = {.size = sizeof stats};
  shoal_root root;
  unsigned count = 0;
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_walk(heap, count_block, &count));
  EXPECT_OK(shoal_stats(heap, &stats));
  EXPECT_EQ(SMALL - (SMALL + 2) / 3 + 2, count);
  EXPECT_EQ(count, stats.live_blocks);
  EXPECT_EQ(0, stats.processes);
  EXPECT_EQ(CAPACITY, stats.capacity);
  EXPECT_OK(shoal_root_get(heap, "root", &root));
  EXPECT_EQ(run, root.off);
  for (unsigned i = 1; i < SMALL; i += 3) {
    const unsigned char *bytes = shoal_ptr(heap, small[i]);
    EXPECT_EQ(i & 0xff, bytes[0]);
    EXPECT_EQ(112, shoal_usable_size(heap, bytes));
  }
  EXPECT_EQ(1, shoal_created(heap) == 0);
}

static void nothing_is_allocated(void) {
  static const size_t sizes[] = {0, 16, 5000, 100000, 3 << 20};
  for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    errno = 0;
    EXPECT_EQ(0, shoal_alloc(heap, sizes[i], 0));
    EXPECT_EQ(EROFS, errno);
    errno = 0;
    EXPECT_EQ(NULL, shoal_malloc(heap, sizes[i]));
    EXPECT_EQ(EROFS, errno);
    EXPECT_EQ(NULL, shoal_calloc(heap, 2, sizes[i]));
    EXPECT_EQ(NULL, shoal_aligned_alloc(heap, 4096, sizes[i]));
    errno = 0;
    EXPECT_EQ(NULL, shoal_realloc(heap, NULL, sizes[i]));
    EXPECT_EQ(EROFS, errno);
    EXPECT_EQ(NULL, shoal_realloc(heap, shoal_ptr(heap, run), sizes[i]));
    EXPECT_EQ(NULL, shoal_realloc(heap, shoal_ptr(heap, small[1]), sizes[i]));
  }
}

static void nothing_is_freed_or_changed(void) {
  shoal_pin_id pin;
  shoal_root root = {.off = run, .type_id = 7};
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_free_offset(heap, small[1]));
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_free_offset(heap, run));
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_free_offset(heap, huge));
  EXPECT_OK(shoal_free_offset(heap, 0));
  shoal_free(heap, NULL);
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_root_set(heap, "root", &root));
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_root_set(heap, "another", &root));
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_root_remove(heap, "root"));
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_pin(heap, run, 1, &pin));
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_trim(heap, SHOAL_TRIM_ALL));
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_flush(heap));
}

static void idling_is_no_change(void) {
  EXPECT_OK(shoal_thread_idle(heap));
}

static void *read_in_thread(void *unused) {
  (void)unused;
  everything_can_be_read();
  nothing_is_allocated();
  idling_is_no_change();
  return NULL;
}

static void threads_come_and_go_without_a_store(void) {
  pthread_t threads[2];
  for (unsigned i = 0; i < 2; i++) {
    ASSERT_EQ(0, pthread_create(&threads[i], NULL, read_in_thread, NULL));
    ASSERT_EQ(0, pthread_join(threads[i], NULL));
  }
}

static void a_reader_has_no_record_but_is_seen(void) {
  EXPECT_EQ(0, heap->region->process);
  EXPECT_EQ(0, shl_process_count(heap->region));
}

static void a_second_open_for_reading_is_the_same_handle(void) {
  shoal_heap *first = heap;
  ASSERT_OK(open_heap(SHOAL_READ_ONLY));
  EXPECT_EQ(first, heap);
  EXPECT_OK(shoal_close(heap));
  shoal_heap *writer = NULL;
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_open(path, NULL, &writer));
}

SUITE(read_only, SET_UP(begin), TEAR_DOWN(end), TEST(everything_can_be_read),
      TEST(nothing_is_allocated), TEST(nothing_is_freed_or_changed), TEST(idling_is_no_change),
      TEST(threads_come_and_go_without_a_store), TEST(a_reader_has_no_record_but_is_seen),
      TEST(a_second_open_for_reading_is_the_same_handle))
