// SPDX-License-Identifier: MIT
// Goal: a slab is made whole, goes when nothing holds it, and stays while anything does.
// Method: single slabs, their words looked at and written by hand.
#include "alloc/slab.h"

#include "alloc/chunk.h"
#include "alloc/hand.h"
#include "alloc/partial.h"
#include "alloc/run.h"
#include "tests/alloc/seats.h"
#include "tests/harness/harness.h"

static void open_heap(void) {
  seats_open(stand_open(0), STAND_STOPPED);
}

static uint32_t run_word(uint32_t unit) {
  return shl_run_word(heap, shl_unit_chunk(unit), unit % SHL_UNITS_PER_CHUNK * SHL_PAGES_PER_UNIT);
}

static void a_new_slab_of_any_class_is_all_free(void) {
  for (unsigned i = 1; i < SHL_CLASS_COUNT; i++) {
    const struct shl_class_info *info = &shl_classes[i];
    uint32_t unit = stand_slab(here, i);
    EXPECT_EQ(shl_run_encode(info->units * 16U, SHL_RUN_SLAB), run_word(unit));
    for (uint32_t back = 0; back < info->units; back++) {
      uint64_t desc = shl_load_relaxed_u64(shl_unit_desc(heap, unit + back));
      EXPECT_EQ(shl_desc_make(shl_seat_id(here), i, back), desc);
    }
    EXPECT(shl_slab_is_empty(heap, unit, info));
    for (unsigned w = info->words; w < SHL_WORDS_PER_SLAB; w++) {
      EXPECT_EQ(0, shl_load_relaxed_u64(&shl_hot_row(heap, unit)->free[w]));
    }
  }
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  EXPECT_EQ(0, stand_stats(heap).slabs);
}

static void an_empty_slab_goes(void) {
  uint32_t unit = stand_slab(here, 60);
  EXPECT(shl_slab_examine(here, unit, false));
  EXPECT_EQ(0, run_word(unit));
  for (uint32_t i = 0; i < 3; i++) {
    EXPECT_EQ(0, shl_load_relaxed_u64(shl_unit_desc(heap, unit + i)));
  }
  EXPECT_EQ(0, shl_partial_head(here, 60));
  EXPECT_EQ(SHL_CHUNK_FREE, shl_chunk_read(heap, shl_unit_chunk(unit)).state);
}

static void the_only_one_of_its_class_may_stay(void) {
  uint32_t low = stand_slab(here, 4);
  EXPECT(!shl_slab_examine(here, low, true));
  uint32_t high = stand_slab(here, 4);
  EXPECT(shl_slab_examine(here, low, true));
  EXPECT(!shl_slab_examine(here, high, true));
  EXPECT(shl_slab_examine(here, high, false));
}

static void a_slab_with_a_block_out_stays(void) {
  uint32_t unit = stand_slab(here, 4);
  shoal_off off = stand_alloc(here, 64);
  shl_hand_give_back(here, 4);
  EXPECT(!shl_slab_examine(here, unit, false));
  stand_free(here, off);
  EXPECT(shl_slab_examine(here, unit, false));
}

static void a_slab_stays_while_its_hand_has_blocks(void) {
  uint32_t unit = stand_slab(here, 48);
  shl_hand_refill(here, 48, unit, 0);
  shl_a64 *blocks = &here.slot->hands[48].blocks;
  uint64_t in_hand = shl_load_relaxed_u64(blocks);
  shl_a64 *free = shl_hot_row(heap, unit)->free;
  // All are in F, as in the middle of a refill.
  shl_store_relaxed_u64(free, shl_load_relaxed_u64(free) | in_hand);
  shl_store_relaxed_u64(&shl_hot_row(heap, unit)->nonempty, 1);
  EXPECT(shl_slab_is_empty(heap, unit, &shl_classes[48]));
  EXPECT(!shl_slab_examine(here, unit, false));
  // And as when the hand was popped empty and every block came back.
  shl_store_relaxed_u64(blocks, 0);
  EXPECT(shl_slab_examine(here, unit, false));
  EXPECT_EQ(0, shl_load_relaxed_u32(&here.slot->hands[48].ref));
}

static void a_slab_with_a_pending_free_stays(void) {
  uint32_t unit = stand_slab(here, 4);
  shoal_off off = stand_alloc(here, 64);
  shl_hand_give_back(here, 4);
  stand_free(other, off);
  EXPECT(!shl_slab_examine(here, unit, false));
}

// Freed by its owner, then by another: told when it is collected, which a release would forgo.
static void a_slab_with_a_pending_second_free_stays(void) {
  uint32_t unit = stand_slab(here, 4);
  shoal_off off = stand_alloc(here, 64);
  shl_hand_give_back(here, 4);
  stand_free(here, off);
  struct stand_bit at = stand_bit_of(heap, off);
  (void)shl_or_seq_cst_u64(&at.remote->freed[at.word], at.bit);
  EXPECT(!shl_slab_examine(here, unit, false));
  (void)shl_and_seq_cst_u64(&at.remote->freed[at.word], ~at.bit);
  EXPECT(shl_slab_examine(here, unit, false));
}

static void anothers_slab_is_not_ours_to_release(void) {
  uint32_t unit = stand_slab(here, 4);
  EXPECT(!shl_slab_examine(other, unit, false));
  EXPECT(!shl_slab_examine(here, unit + 1, false));
}

static void a_slab_in_a_claimed_chunk_is_released_later(void) {
  uint32_t unit = stand_slab(here, 4);
  EXPECT_EQ(SHL_CLAIM_TAKEN, shl_chunk_claim(other, shl_unit_chunk(unit)));
  EXPECT(!shl_slab_examine(here, unit, false));
  EXPECT_EQ(unit, shl_partial_head(here, 4));
  EXPECT(shl_desc_pending(shl_load_relaxed_u64(shl_unit_desc(heap, unit))));
  shl_run_end_claim(other, shl_unit_chunk(unit));
  EXPECT(shl_slab_examine(here, unit, false));
}

static void the_first_block_into_a_full_slab_lists_it(void) {
  uint32_t unit = stand_slab(here, 72);
  for (unsigned i = 0; i < 17; i++) (void)stand_alloc(here, 32768);
  struct shl_hot_rec *hot = shl_hot_row(heap, unit);
  EXPECT_EQ(SHL_SLAB_FULL, shl_load_relaxed_u8(&hot->state));
  EXPECT_EQ(0, shl_load_relaxed_u64(&hot->nonempty));
  shl_slab_free_first(here, unit, 0, 1);
  EXPECT_EQ(SHL_SLAB_PARTIAL, shl_load_relaxed_u8(&hot->state));
  EXPECT_EQ(unit, shl_partial_head(here, 72));
  EXPECT_EQ(1, shl_load_relaxed_u64(&hot->nonempty));
  EXPECT_EQ(0, stand_journal(here));
}

static void the_summary_is_counted_from_the_words(void) {
  uint32_t unit = stand_slab(here, 4);
  struct shl_hot_rec *hot = shl_hot_row(heap, unit);
  shl_store_relaxed_u64(&hot->nonempty, 0);
  uint64_t word = shl_load_relaxed_u64(&hot->free[3]);
  shl_store_relaxed_u64(&hot->free[3], 0);
  shl_slab_recount(heap, unit, &shl_classes[4]);
  EXPECT_EQ(0xfff7, shl_load_relaxed_u64(&hot->nonempty));
  shl_store_relaxed_u64(&hot->free[3], word);
  shl_slab_recount(heap, unit, &shl_classes[4]);
  EXPECT_EQ(0xffff, shl_load_relaxed_u64(&hot->nonempty));
}

// The last word of a class whose blocks do not fill it.
static void a_partial_last_word_counts_as_full(void) {
  for (unsigned i = 1; i < SHL_CLASS_COUNT; i++) {
    if (shl_classes[i].blocks % 64 == 0) continue;
    uint32_t unit = stand_slab(here, i);
    EXPECT(shl_slab_is_empty(heap, unit, &shl_classes[i]));
    shl_a64 *last = &shl_hot_row(heap, unit)->free[shl_classes[i].words - 1];
    uint64_t bits = shl_load_relaxed_u64(last);
    EXPECT_EQ(shl_classes[i].blocks % 64, shl_count_bits(bits));
    shl_store_relaxed_u64(last, bits & (bits - 1));
    EXPECT(!shl_slab_is_empty(heap, unit, &shl_classes[i]));
    shl_store_relaxed_u64(last, bits);
    EXPECT(shl_slab_examine(here, unit, false));
  }
}

SUITE(slab, SET_UP(open_heap), TEAR_DOWN(seats_close), TEST(a_new_slab_of_any_class_is_all_free),
      TEST(an_empty_slab_goes), TEST(the_only_one_of_its_class_may_stay),
      TEST(a_slab_with_a_block_out_stays), TEST(a_slab_stays_while_its_hand_has_blocks),
      TEST(a_slab_with_a_pending_free_stays), TEST(a_slab_with_a_pending_second_free_stays),
      TEST(anothers_slab_is_not_ours_to_release), TEST(a_slab_in_a_claimed_chunk_is_released_later),
      TEST(the_first_block_into_a_full_slab_lists_it), TEST(the_summary_is_counted_from_the_words),
      TEST(a_partial_last_word_counts_as_full))
