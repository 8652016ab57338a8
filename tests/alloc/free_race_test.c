// SPDX-License-Identifier: MIT
// Goal: of several threads that free one block at the same time one does and all others are told.
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

// None of them sees the other's: the bit decides.
static void of_frees_at_once_all_but_one_are_told(void) {
  static const size_t sizes[] = {64, 6000, 100000, 3 << 20};
  for (unsigned round = 0; round < test_rounds(ROUNDS); round++) {
    struct rival rivals[RIVALS];
    pthread_t threads[RIVALS];
    pthread_barrier_t start;
    uint64_t freed = 0, told_before = shl_load_relaxed_u64(&told);
    shoal_off off = shoal_alloc(heap, sizes[round % 4], 0);
    ASSERT_EQ(0, pthread_barrier_init(&start, NULL, RIVALS));
    for (unsigned i = 0; i < RIVALS; i++) {
      rivals[i] = (struct rival){.start = &start, .off = off};
      ASSERT_EQ(0, pthread_create(&threads[i], NULL, free_with_others, &rivals[i]));
    }
    for (unsigned i = 0; i < RIVALS; i++) {
      ASSERT_EQ(0, pthread_join(threads[i], NULL));
      freed += rivals[i].freed;
    }
    ASSERT_EQ(0, pthread_barrier_destroy(&start));
    EXPECT_EQ(1, freed);
    EXPECT_EQ(told_before + RIVALS - 1, shl_load_relaxed_u64(&told));
  }
  EXPECT_EQ(0, stand_live(heap));
}

SUITE(free_race, SET_UP(open_heap), TEAR_DOWN(close_heap),
      TEST(of_frees_at_once_all_but_one_are_told))
