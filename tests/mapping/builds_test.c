// SPDX-License-Identifier: MIT
// Linux only: dlopen.
//
// Goal: libraries built without and with optimisation, with and without debug assertions, work on
// one heap at once: what is stored does not depend on the build.
// Method: two builds of the shared library beside the test's own copy, each a process of its own in
// the heap; each frees, walks and checks what another has allocated.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>

#include <shoal/exact.h>
#include <shoal/inspect.h>
#include <shoal/root.h>

#include "tests/harness/harness.h"

enum { BUILDS = 3, BLOCKS = 600, ROUNDS = 6 };

// The calls of one build, and its handle. Private to the process.
struct build {
  void *library;
  shoal_heap *heap;
  shoal_status (*open)(const char *name, const shoal_options *options, shoal_heap **out);
  shoal_status (*close)(shoal_heap *heap);
  shoal_off (*alloc)(shoal_heap *heap, size_t size, unsigned flags);
  shoal_status (*free_from)(shoal_heap *heap, shoal_off *slot);
  shoal_status (*check)(shoal_heap *heap, shoal_check_reporter *report, void *context);
  shoal_status (*stats)(shoal_heap *heap, shoal_heap_stats *stats);
  shoal_status (*trim)(shoal_heap *heap, unsigned flags);
};

static struct build builds[BUILDS];
static char name[TEST_NAME_BYTES];

static bool find(const struct build *build, const char *symbol, void *function) {
  // ISO C has no way from a data pointer to a function's but its bytes.
  void *found = dlsym(build->library, symbol);
  memcpy(function, &found, sizeof found);
  if (found == NULL) FAIL("%s: %s", symbol, dlerror());
  return found != NULL;
}

static bool load(struct build *build, const char *path) {
  build->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (build->library == NULL) FAIL("%s", dlerror());
  return build->library != NULL && find(build, "shoal_open", &build->open) &&
         find(build, "shoal_close", &build->close) && find(build, "shoal_alloc", &build->alloc) &&
         find(build, "shoal_free_from", &build->free_from) &&
         find(build, "shoal_check", &build->check) && find(build, "shoal_stats", &build->stats) &&
         find(build, "shoal_trim", &build->trim);
}

static bool open_in(struct build *build) {
  shoal_options options = {.size = sizeof options,
                           .flags = SHOAL_CREATE,
                           .capacity = 64 << 20,
                           .max_processes = 6,
                           .max_threads = 12};
  build->heap = NULL;
  EXPECT_STATUS(SHOAL_OK, build->open(name, &options, &build->heap));
  return build->heap != NULL;
}

static void open_all(void) {
  builds[0] = (struct build){.open = shoal_open,
                             .close = shoal_close,
                             .alloc = shoal_alloc,
                             .free_from = shoal_free_from,
                             .check = shoal_check,
                             .stats = shoal_stats,
                             .trim = shoal_trim};
  ASSERT(load(&builds[1], "tests/mapping/libshoal_slow.so"));
  ASSERT(load(&builds[2], "tests/mapping/libshoal_fast.so"));
  (void)test_unique_name(name);
  for (unsigned i = 0; i < BUILDS; i++) ASSERT(open_in(&builds[i]));
}

static void close_all(void) {
  for (unsigned i = 0; i < BUILDS; i++) EXPECT_OK(builds[i].close(builds[i].heap));
  for (unsigned i = 1; i < BUILDS; i++) EXPECT_EQ(0, dlclose(builds[i].library));
}

static uint64_t live_in(const struct build *build) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(build->stats(build->heap, &stats));
  EXPECT_EQ(BUILDS, stats.processes);
  return stats.live_blocks;
}

static const size_t sizes[] = {64, 200, 6000, 50000, 3 << 20};

// One block of words, all the rest through them.
static void blocks_of_one_build_are_freed_and_counted_by_the_others(void) {
  shoal_off at = builds[0].alloc(builds[0].heap, BLOCKS * sizeof(shoal_off), SHOAL_ZERO);
  shoal_off *words = shoal_ptr(builds[0].heap, at);
  ASSERT(words != NULL);
  for (unsigned round = 0; round < ROUNDS; round++) {
    for (unsigned i = 0; i < BLOCKS; i++) {
      const struct build *build = &builds[i % BUILDS];
      words[i] = build->alloc(build->heap, sizes[i % 200 == 7 ? 4 : i % 4], 0);
      EXPECT_NE(0, words[i]);
    }
    for (unsigned i = 0; i < BUILDS; i++) EXPECT_EQ(BLOCKS + 1, live_in(&builds[i]));
    for (unsigned i = 0; i < BLOCKS; i++) {
      const struct build *build = &builds[(i + 1 + round) % BUILDS];
      EXPECT_OK(build->free_from(build->heap, &words[i]));
    }
    for (unsigned i = 0; i < BUILDS; i++) {
      EXPECT_EQ(1, live_in(&builds[i]));
      EXPECT_OK(builds[i].check(builds[i].heap, NULL, NULL));
      EXPECT_OK(builds[i].trim(builds[i].heap, SHOAL_TRIM_ALL));
    }
  }
  EXPECT_OK(shoal_free_offset(builds[0].heap, at));
}

SUITE(builds, SET_UP(open_all), TEAR_DOWN(close_all),
      TEST(blocks_of_one_build_are_freed_and_counted_by_the_others))
