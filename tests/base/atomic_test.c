// SPDX-License-Identifier: MIT
// Goal: each accessor does what its name says to the word and to nothing beside it, and what it
// changes from several threads at once is not torn or lost. Method: words between guards, and four
// threads of increments, bits and hand-overs; tsan sees a missing order in the last one.
#define _POSIX_C_SOURCE 200809L

#include "base/atomic.h"

#include <pthread.h>
#include <sched.h>

#include "tests/harness/harness.h"

// A second thread must come to run before the first is through: many milliseconds' worth.
enum { THREADS = 4, ROUNDS = 1000000 };

static void stores_touch_one_byte(void) {
  shl_a8 words[3] = {0};
  shl_store_relaxed_u8(&words[1], UINT8_MAX);
  EXPECT_EQ(UINT8_MAX, shl_load_relaxed_u8(&words[1]));
  EXPECT_EQ(UINT8_MAX, shl_load_acquire_u8(&words[1]));
  shl_store_release_u8(&words[1], UINT8_MAX - 1);
  EXPECT_EQ(UINT8_MAX - 1, shl_load_relaxed_u8(&words[1]));
  EXPECT_EQ(UINT8_MAX - 1, shl_load_acquire_u8(&words[1]));
  EXPECT_EQ(0, words[0]);
  EXPECT_EQ(0, words[2]);
}

static void stores_touch_two_bytes(void) {
  shl_a16 words[3] = {0};
  shl_store_relaxed_u16(&words[1], UINT16_MAX);
  EXPECT_EQ(UINT16_MAX, shl_load_relaxed_u16(&words[1]));
  EXPECT_EQ(UINT16_MAX, shl_load_acquire_u16(&words[1]));
  shl_store_release_u16(&words[1], UINT16_MAX - 1);
  EXPECT_EQ(UINT16_MAX - 1, shl_load_relaxed_u16(&words[1]));
  EXPECT_EQ(UINT16_MAX - 1, shl_load_acquire_u16(&words[1]));
  EXPECT_EQ(0, words[0]);
  EXPECT_EQ(0, words[2]);
}

static void stores_touch_four_bytes(void) {
  shl_a32 words[3] = {0};
  shl_store_relaxed_u32(&words[1], UINT32_MAX);
  EXPECT_EQ(UINT32_MAX, shl_load_relaxed_u32(&words[1]));
  EXPECT_EQ(UINT32_MAX, shl_load_acquire_u32(&words[1]));
  shl_store_release_u32(&words[1], UINT32_MAX - 1);
  EXPECT_EQ(UINT32_MAX - 1, shl_load_relaxed_u32(&words[1]));
  EXPECT_EQ(UINT32_MAX - 1, shl_load_acquire_u32(&words[1]));
  shl_store_seq_cst_u32(&words[1], 5);
  EXPECT_EQ(5, shl_load_seq_cst_u32(&words[1]));
  EXPECT_EQ(0, words[0]);
  EXPECT_EQ(0, words[2]);
}

static void stores_touch_eight_bytes(void) {
  shl_a64 words[3] = {0};
  shl_store_relaxed_u64(&words[1], UINT64_MAX);
  EXPECT_EQ(UINT64_MAX, shl_load_relaxed_u64(&words[1]));
  EXPECT_EQ(UINT64_MAX, shl_load_acquire_u64(&words[1]));
  shl_store_release_u64(&words[1], UINT64_MAX - 1);
  EXPECT_EQ(UINT64_MAX - 1, shl_load_relaxed_u64(&words[1]));
  EXPECT_EQ(UINT64_MAX - 1, shl_load_acquire_u64(&words[1]));
  shl_store_seq_cst_u64(&words[1], 5);
  EXPECT_EQ(5, shl_load_seq_cst_u64(&words[1]));
  EXPECT_EQ(0, words[0]);
  EXPECT_EQ(0, words[2]);
}

static void read_and_change_tells_the_word_before(void) {
  shl_a32 small = 0x5;
  EXPECT_EQ(0x5, shl_or_seq_cst_u32(&small, 0x80000002));
  EXPECT_EQ(0x80000007, shl_and_seq_cst_u32(&small, ~UINT32_C(0x4)));
  EXPECT_EQ(0x80000003, shl_exchange_acquire_u32(&small, 9));
  EXPECT_EQ(9, small);

  shl_a64 large = 0x5;
  EXPECT_EQ(0x5, shl_or_seq_cst_u64(&large, UINT64_C(1) << 63));
  EXPECT_EQ(UINT64_C(1) << 63 | 0x5, shl_and_seq_cst_u64(&large, UINT64_C(1) << 63));
  EXPECT_EQ(UINT64_C(1) << 63, shl_add_relaxed_u64(&large, 3));
  EXPECT_EQ((UINT64_C(1) << 63) + 3, large);
}

static void a_swap_happens_iff_the_word_is_as_expected(void) {
  shl_a32 small = 1;
  EXPECT(!shl_cas_seq_cst_u32(&small, 2, 3));
  EXPECT_EQ(1, small);
  EXPECT(shl_cas_seq_cst_u32(&small, 1, 3));
  EXPECT_EQ(3, small);

  shl_a64 large = UINT64_C(1) << 40;
  EXPECT(!shl_cas_seq_cst_u64(&large, 0, 3));
  EXPECT_EQ(UINT64_C(1) << 40, large);
  EXPECT(shl_cas_seq_cst_u64(&large, UINT64_C(1) << 40, 3));
  EXPECT_EQ(3, large);
}

static struct {
  shl_a64 added;
  shl_a64 swapped;
  shl_a32 swapped_small;
  shl_a64 bits;
  shl_a32 bits_small;
  shl_a32 taken;
  uint64_t plain;  // only its holder, the one who set `taken`, touches it
} shared;

static pthread_barrier_t all_ready;

static void add_one(void) {
  (void)shl_add_relaxed_u64(&shared.added, 1);
}

static void swap_for_one_more(void) {
  uint64_t seen = shl_load_seq_cst_u64(&shared.swapped);
  while (!shl_cas_seq_cst_u64(&shared.swapped, seen, seen + 1)) {
    seen = shl_load_seq_cst_u64(&shared.swapped);
  }
}

static void swap_small_for_one_more(void) {
  uint32_t seen = shl_load_seq_cst_u32(&shared.swapped_small);
  while (!shl_cas_seq_cst_u32(&shared.swapped_small, seen, seen + 1)) {
    seen = shl_load_seq_cst_u32(&shared.swapped_small);
  }
}

static void hold_and_add_one(void) {
  while (shl_exchange_acquire_u32(&shared.taken, 1) != 0) (void)sched_yield();
  shared.plain++;
  shl_store_release_u32(&shared.taken, 0);
}

// Sets and clears the bits of one thread; the words before must have shown them as this thread left
// them. returns: whether they did.
static bool change_own_bits(unsigned id) {
  uint64_t mine = UINT64_C(1) << id | UINT64_C(1) << (63 - id);
  uint32_t small = UINT32_C(1) << (id * 8);
  bool kept = (shl_or_seq_cst_u64(&shared.bits, mine) & mine) == 0;
  kept = kept && (shl_and_seq_cst_u64(&shared.bits, ~mine) & mine) == mine;
  kept = kept && (shl_or_seq_cst_u32(&shared.bits_small, small) & small) == 0;
  return kept && (shl_and_seq_cst_u32(&shared.bits_small, ~small) & small) == small;
}

// One kind of change after the other, so that all threads do the same at the same time.
static void *change_shared_words(void *argument) {
  static void (*const changes[])(void) = {add_one, swap_for_one_more, swap_small_for_one_more,
                                          hold_and_add_one};
  unsigned id = *(const unsigned *)argument;
  uint64_t rounds = test_rounds(ROUNDS);
  for (size_t change = 0; change < sizeof changes / sizeof changes[0]; change++) {
    (void)pthread_barrier_wait(&all_ready);
    for (uint64_t i = 0; i < rounds; i++) changes[change]();
  }
  bool kept = true;
  (void)pthread_barrier_wait(&all_ready);
  for (uint64_t i = 0; i < rounds; i++) kept = change_own_bits(id) && kept;
  return kept ? NULL : argument;
}

static void run_threads(void) {
  pthread_t threads[THREADS];
  unsigned ids[THREADS];
  for (unsigned i = 0; i < THREADS; i++) {
    ids[i] = i;
    ASSERT_EQ(0, pthread_create(&threads[i], NULL, change_shared_words, &ids[i]));
  }
  for (unsigned i = 0; i < THREADS; i++) {
    void *lost = NULL;
    ASSERT_EQ(0, pthread_join(threads[i], &lost));
    EXPECT_EQ(NULL, (const char *)lost);
  }
}

static void threads_lose_nothing(void) {
  ASSERT_EQ(0, pthread_barrier_init(&all_ready, NULL, THREADS));
  run_threads();
  (void)pthread_barrier_destroy(&all_ready);
  uint64_t expected = THREADS * test_rounds(ROUNDS);
  EXPECT_EQ(expected, shared.added);
  EXPECT_EQ(expected, shared.swapped);
  EXPECT_EQ(expected, shared.swapped_small);
  EXPECT_EQ(expected, shared.plain);
  EXPECT_EQ(0, shared.bits);
  EXPECT_EQ(0, shared.bits_small);
}

SUITE(atomic,
      TEST(stores_touch_one_byte),
      TEST(stores_touch_two_bytes),
      TEST(stores_touch_four_bytes),
      TEST(stores_touch_eight_bytes),
      TEST(read_and_change_tells_the_word_before),
      TEST(a_swap_happens_iff_the_word_is_as_expected),
      TEST(threads_lose_nothing))
