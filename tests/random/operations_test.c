// SPDX-License-Identifier: MIT
// Goal: whatever is asked of a heap, in whatever order and by whatever thread, it holds exactly the
// blocks of a trivial model, says so in every account, and is empty again in the end. Method:
// operations drawn from seeds, one at a time, by one thread or by several in turn; shoal_check, the
// sums of shoal_stats and every block of shoal_walk are compared after each.
#include "tests/harness/harness.h"
#include "tests/random/session.h"

enum { MIB = 1 << 20, WORKERS = 5 };

static struct session_setup setup;
static uint64_t granted_count, refused_count;

static void play(uint64_t seed) {
  static struct session session;
  session_play(&session, &setup, seed);
  granted_count += session.granted_count;
  refused_count += session.refused_count;
}

// A roomy heap: refusals are for fragments and SHOAL_NO_GROW, seldom.
static void play_roomy(shoal_kind kind, unsigned workers, uint64_t first_seed) {
  granted_count = refused_count = 0;
  setup = (struct session_setup){.kind = kind,
                                 .capacity = 64 * MIB,
                                 .size_most = 4 * MIB,
                                 .workers = workers,
                                 .steps = (unsigned)test_rounds(1500)};
  draw_seeds(first_seed, test_rounds(4), play);
  EXPECT_LT(10 * refused_count, granted_count);
}

// The smallest heaps, one and three chunks of data, and full most of the time.
static void play_tiny(shoal_kind kind, unsigned workers, uint64_t first_seed) {
  granted_count = refused_count = 0;
  for (unsigned i = 0; i < 2; i++) {
    setup = (struct session_setup){.kind = kind,
                                   .capacity = (i == 0 ? 4 : 8) * MIB,
                                   .size_most = (i == 0 ? 2 : 5) * MIB,
                                   .workers = workers,
                                   .full = true,
                                   .steps = (unsigned)test_rounds(1500)};
    draw_seeds(first_seed + 100 * i, test_rounds(4), play);
  }
  EXPECT_LT(granted_count / 20, refused_count);
}

static void one_thread_in_a_private_heap(void) {
  play_roomy(SHOAL_KIND_PRIVATE, 1, 1000);
}

static void one_thread_in_a_named_heap(void) {
  play_roomy(SHOAL_KIND_NAMED, 1, 2000);
}

static void threads_in_turn_in_a_private_heap(void) {
  play_roomy(SHOAL_KIND_PRIVATE, WORKERS, 3000);
}

static void threads_in_turn_in_a_named_heap(void) {
  play_roomy(SHOAL_KIND_NAMED, WORKERS, 4000);
}

static void one_thread_in_tiny_private_heaps(void) {
  play_tiny(SHOAL_KIND_PRIVATE, 1, 5000);
}

static void one_thread_in_tiny_named_heaps(void) {
  play_tiny(SHOAL_KIND_NAMED, 1, 6000);
}

static void threads_in_turn_in_tiny_private_heaps(void) {
  play_tiny(SHOAL_KIND_PRIVATE, WORKERS, 7000);
}

static void threads_in_turn_in_tiny_named_heaps(void) {
  play_tiny(SHOAL_KIND_NAMED, WORKERS, 8000);
}

SUITE(operations, TEST(one_thread_in_a_private_heap), TEST(one_thread_in_a_named_heap),
      TEST(threads_in_turn_in_a_private_heap), TEST(threads_in_turn_in_a_named_heap),
      TEST(one_thread_in_tiny_private_heaps), TEST(one_thread_in_tiny_named_heaps),
      TEST(threads_in_turn_in_tiny_private_heaps), TEST(threads_in_turn_in_tiny_named_heaps))
