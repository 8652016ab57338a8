// SPDX-License-Identifier: MIT
// Goal: of several threads that free one block at the same time one does and all others are told;
// of a run the others may be taken for the first, but its pages are free once.
// Method: threads that start together, on blocks of each kind that a further thread owns.
#define _GNU_SOURCE
#include <pthread.h>

#include "base/atomic.h"
#include "tests/alloc/stand.h"
#include "tests/harness/harness.h"

enum { RIVALS = 3, ROUNDS = 100 };

static shoal_heap *heap;
static shl_a64 told;

static void count_misuse(shoal_heap *of, shoal_misuse what, shoal_off off, const char *text,
                         void *context) {
  (void)of;
  (void)what;
  (void)off;
  (void)text;
  (void)context;
  (void)shl_add_relaxed_u64(&told, 1);
}

static void open_heap(void) {
  heap = stand_open(0);
  heap->on_misuse = count_misuse;
}

static void close_heap(void) {
  stand_close(heap);
}

// One of several threads that free a block at once. Private to the process.
struct rival {
  pthread_barrier_t *start;
  shoal_off off;
  unsigned freed;
};

static void *free_with_others(void *argument) {
  struct rival *rival = argument;
  (void)pthread_barrier_wait(rival->start);
  rival->freed = shoal_free_offset(heap, rival->off) == SHOAL_OK ? 1 : 0;
  return NULL;
}

// returns: how many of them were told that they freed it.
static uint64_t free_at_once(shoal_off off) {
  struct rival rivals[RIVALS];
  pthread_t threads[RIVALS];
  pthread_barrier_t start;
  uint64_t freed = 0;
  EXPECT_EQ(0, pthread_barrier_init(&start, NULL, RIVALS));
  for (unsigned i = 0; i < RIVALS; i++) {
    rivals[i] = (struct rival){.start = &start, .off = off};
    EXPECT_EQ(0, pthread_create(&threads[i], NULL, free_with_others, &rivals[i]));
  }
  for (unsigned i = 0; i < RIVALS; i++) {
    EXPECT_EQ(0, pthread_join(threads[i], NULL));
    freed += rivals[i].freed;
  }
  EXPECT_EQ(0, pthread_barrier_destroy(&start));
  return freed;
}

// None of them sees the others: the atomic or, or the swap of the chunk's word, decides.
static void of_frees_at_once_all_but_one_are_told(void) {
  static const size_t sizes[] = {64, 6000, 3 << 20};
  for (unsigned round = 0; round < test_rounds(ROUNDS); round++) {
    uint64_t before = shl_load_relaxed_u64(&told);
    EXPECT_EQ(1, free_at_once(shoal_alloc(heap, sizes[round % 3], 0)));
    EXPECT_EQ(before + RIVALS - 1, shl_load_relaxed_u64(&told));
  }
  EXPECT_EQ(0, stand_live(heap));
}

// Whoever has seen the run before it was collected sets a bit that means nothing any more.
static void frees_of_a_run_at_once_free_its_pages_once(void) {
  enum { BYTES = 100000 };
  shoal_off kept = shoal_alloc(heap, BYTES, 0);
  for (unsigned round = 0; round < test_rounds(ROUNDS); round++) {
    uint64_t before = shl_load_relaxed_u64(&told);
    uint64_t freed = free_at_once(shoal_alloc(heap, BYTES, 0));
    EXPECT_LT(0, freed);
    EXPECT_EQ(before + RIVALS - freed, shl_load_relaxed_u64(&told));
    EXPECT_EQ(1, stand_live(heap));
    EXPECT(stand_is_clean(heap));
  }
  EXPECT_OK(shoal_free_offset(heap, kept));
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  EXPECT_EQ(0, stand_stats(heap).committed);
}

SUITE(free_race, SET_UP(open_heap), TEAR_DOWN(close_heap),
      TEST(of_frees_at_once_all_but_one_are_told),
      TEST(frees_of_a_run_at_once_free_its_pages_once))
