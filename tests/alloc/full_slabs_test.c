// SPDX-License-Identifier: MIT
// Goal: one block that another frees among ten thousand full slabs is found by the next refill that
// needs it: full slabs are on no list, and hints lead to the very slab.
// Method: a heap of that many slabs, a free into one here and there, and one refill each.
#include "alloc/hand.h"
#include "alloc/refill.h"
#include "tests/alloc/seats.h"
#include "tests/harness/harness.h"

enum { CLASS = 48, BYTES = 4096, OF_SLAB = 16, SLABS = 10000, STEP = 997 };

static const struct shl_wish plain = {.flags = 0};
static shoal_off lows[SLABS];

// Address space only: nobody stores into the blocks.
static void open_heap(void) {
  shoal_heap *opened = NULL;
  shoal_options options = {.size = sizeof options,
                           .kind = SHOAL_KIND_PRIVATE,
                           .flags = SHOAL_CREATE,
                           .capacity = UINT64_C(768) << 20,
                           .max_processes = 4,
                           .max_threads = 8};
  ASSERT_OK(shoal_open(NULL, &options, &opened));
  seats_open(opened, 0);
}

static void fill_slabs(void) {
  uint64_t off = 0;
  for (unsigned i = 0; i < SLABS * OF_SLAB; i++) {
    EXPECT_OK(shl_refill_pop(here, CLASS, &plain, &off));
    if (i % OF_SLAB == 0) lows[i / OF_SLAB] = off;
    while (i % OF_SLAB < OF_SLAB - 1 && shl_hand_pop(&here.slot->hands[CLASS]) != 0) i++;
  }
  EXPECT_EQ(SLABS, stand_stats(heap).slabs);
}

static void one_free_among_ten_thousand_full_slabs_is_found_by_one_refill(void) {
  fill_slabs();
  uint64_t off = 0;
  for (unsigned i = 0; i < SLABS; i += STEP) {
    stand_free(other, lows[i] + 7 * BYTES);
    EXPECT_OK(shl_refill_pop(here, CLASS, &plain, &off));
    EXPECT_EQ(lows[i] + 7 * BYTES, off);
  }
  EXPECT_EQ(SLABS, stand_stats(heap).slabs);
  EXPECT_EQ(SLABS * OF_SLAB, stand_live(heap));
}

SUITE(full_slabs, SET_UP(open_heap), TEAR_DOWN(seats_close),
      TEST(one_free_among_ten_thousand_full_slabs_is_found_by_one_refill))
