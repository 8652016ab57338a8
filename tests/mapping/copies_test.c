// SPDX-License-Identifier: MIT
// Linux only: dlopen.
//
// Goal: two copies of the library in one process, as plugins bring them, share a heap like two
// processes and a mapping like one. Method: this program's own copy, and the shared library.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include <shoal/inspect.h>

#include "alloc/handle.h"
#include "tests/harness/harness.h"
#include "tests/mapping/peer.h"

// The calls of one copy, and the heap in it. Private to the process.
struct copy {
  void *library;
  shoal_heap *heap;
  shoal_status (*open)(const char *name, const shoal_options *options, shoal_heap **out);
  shoal_status (*close)(shoal_heap *heap);
  shoal_off (*alloc)(shoal_heap *heap, size_t size, unsigned flags);
  shoal_status (*free_offset)(shoal_heap *heap, shoal_off off);
  shoal_status (*check)(shoal_heap *heap, shoal_check_reporter *report, void *context);
  shoal_status (*stats)(shoal_heap *heap, shoal_heap_stats *stats);
};

enum { COPIES = 2 };

static struct copy copies[COPIES];
static struct place place;

static bool find(const struct copy *copy, const char *name, void *function) {
  // ISO C has no way from a data pointer to a function's but its bytes.
  void *found = dlsym(copy->library, name);
  memcpy(function, &found, sizeof found);
  if (found == NULL) FAIL("%s: %s", name, dlerror());
  return found != NULL;
}

static bool load(struct copy *copy) {
  copy->library = dlopen("./libshoal.so", RTLD_NOW | RTLD_LOCAL);
  if (copy->library == NULL) FAIL("%s", dlerror());
  return copy->library != NULL && find(copy, "shoal_open", &copy->open) &&
         find(copy, "shoal_close", &copy->close) && find(copy, "shoal_alloc", &copy->alloc) &&
         find(copy, "shoal_free_offset", &copy->free_offset) &&
         find(copy, "shoal_check", &copy->check) && find(copy, "shoal_stats", &copy->stats);
}

static void load_all(void) {
  copies[0] = (struct copy){.open = shoal_open,
                            .close = shoal_close,
                            .alloc = shoal_alloc,
                            .free_offset = shoal_free_offset,
                            .check = shoal_check,
                            .stats = shoal_stats};
  copies[1] = (struct copy){.library = NULL};
  place_choose(&place, PLACE_NAMED);
  ASSERT(load(&copies[1]));
  ASSERT(copies[0].open != copies[1].open);
}

static void unload_all(void) {
  if (copies[1].library != NULL) EXPECT_EQ(0, dlclose(copies[1].library));
}

static bool open_in(struct copy *copy, unsigned flags) {
  shoal_options options = {.size = sizeof options,
                           .flags = flags,
                           .capacity = PLACE_CAPACITY,
                           .max_processes = PLACE_PROCESSES,
                           .max_threads = PLACE_THREADS};
  copy->heap = NULL;
  shoal_status status = copy->open(place.name, &options, &copy->heap);
  EXPECT_STATUS(SHOAL_OK, status);
  return copy->heap != NULL;
}

static void *base_of(const struct copy *copy) {
  return ((const struct shoal_heap_view *)(const void *)copy->heap)->base;
}

static uint64_t processes_in(struct copy *copy) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(copy->stats(copy->heap, &stats));
  return stats.processes;
}

static bool is_mapped(void *page) {
  unsigned char in_core;
  return mincore(page, SHL_PAGE_BYTES, &in_core) == 0 || errno != ENOMEM;
}

static void expect_works(struct copy *copy) {
  for (size_t size = 16; size < (1 << 20); size *= 5) {
    shoal_off block = copy->alloc(copy->heap, size, 0);
    EXPECT_NE(0, block);
    if (block != 0) memset((char *)base_of(copy) + block, 1, size);
    EXPECT_OK(copy->free_offset(copy->heap, block));
  }
  EXPECT_OK(copy->check(copy->heap, NULL, NULL));
}

static void copies_share_the_mapping_and_are_processes_of_their_own(void) {
  for (unsigned i = 0; i < COPIES; i++) ASSERT(open_in(&copies[i], SHOAL_CREATE));
  for (unsigned i = 0; i < COPIES; i++) {
    EXPECT_EQ(base_of(&copies[0]), base_of(&copies[i]));
    EXPECT_EQ(COPIES, processes_in(&copies[i]));
    expect_works(&copies[i]);
  }
  for (unsigned i = 0; i < COPIES; i++) EXPECT_OK(copies[i].close(copies[i].heap));
}

static void blocks_of_one_copy_are_freed_by_another(void) {
  enum { BLOCKS = 1000 };
  static shoal_off blocks[COPIES][BLOCKS];
  for (unsigned i = 0; i < COPIES; i++) ASSERT(open_in(&copies[i], SHOAL_CREATE));
  for (unsigned round = 0; round < 5; round++) {
    for (unsigned k = 0; k < BLOCKS * COPIES; k++) {
      struct copy *copy = &copies[k % COPIES];
      blocks[k % COPIES][k / COPIES] = copy->alloc(copy->heap, 16 + k % 3000, 0);
      EXPECT_NE(0, blocks[k % COPIES][k / COPIES]);
    }
    for (unsigned k = 0; k < BLOCKS * COPIES; k++) {
      struct copy *copy = &copies[(k + 1 + round) % COPIES];
      EXPECT_OK(copy->free_offset(copy->heap, blocks[k % COPIES][k / COPIES]));
    }
  }
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(copies[0].stats(copies[0].heap, &stats));
  EXPECT_EQ(0, stats.live_blocks);
  for (unsigned i = 0; i < COPIES; i++) {
    EXPECT_OK(copies[i].check(copies[i].heap, NULL, NULL));
    EXPECT_OK(copies[i].close(copies[i].heap));
  }
}

static void close_first(unsigned first) {
  struct copy *goes = &copies[first], *stays = &copies[1 - first];
  for (unsigned i = 0; i < COPIES; i++) ASSERT(open_in(&copies[i], SHOAL_CREATE));
  void *base = base_of(stays);
  EXPECT_OK(goes->close(goes->heap));
  EXPECT_EQ(1, processes_in(stays));
  EXPECT_NE(0, place_inode(&place));
  expect_works(stays);
  EXPECT_OK(stays->close(stays->heap));
  EXPECT(!is_mapped(base));
  EXPECT_EQ(0, place_inode(&place));
}

static void either_copy_may_be_closed_first_and_the_mapping_goes_with_the_last(void) {
  close_first(0);
  close_first(1);
}

static void a_copy_may_come_again(void) {
  ASSERT(open_in(&copies[0], SHOAL_CREATE));
  void *base = base_of(&copies[0]);
  for (unsigned i = 0; i < 20; i++) {
    ASSERT(open_in(&copies[1], 0));
    EXPECT_EQ(base, base_of(&copies[1]));
    expect_works(&copies[1]);
    EXPECT_OK(copies[1].close(copies[1].heap));
    expect_works(&copies[0]);
  }
  EXPECT_EQ(1, processes_in(&copies[0]));
  EXPECT_OK(copies[0].close(copies[0].heap));
  EXPECT(!is_mapped(base));
}

static void *use_all_copies(void *unused) {
  (void)unused;
  for (unsigned i = 0; i < COPIES; i++) expect_works(&copies[i]);
  return NULL;
}

static void use_all_copies_in_threads(void) {
  pthread_t threads[4];
  for (unsigned i = 0; i < 4; i++) {
    ASSERT_EQ(0, pthread_create(&threads[i], NULL, use_all_copies, NULL));
  }
  for (unsigned i = 0; i < 4; i++) ASSERT_EQ(0, pthread_join(threads[i], NULL));
}

static void threads_have_slots_in_every_copy(void) {
  shoal_heap_stats stats = {.size = sizeof stats};
  for (unsigned i = 0; i < COPIES; i++) ASSERT(open_in(&copies[i], SHOAL_CREATE));
  for (unsigned round = 0; round < 10; round++) use_all_copies_in_threads();
  EXPECT_OK(copies[0].stats(copies[0].heap, &stats));
  EXPECT_EQ(0, stats.thread_slots);
  EXPECT_EQ(0, stats.thread_slots_dead);
  for (unsigned i = 0; i < COPIES; i++) EXPECT_OK(copies[i].close(copies[i].heap));
}

static void *use_and_unload(void *unused) {
  (void)unused;
  expect_works(&copies[1]);
  EXPECT_OK(copies[1].close(copies[1].heap));
  EXPECT_EQ(0, dlclose(copies[1].library));
  copies[1].library = NULL;
  return NULL;
}

static void a_thread_ends_well_after_its_copy_was_unloaded(void) {
  pthread_t thread;
  ASSERT(open_in(&copies[1], SHOAL_CREATE));
  ASSERT_EQ(0, pthread_create(&thread, NULL, use_and_unload, NULL));
  ASSERT_EQ(0, pthread_join(thread, NULL));
  EXPECT_EQ(0, place_inode(&place));
}

static void a_reading_copy_maps_elsewhere_where_it_may(void) {
  ASSERT(open_in(&copies[0], SHOAL_CREATE));
  shoal_options options = {.size = sizeof options, .flags = SHOAL_READ_ONLY};
  EXPECT_STATUS(SHOAL_E_ADDRESS, copies[1].open(place.name, &options, &copies[1].heap));
  options.flags |= SHOAL_RELOCATABLE;
  ASSERT_OK(copies[1].open(place.name, &options, &copies[1].heap));
  void *base = base_of(&copies[1]);
  EXPECT_NE(base_of(&copies[0]), base);
  EXPECT_OK(copies[1].check(copies[1].heap, NULL, NULL));
  EXPECT_OK(copies[1].close(copies[1].heap));
  EXPECT(!is_mapped(base));
  expect_works(&copies[0]);
  EXPECT_OK(copies[0].close(copies[0].heap));
}

SUITE(copies, SET_UP(load_all), TEAR_DOWN(unload_all),
      TEST(copies_share_the_mapping_and_are_processes_of_their_own),
      TEST(blocks_of_one_copy_are_freed_by_another),
      TEST(either_copy_may_be_closed_first_and_the_mapping_goes_with_the_last),
      TEST(a_copy_may_come_again), TEST(threads_have_slots_in_every_copy),
      TEST(a_thread_ends_well_after_its_copy_was_unloaded),
      TEST(a_reading_copy_maps_elsewhere_where_it_may))
