// SPDX-License-Identifier: MIT
// Goal: whatever instruction a thread dies at, recovery leaves a heap without contradictions in
// which the step was done or was not, and dying in the recovery changes nothing about that.
// Method: each step is cut after every instruction, each state recovered and checked; then each
// recovery is cut in the same way.
#include "alloc/recover.h"

#include <shoal/root.h>

#include "alloc/chunk.h"
#include "alloc/drain.h"
#include "alloc/hand.h"
#include "alloc/hint.h"
#include "alloc/huge.h"
#include "alloc/refill.h"
#include "alloc/run.h"
#include "alloc/slab.h"
#include "tests/alloc/death.h"
#include "tests/harness/harness.h"

enum { WIDE = 6000, RUN_PAGES = 13, GARBAGE = 20000 };

#define OP(name) (1U << SHL_J_##name)

static void prepare_nothing(struct scene *scene) {
  (void)scene;
}

// A slab with some blocks allocated; the victim's hand draws from it.
static void prepare_block(struct scene *scene) {
  scene->off = stand_alloc(scene->victim, WIDE);
  scene->unit = stand_bit_of(scene->heap, scene->off).unit;
  (void)stand_alloc(scene->victim, WIDE);
}

// The same with a block in the hand.
static void prepare_hand(struct scene *scene) {
  scene->off = stand_alloc(scene->victim, WIDE);
  scene->unit = stand_bit_of(scene->heap, scene->off).unit;
  EXPECT_NE(0, shl_load_relaxed_u64(&scene->victim.slot->hands[shl_class_of(WIDE)].blocks));
}

// The same with the hand empty.
static void prepare_empty_hand(struct scene *scene) {
  prepare_block(scene);
  struct shl_hand_rec *hand = &scene->victim.slot->hands[shl_class_of(WIDE)];
  while (shl_hand_pop(hand) != 0) {
  }
}

// A slab without free blocks, on no list.
static void prepare_full(struct scene *scene) {
  prepare_block(scene);
  unsigned class_index = shl_class_of(WIDE);
  for (unsigned i = 2; i < shl_classes[class_index].blocks; i++) {
    (void)stand_alloc(scene->victim, WIDE);
  }
  (void)stand_alloc(scene->victim, WIDE);
  EXPECT_EQ(SHL_SLAB_FULL, shl_load_relaxed_u8(&shl_hot_row(scene->heap, scene->unit)->state));
}

// A slab without free blocks, still listed, its hand empty.
static void prepare_used_up(struct scene *scene) {
  prepare_block(scene);
  unsigned class_index = shl_class_of(WIDE);
  for (unsigned i = 2; i < shl_classes[class_index].blocks; i++) {
    (void)stand_alloc(scene->victim, WIDE);
  }
}

static void prepare_pending(struct scene *scene) {
  prepare_full(scene);
  stand_free(scene->other, scene->off);
}

// The hand empty, at a word of a slab that has more of them.
static void prepare_next_word(struct scene *scene) {
  for (unsigned i = 0; i < 64; i++) (void)stand_alloc(scene->victim, 64);
}

// The hand empty, at another slab than the full one that the block is of.
static void prepare_full_elsewhere(struct scene *scene) {
  prepare_full(scene);
  struct shl_hand_rec *hand = &scene->victim.slot->hands[shl_class_of(WIDE)];
  while (shl_hand_pop(hand) != 0) {
  }
}

static void prepare_others_block(struct scene *scene) {
  scene->off = stand_alloc(scene->other, WIDE);
  scene->unit = stand_bit_of(scene->heap, scene->off).unit;
}

static void prepare_used_up_pending(struct scene *scene) {
  prepare_used_up(scene);
  stand_free(scene->other, scene->off);
}

// A slab of the victim's with all blocks free, beside another of its class.
static void prepare_empty_slab(struct scene *scene) {
  prepare_full(scene);
  shoal_off second = scene->off;
  uint64_t size = shl_classes[shl_class_of(WIDE)].bytes;
  for (unsigned i = 0; i < shl_classes[shl_class_of(WIDE)].blocks; i++) {
    stand_free(scene->victim, second + i * size);
  }
}

// The same in a chunk that a live slot holds.
static void prepare_held_empty_slab(struct scene *scene) {
  prepare_empty_slab(scene);
  EXPECT_EQ(SHL_CLAIM_TAKEN, shl_chunk_claim(scene->other, shl_unit_chunk(scene->unit)));
}

static void prepare_run(struct scene *scene) {
  struct shl_run_request request = {.pages = RUN_PAGES, .align_pages = 1};
  EXPECT_OK(shl_run_alloc(scene->victim, request, false, &scene->off));
  EXPECT_OK(shl_run_alloc(scene->victim, request, false, &scene->off));
}

static void prepare_last_run(struct scene *scene) {
  struct shl_run_request request = {.pages = RUN_PAGES, .align_pages = 1};
  EXPECT_OK(shl_run_alloc(scene->victim, request, false, &scene->off));
}

static void prepare_free_chunk(struct scene *scene) {
  prepare_last_run(scene);
  EXPECT(stand_free_run(scene->victim, scene->off));
}

static void prepare_huge(struct scene *scene) {
  EXPECT_OK(shl_huge_alloc(scene->victim, &(struct shl_wish){.bytes = 5 << 20}, &scene->off));
}

static void prepare_long_huge(struct scene *scene) {
  EXPECT_OK(shl_huge_alloc(scene->victim, &(struct shl_wish){.bytes = 9 << 20}, &scene->off));
}

// The victim is the thread's own slot: what follows is done by public calls.
static void prepare_own(struct scene *scene) {
  scene->victim = stand_here(scene->heap);
  scene->off = stand_alloc(scene->victim, WIDE);
}

static void prepare_root(struct scene *scene) {
  prepare_own(scene);
  shoal_root root = {.off = scene->off, .type_id = 7};
  EXPECT_OK(shoal_root_set(scene->heap, "the root", &root));
  scene->off = stand_alloc(scene->victim, WIDE);
}

static uint32_t chunk_of(const struct scene *scene) {
  return (uint32_t)(scene->off >> SHL_CHUNK_SHIFT);
}

static unsigned page_of(const struct scene *scene) {
  return (unsigned)(scene->off >> SHL_PAGE_SHIFT) % SHL_PAGES_PER_CHUNK;
}

static void run_alloc_64(struct scene *scene) {
  (void)stand_alloc(scene->victim, 64);
}

static void run_alloc(struct scene *scene) {
  (void)stand_alloc(scene->victim, WIDE);
}

static void run_free(struct scene *scene) {
  stand_free(scene->victim, scene->off);
}

static void run_free_into(struct scene *scene) {
  struct stand_bit at = stand_bit_of(scene->heap, scene->off);
  uint32_t ref = at.unit << 6 | at.word;
  shl_hand_free_into(scene->victim, at.class_index, ref, at.bit);
}

static void run_give_back(struct scene *scene) {
  shl_hand_give_back_all(scene->victim);
}

static void run_drain(struct scene *scene) {
  shl_drain(scene->victim);
}

static void run_examine(struct scene *scene) {
  EXPECT(shl_slab_examine(scene->victim, scene->unit, false));
}

static void run_refused_examine(struct scene *scene) {
  EXPECT(!shl_slab_examine(scene->victim, scene->unit, false));
}

static void run_run_alloc(struct scene *scene) {
  struct shl_run_request request = {.pages = RUN_PAGES, .align_pages = 1};
  uint64_t off;
  EXPECT_OK(shl_run_alloc(scene->victim, request, false, &off));
}

static void run_run_free(struct scene *scene) {
  EXPECT(stand_free_run(scene->victim, scene->off));
}

static void run_run_grow(struct scene *scene) {
  EXPECT(shl_run_resize(scene->victim, chunk_of(scene), page_of(scene), RUN_PAGES + 20));
}

static void run_run_shrink(struct scene *scene) {
  EXPECT(shl_run_resize(scene->victim, chunk_of(scene), page_of(scene), 1));
}

static void run_trim(struct scene *scene) {
  EXPECT(shl_chunk_trim(scene->victim, chunk_of(scene)));
}

static void run_huge_alloc(struct scene *scene) {
  EXPECT_OK(shl_huge_alloc(scene->victim, &(struct shl_wish){.bytes = 5 << 20}, &scene->off));
}

static void run_huge_free(struct scene *scene) {
  EXPECT(shl_huge_free(scene->victim, chunk_of(scene)));
}

static void run_huge_grow(struct scene *scene) {
  EXPECT(shl_huge_resize(scene->victim, chunk_of(scene), 9 << 20));
}

static void run_huge_shrink(struct scene *scene) {
  EXPECT(shl_huge_resize(scene->victim, chunk_of(scene), 3 << 20));
}

static void run_root_set(struct scene *scene) {
  shoal_root root = {.off = scene->off, .type_id = 7};
  EXPECT_OK(shoal_root_set(scene->heap, "the root", &root));
}

static void run_root_remove(struct scene *scene) {
  EXPECT_OK(shoal_root_remove(scene->heap, "the root"));
}

// The victim's slab wholly freed by another: collected and released by one drain.
static void prepare_all_pending(struct scene *scene) {
  prepare_full(scene);
  (void)stand_alloc(scene->victim, WIDE);
  uint64_t size = shl_classes[shl_class_of(WIDE)].bytes;
  for (unsigned i = 0; i < shl_classes[shl_class_of(WIDE)].blocks; i++) {
    stand_free(scene->other, scene->off + i * size);
  }
}

static const struct step block_steps[] = {
    {"first block of a class", prepare_nothing, run_alloc, NULL,
     OP(CHUNK) | OP(NEWSLAB) | OP(REFILL), false},
    {"first small block", prepare_nothing, run_alloc_64, NULL,
     OP(CHUNK) | OP(NEWSLAB) | OP(REFILL), false},
    {"pop", prepare_hand, run_alloc, NULL, 1, false},
    {"refill", prepare_empty_hand, run_alloc, NULL, OP(REFILL), false},
    {"refill from the next word", prepare_next_word, run_alloc_64, NULL, OP(REFILL), false},
    {"free into the hand", prepare_full_elsewhere, run_free_into, NULL, 0, false},
    {"refill past a full slab", prepare_used_up, run_alloc, NULL,
     OP(UNLINK) | OP(NEWSLAB) | OP(REFILL), false},
    {"refill by a collection", prepare_used_up_pending, run_alloc, NULL,
     OP(DRAIN) | OP(COLLECT) | OP(REFILL), false},
    {"local free", prepare_block, run_free, NULL, 1, false},
    {"free into a full slab", prepare_full, run_free, NULL, OP(RELIST), false},
    {"remote free", prepare_others_block, run_free, NULL, OP(HINT), false},
    {"hand back", prepare_hand, run_give_back, NULL, OP(REFILL), false},
    {"collect", prepare_pending, run_drain, NULL, OP(DRAIN) | OP(COLLECT), false},
    {"collect and release", prepare_all_pending, run_drain, NULL,
     OP(DRAIN) | OP(COLLECT) | OP(CHUNK) | OP(FREESLAB), false},
};

static const struct step page_steps[] = {
    {"release of a slab", prepare_empty_slab, run_examine, NULL, OP(CHUNK) | OP(FREESLAB), false},
    {"refused release of a slab", prepare_held_empty_slab, run_refused_examine, NULL, 0, false},
    {"first run", prepare_nothing, run_run_alloc, NULL, OP(CHUNK) | OP(RUN), false},
    {"run", prepare_run, run_run_alloc, NULL, OP(CHUNK) | OP(RUN), false},
    {"free of a run", prepare_run, run_run_free, NULL, OP(CHUNK), false},
    {"free of the last run", prepare_last_run, run_run_free, NULL, OP(CHUNK), false},
    {"growth of a run", prepare_run, run_run_grow, NULL, OP(CHUNK), false},
    {"shrinking of a run", prepare_run, run_run_shrink, NULL, OP(CHUNK), false},
    {"trim", prepare_free_chunk, run_trim, NULL, OP(TRIM), false},
    {"new root", prepare_own, run_root_set, NULL, OP(ROOT), false},
    {"change of a root", prepare_root, run_root_set, NULL, OP(ROOT), false},
    {"removal of a root", prepare_root, run_root_remove, NULL, OP(ROOT), false},
};

// What the living do with the block before the dead has been noticed: it is theirs by now. One
// chunk they have back, where it began.
static void others_free(struct scene *scene) {
  shoal_off off;
  tally_take(&scene->extra, scene->heap, scene->off);
  EXPECT(shl_huge_free(scene->other, chunk_of(scene)));
  EXPECT_OK(shl_huge_alloc(scene->other, &(struct shl_wish){.bytes = 2 << 20}, &off));
  EXPECT_EQ(scene->off, off);
  tally_add(&scene->extra, scene->heap, off);
}

static void others_resize(struct scene *scene, uint64_t bytes) {
  tally_take(&scene->extra, scene->heap, scene->off);
  (void)shl_huge_resize(scene->other, chunk_of(scene), bytes);
  tally_add(&scene->extra, scene->heap, scene->off);
}

static void others_take_7(struct scene *scene) {
  others_resize(scene, 7 << 20);
}

static void others_take_1(struct scene *scene) {
  others_resize(scene, 1 << 20);
}

static const struct step inherited_steps[] = {
    {"growth, others free", prepare_huge, run_huge_grow, others_free, OP(HGROW), true},
    {"growth, others resize", prepare_huge, run_huge_grow, others_take_7, OP(HGROW), true},
    {"growth, others shrink", prepare_huge, run_huge_grow, others_take_1, OP(HGROW), true},
    {"shrinking, others free", prepare_long_huge, run_huge_shrink, others_free, OP(HGROW), true},
    {"shrinking, others grow", prepare_long_huge, run_huge_shrink, others_take_7, OP(HGROW), true},
    {"shrinking, others too", prepare_long_huge, run_huge_shrink, others_take_1, OP(HGROW), true},
};

static const struct step huge_steps[] = {
    {"huge block", prepare_nothing, run_huge_alloc, NULL, OP(HUGE), true},
    {"free of a huge block", prepare_huge, run_huge_free, NULL, OP(HFREE1) | OP(HFREE2), true},
    {"growth of a huge block", prepare_huge, run_huge_grow, NULL, OP(HGROW), true},
    {"shrinking of a huge block", prepare_long_huge, run_huge_shrink, NULL, OP(HGROW), true},
};

static void steps_on_blocks_can_be_cut_anywhere(void) {
  for (size_t i = 0; i < sizeof block_steps / sizeof block_steps[0]; i++) {
    if (!death_anywhere_in(&block_steps[i])) SKIP("this machine does not stop at each instruction");
  }
}

static void steps_on_pages_can_be_cut_anywhere(void) {
  for (size_t i = 0; i < sizeof page_steps / sizeof page_steps[0]; i++) {
    if (!death_anywhere_in(&page_steps[i])) SKIP("this machine does not stop at each instruction");
  }
}

static void steps_on_whole_chunks_can_be_cut_anywhere(void) {
  for (size_t i = 0; i < sizeof huge_steps / sizeof huge_steps[0]; i++) {
    if (!death_anywhere_in(&huge_steps[i])) SKIP("this machine does not stop at each instruction");
  }
}

static void whole_chunks_resized_by_the_dead_are_the_livings(void) {
  for (size_t i = 0; i < sizeof inherited_steps / sizeof inherited_steps[0]; i++) {
    if (!death_anywhere_in(&inherited_steps[i])) {
      SKIP("this machine does not stop at each instruction");
    }
  }
}

// Killed between the release of its claim and J = 0: what stands there by now is another's.
static void a_step_that_ended_is_not_run_again(void) {
  shoal_heap *heap = stand_open_small();
  struct shl_seat victim = stand_other(heap, 0), other = stand_other(heap, STAND_STOPPED);
  struct stand_bit at = stand_bit_of(heap, stand_alloc(other, 64));
  struct shl_journal entries[] = {{.op = SHL_J_FREESLAB, .class_index = 4, .a = at.unit},
                                  {.op = SHL_J_RUN, .a = shl_unit_chunk(at.unit)},
                                  {.op = SHL_J_CHUNK, .a = shl_unit_chunk(at.unit)}};
  for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
    if (entries[i].op == SHL_J_RUN) {
      entries[i].b = at.unit % SHL_UNITS_PER_CHUNK * SHL_PAGES_PER_UNIT;
    }
    shl_store_release_u64(&victim.slot->journal, shl_journal_encode(entries[i]));
    shl_recover(victim);
    EXPECT_EQ(shl_desc_make(shl_seat_id(other), 4, 0),
              shl_load_relaxed_u64(shl_unit_desc(heap, at.unit)));
    EXPECT(stand_is_clean(heap));
  }
  EXPECT_EQ(1, stand_live(heap));
  stand_close(heap);
}

// What another process has spoilt: recovery ends, in the region, and the journal is empty after it.
static void any_journal_word_is_survived(void) {
  shoal_heap *heap = stand_open_small();
  struct shl_seat victim = stand_other(heap, 0);
  uint64_t random = 88172645463325252U;
  (void)stand_alloc(victim, 64);
  for (uint64_t i = test_rounds(GARBAGE); i > 0; i--) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    uint64_t small = (random & 0x1f) | (random >> 8 & 0x7f) << 6 |
                     (random >> 16 & 0xff) << 14 | (random >> 24 & 0x1ff) << 40;
    shl_store_relaxed_u64(&victim.slot->journal, i % 2 == 0 ? random : small);
    shl_recover(victim);
    EXPECT_EQ(0, stand_journal(victim));
  }
  EXPECT_OK(shoal_close(heap));
}

SUITE(recover, TEST(any_journal_word_is_survived), TEST(a_step_that_ended_is_not_run_again),
      TEST(steps_on_blocks_can_be_cut_anywhere), TEST(steps_on_pages_can_be_cut_anywhere),
      TEST(steps_on_whole_chunks_can_be_cut_anywhere),
      TEST(whole_chunks_resized_by_the_dead_are_the_livings))
