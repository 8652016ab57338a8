// SPDX-License-Identifier: MIT
// Goal: a hand takes a few blocks of one word, each is given once, and what is left goes back.
// Method: hands filled from single slabs, words compared; deaths by hand.
#include "alloc/hand.h"

#include "alloc/journal.h"
#include "alloc/partial.h"
#include "tests/alloc/seats.h"
#include "tests/harness/harness.h"

static void open_heap(void) {
  seats_open(stand_open(0), 0);
}

static struct shl_hand_rec *hand_of(struct shl_seat seat, unsigned class_index) {
  return &seat.slot->hands[class_index];
}

static void a_refill_moves_blocks_out_of_the_word(void) {
  for (unsigned i = 1; i < SHL_CLASS_COUNT; i++) {
    uint32_t unit = stand_slab(here, i);
    struct shl_hot_rec *hot = shl_hot_row(heap, unit);
    uint64_t before = shl_load_relaxed_u64(&hot->free[0]);
    shl_hand_refill(here, i, unit, 0);
    uint64_t blocks = shl_load_relaxed_u64(&hand_of(here, i)->blocks);
    uint64_t after = shl_load_relaxed_u64(&hot->free[0]);
    EXPECT_EQ(before, blocks | after);
    EXPECT_EQ(0, blocks & after);
    EXPECT_NE(0, blocks);
    EXPECT_LE(shl_count_bits(blocks) * (uint64_t)shl_classes[i].bytes, 32768);
    EXPECT_EQ(unit << 6, shl_load_relaxed_u32(&hand_of(here, i)->ref));
    EXPECT_EQ(after != 0, (shl_load_relaxed_u64(&hot->nonempty) & 1) != 0);
    EXPECT_EQ(0, stand_journal(here));
  }
}

static void pops_give_each_block_once_from_the_lowest(void) {
  uint32_t unit = stand_slab(here, 4);
  shl_hand_refill(here, 4, unit, 2);
  for (unsigned i = 0; i < 64; i++) {
    EXPECT_EQ(shl_unit_offset(unit) + (2 * 64 + i) * 64, shl_hand_pop(hand_of(here, 4)));
  }
  EXPECT_EQ(0, shl_hand_pop(hand_of(here, 4)));
}

static void a_hand_given_back_leaves_nothing(void) {
  uint32_t unit = stand_slab(here, 4);
  shl_hand_refill(here, 4, unit, 5);
  EXPECT_NE(0, shl_hand_pop(hand_of(here, 4)));
  shl_hand_give_back(here, 4);
  struct shl_hot_rec *hot = shl_hot_row(heap, unit);
  EXPECT_EQ(UINT64_MAX - 1, shl_load_relaxed_u64(&hot->free[5]));
  EXPECT_EQ(0xffff, shl_load_relaxed_u64(&hot->nonempty));
  EXPECT_EQ(0, shl_load_relaxed_u64(&hand_of(here, 4)->blocks));
  EXPECT_EQ(0, shl_load_relaxed_u32(&hand_of(here, 4)->ref));
  EXPECT_EQ(0, shl_load_relaxed_u64(&hand_of(here, 4)->base));
  shl_hand_give_back(here, 4);
  EXPECT_EQ(0, stand_journal(here));
}

// The hand has a full slab's last blocks: going back they list it again.
static void a_hand_given_back_to_a_full_slab_lists_it(void) {
  uint32_t unit = stand_slab(here, 72);
  shl_hand_refill(here, 72, unit, 0);
  shl_a64 *free = shl_hot_row(heap, unit)->free;
  struct shl_hand_rec *hand = hand_of(here, 72);
  shl_store_relaxed_u64(free, 0);
  shl_store_relaxed_u64(&shl_hot_row(heap, unit)->nonempty, 0);
  shl_partial_unlink(here, 72, unit);
  uint64_t blocks = shl_load_relaxed_u64(&hand->blocks);
  shl_hand_give_back(here, 72);
  EXPECT_EQ(blocks, shl_load_relaxed_u64(free));
  EXPECT_EQ(unit, shl_partial_head(here, 72));
}

// What nobody uses goes with it, unless it is the class's only slab.
static void a_hand_given_back_releases_an_empty_slab(void) {
  uint32_t low = stand_slab(here, 4), high = stand_slab(here, 4);
  shl_hand_refill(here, 4, low, 0);
  shl_hand_give_back(here, 4);
  EXPECT_EQ(0, shl_load_relaxed_u64(shl_unit_desc(heap, low)));
  shl_hand_refill(here, 4, high, 0);
  shl_hand_give_back(here, 4);
  EXPECT_NE(0, shl_load_relaxed_u64(shl_unit_desc(heap, high)));
}

static void all_hands_go_back_at_once(void) {
  for (unsigned i = 1; i < SHL_CLASS_COUNT; i++) shl_hand_refill(here, i, stand_slab(here, i), 0);
  shl_hand_give_back_all(here);
  for (unsigned i = 1; i < SHL_CLASS_COUNT; i++) {
    EXPECT_EQ(0, shl_load_relaxed_u32(&hand_of(here, i)->ref));
  }
  EXPECT_EQ(0, stand_stats(heap).cached);
}

static void set_journal(struct shl_seat seat, unsigned class_index, uint32_t unit, unsigned word) {
  struct shl_journal entry = {.op = SHL_J_REFILL, .class_index = class_index, .a = unit, .b = word};
  shl_store_release_u64(&seat.slot->journal, shl_journal_encode(entry));
}

// A refill cut before the new reference: the hand stays at the old slab.
static void a_refill_cut_at_its_start_keeps_the_old_slab(void) {
  uint32_t low = stand_slab(other, 72), high = stand_slab(other, 72);
  shl_hand_refill(other, 72, low, 0);
  while (shl_hand_pop(hand_of(other, 72)) != 0) {
  }
  set_journal(other, 72, high, 0);
  stand_die(other);
  EXPECT(stand_is_clean(heap));
  EXPECT_EQ(low << 6, shl_load_relaxed_u32(&hand_of(other, 72)->ref));
  EXPECT_EQ(UINT64_C(0xffff), shl_load_relaxed_u64(&shl_hot_row(heap, high)->free[0]));
}

// The hand held the last free blocks of a full slab. They are put back, counted and listed, or
// nobody would find them.
static void recovery_strands_no_block_of_a_full_slab(void) {
  uint32_t unit = stand_slab(other, 72);
  shl_hand_refill(other, 72, unit, 0);
  struct shl_hot_rec *hot = shl_hot_row(heap, unit);
  struct shl_hand_rec *hand = hand_of(other, 72);
  shl_store_relaxed_u64(&hand->blocks, UINT64_C(0x8000));
  shl_store_relaxed_u64(hot->free, 0);
  shl_store_relaxed_u64(&hot->nonempty, 0);
  shl_partial_unlink(other, 72, unit);
  set_journal(other, 72, unit, 0);
  stand_die(other);
  EXPECT(stand_is_clean(heap));
  EXPECT_EQ(UINT64_C(0x8000), shl_load_relaxed_u64(hot->free));
  EXPECT_EQ(unit, shl_partial_head(other, 72));
}

// Without a journal the hands of the dead stay as they are: the heir goes on with them.
static void hands_of_the_dead_stay_theirs(void) {
  uint32_t unit = stand_slab(other, 4);
  shl_hand_refill(other, 4, unit, 0);
  uint64_t off = shl_hand_pop(hand_of(other, 4));
  stand_die(other);
  EXPECT_EQ(UINT64_MAX - 1, shl_load_relaxed_u64(&hand_of(other, 4)->blocks));
  EXPECT_EQ(off + 64, shl_hand_pop(hand_of(other, 4)));
}

SUITE(hand, SET_UP(open_heap), TEAR_DOWN(seats_close), TEST(a_refill_moves_blocks_out_of_the_word),
      TEST(pops_give_each_block_once_from_the_lowest), TEST(a_hand_given_back_leaves_nothing),
      TEST(a_hand_given_back_to_a_full_slab_lists_it),
      TEST(a_hand_given_back_releases_an_empty_slab), TEST(all_hands_go_back_at_once),
      TEST(a_refill_cut_at_its_start_keeps_the_old_slab),
      TEST(recovery_strands_no_block_of_a_full_slab), TEST(hands_of_the_dead_stay_theirs))
