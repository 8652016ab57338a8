// SPDX-License-Identifier: MIT
// Goal: a thread may stand still at any instruction, for any time, while others free into its
// slabs, take what is free, tend and reap: nobody waits for it, and when it goes on everything adds
// up.
// Method: each step is stopped after every so manieth instruction, each time at other ones; there
// the others work; then it runs to its end, and the heap is checked and counted.
#include <shoal/exact.h>

#include "alloc/drain.h"
#include "alloc/hand.h"
#include "alloc/huge.h"
#include "alloc/orphan.h"
#include "alloc/reap.h"
#include "alloc/run.h"
#include "tests/alloc/death.h"
#include "tests/harness/harness.h"

enum { WIDE = 6000, RUN_PAGES = 13, STOPS = 80 };

static const struct shl_run_request run_wish = {.pages = RUN_PAGES, .align_pages = 1};
static const struct shl_wish huge_wish = {.bytes = 3 << 20};

// A step and its scene, on their way through a void pointer.
struct act {
  const struct step *step;
  struct scene scene;
};

static void play(void *argument) {
  struct act *act = argument;
  act->step->run(&act->scene);
}

static void let_others_work(void *argument) {
  struct act *act = argument;
  act->step->meanwhile(&act->scene);
}

static uint64_t live(const struct act *act) {
  return stand_live(act->scene.heap) - act->scene.extra.blocks;
}

static bool adds_up(const struct act *act, uint64_t blocks, shoal_off word) {
  uint32_t id = shl_seat_id(act->scene.victim);
  bool whole = live(act) == blocks && stand_is_clean(act->scene.heap);
  bool owned = shl_owner_read(act->scene.heap, id).state == SHL_OWNER_OWNED;
  bool idle = stand_journal(act->scene.victim) == 0;
  bool said = act->scene.word == NULL || *act->scene.word == word;
  return whole && owned && idle && said;
}

// Stops the step at `STOPS` places. returns: false iff this machine does not step.
static bool stop_anywhere_in(const struct step *step) {
  struct act act = {.step = step};
  act.scene.heap = step->many_chunks ? stand_open_small() : stand_open_tiny();
  act.scene.victim = stand_other(act.scene.heap, 0);
  act.scene.other = stand_other(act.scene.heap, STAND_STOPPED);
  step->prepare(&act.scene);
  struct cut cut;
  uint64_t *const words[CUT_WORDS] = {act.scene.word};
  if (!cut_run(act.scene.heap, words, play, &act, &cut)) {
    stand_close(act.scene.heap);
    return false;
  }
  uint64_t blocks = live(&act);
  shoal_off word = act.scene.word != NULL ? *act.scene.word : 0;
  size_t stride = cut.instructions / test_rounds(STOPS) + 1;
  for (size_t at = 1; at < cut.instructions; at += stride) {
    cut_restore(&cut, 0);
    act.scene.extra = (struct tally){.blocks = 0};
    if (!cut_stop(play, let_others_work, &act, at)) break;
    test_count("stops", 1);
    if (!adds_up(&act, blocks, word)) FAIL("%s: stopped after %zu", step->name, at);
    if (test_has_failed()) break;
  }
  cut_restore(&cut, 0);
  cut_free(&cut);
  stand_close(act.scene.heap);
  return true;
}

// The others free a block of the stopped one's slab, look for the dead, and take memory of each
// kind.
static void others_work(struct scene *scene) {
  if (scene->off != 0) {
    tally_take(&scene->extra, scene->heap, scene->off);
    stand_free(scene->other, scene->off);
  }
  shl_reap(scene->heap);
  shl_orphan_tend_next(scene->heap);
  tally_add(&scene->extra, scene->heap, stand_alloc(scene->other, WIDE));
  uint64_t off;
  if (shl_run_alloc(scene->other, run_wish, false, &off) == SHOAL_OK) {
    tally_add(&scene->extra, scene->heap, off);
  }
}

// What waits for the others is collected, and taken.
static void others_collect(struct scene *scene) {
  shl_drain(scene->other);
  shl_hand_give_back_all(scene->other);
  tally_add(&scene->extra, scene->heap, stand_alloc(scene->other, WIDE));
}

static void others_take_chunks(struct scene *scene) {
  const struct shl_wish chunk = {.bytes = SHL_CHUNK_BYTES};
  uint64_t off;
  shl_reap(scene->heap);
  if (shl_huge_alloc(scene->other, &chunk, &off) == SHOAL_OK) {
    tally_add(&scene->extra, scene->heap, off);
  }
}

static void prepare_block(struct scene *scene) {
  scene->off = stand_alloc(scene->victim, WIDE);
  (void)stand_alloc(scene->victim, WIDE);
}

static void prepare_used_up(struct scene *scene) {
  prepare_block(scene);
  unsigned blocks = shl_classes[shl_class_of(WIDE)].blocks;
  for (unsigned i = 2; i < blocks; i++) (void)stand_alloc(scene->victim, WIDE);
}

static void prepare_nothing(struct scene *scene) {
  (void)scene;
}

static void alloc_block(struct scene *scene) {
  (void)stand_alloc(scene->victim, WIDE);
}

// The block under work is not the one that the others free.
static void prepare_pair(struct scene *scene) {
  prepare_used_up(scene);
  scene->extra = (struct tally){.blocks = 0};
  uint64_t size = shl_classes[shl_class_of(WIDE)].bytes;
  scene->unit = (uint32_t)(scene->off + size);
}

static void free_second(struct scene *scene) {
  stand_free(scene->victim, scene->unit);
}

static void give_back(struct scene *scene) {
  shl_hand_give_back_all(scene->victim);
}

static void prepare_pending(struct scene *scene) {
  prepare_pair(scene);
  stand_free(scene->other, scene->unit);
}

static void drain(struct scene *scene) {
  shl_drain(scene->victim);
}

static void prepare_run(struct scene *scene) {
  uint64_t off;
  EXPECT_OK(shl_run_alloc(scene->victim, run_wish, false, &off));
  scene->unit = (uint32_t)off;
}

static void free_run(struct scene *scene) {
  EXPECT(stand_free_run(scene->victim, scene->unit));
}

static void prepare_huge(struct scene *scene) {
  uint64_t off;
  EXPECT_OK(shl_huge_alloc(scene->victim, &huge_wish, &off));
  scene->unit = (uint32_t)(off >> SHL_CHUNK_SHIFT);
}

static void free_huge(struct scene *scene) {
  EXPECT(shl_huge_free(scene->victim, scene->unit));
}

static void alloc_huge(struct scene *scene) {
  uint64_t off;
  EXPECT_OK(shl_huge_alloc(scene->victim, &huge_wish, &off));
}

// A word of the calling thread's own that names another's block, whose owner goes on working.
static void prepare_word(struct scene *scene) {
  scene->victim = stand_here(scene->heap);
  scene->word = shoal_ptr(scene->heap, stand_alloc(scene->victim, 16));
  *scene->word = stand_alloc(scene->other, WIDE);
  (void)stand_alloc(scene->other, WIDE);
}

static void free_from(struct scene *scene) {
  EXPECT_OK(shoal_free_from(scene->heap, scene->word));
}

// An orphan with a hand and frees that wait, on whose behalf the stopped one works.
static void prepare_orphan(struct scene *scene) {
  scene->second = stand_other(scene->heap, 0);
  scene->off = stand_alloc(scene->second, WIDE);
  shoal_off off = stand_alloc(scene->second, WIDE);
  (void)stand_alloc(scene->second, WIDE);
  stand_free(scene->other, off);
  shl_slot_let_go(scene->second);
}

static void tend(struct scene *scene) {
  struct shl_seat orphan;
  uint32_t id = 0;
  while (shl_orphan_next(scene->heap, &id, &orphan)) {
    shl_seat_drain(orphan);
    shl_orphan_leave(orphan);
  }
}

static const struct step block_steps[] = {
    {"new slab", prepare_nothing, alloc_block, others_work, 0, false},
    {"refill past a full slab", prepare_used_up, alloc_block, others_work, 0, false},
    {"free into a full slab", prepare_pair, free_second, others_work, 0, false},
    {"hand back", prepare_block, give_back, others_work, 0, false},
    {"collection", prepare_pending, drain, others_work, 0, false},
    {"free_from of another's", prepare_word, free_from, others_collect, 0, false},
};

static const struct step page_steps[] = {
    {"run", prepare_nothing, prepare_run, others_work, 0, false},
    {"free of a run", prepare_run, free_run, others_work, 0, false},
    {"huge block", prepare_nothing, alloc_huge, others_take_chunks, 0, true},
    {"free of a huge block", prepare_huge, free_huge, others_take_chunks, 0, true},
};

static const struct step orphan_steps[] = {
    {"tending of an orphan", prepare_orphan, tend, others_work, 0, false},
};

static void expect_each(const struct step *steps, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!stop_anywhere_in(&steps[i])) SKIP("this machine does not stop at each instruction");
  }
}

static void who_stops_in_a_step_on_blocks_holds_nobody_up(void) {
  expect_each(block_steps, sizeof block_steps / sizeof block_steps[0]);
}

static void who_stops_in_a_step_on_pages_holds_nobody_up(void) {
  expect_each(page_steps, sizeof page_steps / sizeof page_steps[0]);
}

static void a_tender_that_stops_keeps_one_orphan_and_loses_nothing(void) {
  expect_each(orphan_steps, sizeof orphan_steps / sizeof orphan_steps[0]);
}

SUITE(stopped, TEST(who_stops_in_a_step_on_blocks_holds_nobody_up),
      TEST(who_stops_in_a_step_on_pages_holds_nobody_up),
      TEST(a_tender_that_stops_keeps_one_orphan_and_loses_nothing))
