// SPDX-License-Identifier: MIT
// Goal: once the dead have been reaped their words are their heirs': whatever the instruction was
// that a call with a word died at, the heir frees through the word and nothing is freed twice,
// nothing kept. A word that another has changed meanwhile is not touched, nor is the block.
// Method: calls cut after every instruction; in each state the owner dies, is recovered, and a
// slot that lives goes on with the word.
#include <shoal/exact.h>

#include "alloc/handover.h"
#include "tests/alloc/cut.h"
#include "tests/alloc/stand.h"
#include "tests/harness/harness.h"

enum { WIDE = 6000, RUN = 50000 };

static shoal_heap *heap;
static struct shl_seat here, other;
static shoal_off *word;
static uint64_t nothing;  // blocks allocated while the word names none

static void open_heap(void) {
  heap = stand_open_tiny();
  here = stand_here(heap);
  other = stand_other(heap, STAND_STOPPED);
  word = shoal_ptr(heap, stand_alloc(here, 16));
  *word = 0;
  nothing = stand_live(heap);
}

static void close_heap(void) {
  stand_close(heap);
}

static void alloc_block(void *unused) {
  (void)unused;
  EXPECT_OK(shoal_alloc_to(heap, word, WIDE, 0));
}

static void alloc_run(void *unused) {
  (void)unused;
  EXPECT_OK(shoal_alloc_to(heap, word, RUN, 0));
}

static void free_word(void *unused) {
  (void)unused;
  EXPECT_OK(shoal_free_from(heap, word));
}

static void realloc_word(void *unused) {
  (void)unused;
  EXPECT_OK(shoal_realloc_to(heap, word, RUN));
}

// By the slot that lives.
static void inherit(void) {
  shoal_off off = *word;
  struct shl_place place;
  if (off == 0) return;
  EXPECT_EQ(0, shl_block_at(heap, off, &place));
  EXPECT(!shl_block_is_free(other, &place));
  EXPECT(shl_handover_back(other, shl_region_offset(heap, word), off, &place));
}

// returns: false iff this machine does not step.
static bool heir_finds_all(void (*call)(void *)) {
  struct cut cut;
  uint64_t *const words[CUT_WORDS] = {word};
  if (!cut_run(heap, words, call, NULL, &cut)) return false;
  EXPECT_LT(2, cut.count);
  cut_count(&cut);
  for (size_t i = 0; i < cut.count && !test_has_failed(); i++) {
    cut_restore(&cut, i);
    stand_die(here);
    inherit();
    EXPECT_EQ(nothing, stand_live(heap));
    if (!stand_is_clean(heap)) FAIL("state %zu of %zu", i, cut.count);
  }
  cut_restore(&cut, cut.count - 1);
  inherit();
  cut_free(&cut);
  return true;
}

static void the_heir_of_a_dead_allocation_frees_what_there_is(void) {
  bool steps = heir_finds_all(alloc_block);
  if (!steps || !heir_finds_all(alloc_run)) SKIP("this machine does not stop at each instruction");
}

static void the_heir_of_a_dead_free_frees_once(void) {
  EXPECT_OK(shoal_alloc_to(heap, word, WIDE, 0));
  bool steps = heir_finds_all(free_word);
  EXPECT_OK(shoal_alloc_to(heap, word, RUN, 0));
  if (!steps || !heir_finds_all(free_word)) SKIP("this machine does not stop at each instruction");
}

static void the_heir_of_a_dead_realloc_has_one_block(void) {
  *word = stand_alloc(other, WIDE);
  if (!heir_finds_all(realloc_word)) SKIP("this machine does not stop at each instruction");
}

// A consumer that does not keep to the rule takes the block out of the word as soon as it stands
// there, and puts one of its own in.
static void a_block_taken_out_of_the_word_is_its_takers(void) {
  struct cut cut;
  shoal_off own = stand_alloc(other, WIDE);
  uint64_t *const words[CUT_WORDS] = {word};
  if (!cut_run(heap, words, alloc_block, NULL, &cut)) {
    SKIP("this machine does not stop at each instruction");
  }
  unsigned taken = 0;
  cut_count(&cut);
  for (size_t i = 0; i < cut.count && !test_has_failed(); i++) {
    cut_restore(&cut, i);
    shoal_off off = *word;
    *word = own;
    stand_die(here);
    EXPECT_EQ(own, *word);
    struct shl_place place;
    taken += off != 0 ? 1 : 0;
    if (off != 0) EXPECT_EQ(0, shl_block_at(heap, off, &place));
    if (off != 0) EXPECT(!shl_block_is_free(other, &place));
    EXPECT(stand_is_clean(heap));
  }
  EXPECT_LT(0, taken);
  cut_restore(&cut, cut.count - 1);
  cut_free(&cut);
}

SUITE(heir, SET_UP(open_heap), TEAR_DOWN(close_heap),
      TEST(the_heir_of_a_dead_allocation_frees_what_there_is),
      TEST(the_heir_of_a_dead_free_frees_once), TEST(the_heir_of_a_dead_realloc_has_one_block),
      TEST(a_block_taken_out_of_the_word_is_its_takers))
