// SPDX-License-Identifier: MIT
// Goal: a slot's lists are whole after any sequence of pushes and unlinks, and after each is run
// again from any point of itself. Method: slabs of a real heap, lists compared with the test's own.
#include "alloc/partial.h"

#include "alloc/journal.h"
#include "alloc/slab.h"
#include "tests/alloc/stand.h"
#include "tests/harness/harness.h"

enum { SLABS = 5, CLASS = 4, ROUNDS = 2000 };

static shoal_heap *heap;
static struct shl_seat here;
static uint32_t units[SLABS];

static struct shl_hot_rec *hot(uint32_t unit) {
  return shl_hot_row(heap, unit);
}

static void open_heap(void) {
  heap = stand_open(0);
  here = stand_here(heap);
  for (unsigned i = 0; i < SLABS; i++) units[i] = stand_slab(here, CLASS);
}

static void close_heap(void) {
  stand_close(heap);
}

// The list in `expected`, from the head, ended by 0.
static void expect_list(const uint32_t *expected) {
  uint32_t before = 0, unit = shl_partial_head(here, CLASS);
  for (; *expected != 0; expected++) {
    EXPECT_EQ(*expected, unit);
    if (unit != *expected) return;
    EXPECT_EQ(before, shl_load_relaxed_u32(&hot(unit)->prev));
    EXPECT_EQ(SHL_SLAB_PARTIAL, shl_load_relaxed_u8(&hot(unit)->state));
    before = unit;
    unit = shl_load_relaxed_u32(&hot(unit)->next);
  }
  EXPECT_EQ(0, unit);
}

static void unlink(uint32_t unit) {
  shl_partial_unlink(here, CLASS, unit);
  EXPECT_EQ(SHL_SLAB_FULL, shl_load_relaxed_u8(&hot(unit)->state));
}

static void the_newest_comes_first(void) {
  expect_list((uint32_t[]){units[4], units[3], units[2], units[1], units[0], 0});
}

static void slabs_leave_from_either_end_and_the_middle(void) {
  unlink(units[2]);
  expect_list((uint32_t[]){units[4], units[3], units[1], units[0], 0});
  unlink(units[4]);
  expect_list((uint32_t[]){units[3], units[1], units[0], 0});
  unlink(units[0]);
  expect_list((uint32_t[]){units[3], units[1], 0});
  shl_partial_push(here, CLASS, units[2]);
  expect_list((uint32_t[]){units[2], units[3], units[1], 0});
  shl_partial_push(here, CLASS, units[4]);
  shl_partial_push(here, CLASS, units[0]);
}

static void the_only_one_is_known(void) {
  EXPECT(!shl_partial_is_only(here, CLASS, units[4]));
  for (unsigned i = 1; i < SLABS; i++) unlink(units[i]);
  EXPECT(shl_partial_is_only(here, CLASS, units[0]));
  EXPECT(!shl_partial_is_only(here, CLASS, units[1]));
  for (unsigned i = 1; i < SLABS; i++) shl_partial_push(here, CLASS, units[i]);
}

static void a_slab_on_no_list_is_not_unlinked_again(void) {
  unlink(units[2]);
  unlink(units[2]);
  expect_list((uint32_t[]){units[4], units[3], units[1], units[0], 0});
  // Its links lead by now to one that has left, too.
  unlink(units[3]);
  unlink(units[2]);
  expect_list((uint32_t[]){units[4], units[1], units[0], 0});
  unlink(units[4]);
  shl_partial_push(here, CLASS, units[3]);
  shl_partial_push(here, CLASS, units[4]);
  shl_partial_push(here, CLASS, units[2]);
  shl_partial_push(here, CLASS, units[2]);
  expect_list((uint32_t[]){units[2], units[4], units[3], units[1], units[0], 0});
}

// The stores of a push one by one, each followed by the whole push: as a redo after a death there.
static void a_push_cut_anywhere_can_be_run_again(void) {
  for (unsigned stores = 0; stores <= 4; stores++) {
    unlink(units[2]);
    struct shl_hot_rec *row = hot(units[2]);
    if (stores > 0) shl_store_release_u32(&row->prev, 0);
    if (stores > 1) shl_store_release_u32(&row->next, units[4]);
    if (stores > 2) shl_store_release_u32(&hot(units[4])->prev, units[2]);
    if (stores > 3) shl_store_release_u32(&here.slot->hands[CLASS].head, units[2]);
    shl_partial_push(here, CLASS, units[2]);
    expect_list((uint32_t[]){units[2], units[4], units[3], units[1], units[0], 0});
    unlink(units[2]);
    unlink(units[3]);
    shl_partial_push(here, CLASS, units[3]);
    unlink(units[4]);
    shl_partial_push(here, CLASS, units[2]);
    shl_partial_push(here, CLASS, units[4]);
    unlink(units[2]);
    unlink(units[3]);
    unlink(units[4]);
    shl_partial_push(here, CLASS, units[2]);
    shl_partial_push(here, CLASS, units[3]);
    shl_partial_push(here, CLASS, units[4]);
    expect_list((uint32_t[]){units[4], units[3], units[2], units[1], units[0], 0});
  }
}

static void an_unlink_cut_anywhere_can_be_run_again(void) {
  for (unsigned stores = 0; stores <= 2; stores++) {
    if (stores > 0) shl_store_release_u32(&hot(units[3])->next, units[1]);
    if (stores > 1) shl_store_release_u32(&hot(units[1])->prev, units[3]);
    unlink(units[2]);
    expect_list((uint32_t[]){units[4], units[3], units[1], units[0], 0});
    unlink(units[4]);
    unlink(units[3]);
    for (unsigned i = 2; i < SLABS; i++) shl_partial_push(here, CLASS, units[i]);
  }
  for (unsigned stores = 0; stores <= 2; stores++) {
    if (stores > 0) shl_store_release_u32(&here.slot->hands[CLASS].head, units[3]);
    if (stores > 1) shl_store_release_u32(&hot(units[3])->prev, 0);
    unlink(units[4]);
    expect_list((uint32_t[]){units[3], units[2], units[1], units[0], 0});
    shl_partial_push(here, CLASS, units[4]);
  }
}

static void random_sequences_keep_the_list(void) {
  uint32_t list[SLABS + 1] = {units[4], units[3], units[2], units[1], units[0], 0};
  unsigned count = SLABS;
  uint64_t random = 88172645463325252U;
  for (uint64_t i = test_rounds(ROUNDS); i > 0; i--) {
    random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
    uint32_t unit = units[(random >> 33) % SLABS];
    unsigned at = 0;
    while (at < count && list[at] != unit) at++;
    if (at < count) {
      unlink(unit);
      for (; at < count; at++) list[at] = list[at + 1];
      count--;
    } else {
      shl_partial_push(here, CLASS, unit);
      for (unsigned k = ++count; k > 0; k--) list[k] = list[k - 1];
      list[0] = unit;
    }
    expect_list(list);
  }
  for (unsigned i = 0; i < SLABS; i++) {
    if (shl_load_relaxed_u8(&hot(units[i])->state) == SHL_SLAB_FULL) {
      shl_partial_push(here, CLASS, units[i]);
    }
  }
}

// What another process has spoilt leads to no row outside the chunks in use.
static void a_head_that_leads_nowhere_is_none(void) {
  uint32_t head = shl_load_relaxed_u32(&here.slot->hands[CLASS].head);
  shl_store_relaxed_u32(&here.slot->hands[CLASS].head, UINT32_MAX);
  EXPECT_EQ(0, shl_partial_head(here, CLASS));
  shl_store_relaxed_u32(&here.slot->hands[CLASS].head, 1);
  EXPECT_EQ(0, shl_partial_head(here, CLASS));
  shl_store_relaxed_u32(&here.slot->hands[CLASS].head, head);
}

SUITE(partial, SET_UP(open_heap), TEAR_DOWN(close_heap), TEST(the_newest_comes_first),
      TEST(slabs_leave_from_either_end_and_the_middle), TEST(the_only_one_is_known),
      TEST(a_slab_on_no_list_is_not_unlinked_again), TEST(a_push_cut_anywhere_can_be_run_again),
      TEST(an_unlink_cut_anywhere_can_be_run_again), TEST(random_sequences_keep_the_list),
      TEST(a_head_that_leads_nowhere_is_none))
