// SPDX-License-Identifier: MIT
// Goal: whatever instruction a thread dies at in a call with a caller's word, recovery leaves the
// word and the heap in agreement, before the call or after it: nothing is stranded.
// Method: each call is cut after every instruction, each state recovered and checked, with others
// collecting in between or not; then each recovery is cut in the same way.
#include <shoal/exact.h>
#include <shoal/root.h>

#include "alloc/class.h"
#include "alloc/drain.h"
#include "alloc/hand.h"
#include "alloc/huge.h"
#include "alloc/journal.h"
#include "alloc/root.h"
#include "alloc/run.h"
#include "tests/alloc/death.h"
#include "tests/harness/harness.h"

enum { SMALL = 64, WIDE = 6000, RUN = 50000, HUGE = 5 << 20, HUGER = 7 << 20 };

#define OP(name) (1U << SHL_J_##name)

// A word in a block of its own; the victim is the thread's own slot.
static void prepare_word(struct scene *scene) {
  scene->victim = stand_here(scene->heap);
  scene->word = shoal_ptr(scene->heap, stand_alloc(scene->victim, 16));
  *scene->word = 0;
}

static void prepare_small(struct scene *scene) {
  prepare_word(scene);
  (void)stand_alloc(scene->victim, SMALL);
}

// The word names a block of the victim's own, allocated by `size`.
static void prepare_own(struct scene *scene, size_t size) {
  prepare_word(scene);
  *scene->word = shoal_alloc(scene->heap, size, 0);
  EXPECT_NE(0, *scene->word);
}

static void prepare_own_small(struct scene *scene) {
  prepare_own(scene, SMALL);
  (void)stand_alloc(scene->victim, SMALL);
}

static void prepare_own_run(struct scene *scene) {
  prepare_own(scene, RUN);
}

static void prepare_own_huge(struct scene *scene) {
  prepare_own(scene, HUGE);
}

static void prepare_others(struct scene *scene) {
  prepare_word(scene);
  *scene->word = stand_alloc(scene->other, WIDE);
  (void)stand_alloc(scene->other, WIDE);
}

// The only block of its slab, beside another slab of the class: its free releases the slab.
static void prepare_last_of_slab(struct scene *scene) {
  prepare_word(scene);
  unsigned blocks = shl_classes[shl_class_of(WIDE)].blocks;
  shoal_off first = stand_alloc(scene->victim, WIDE);
  shoal_off offs[64];
  for (unsigned i = 1; i < blocks; i++) offs[i] = stand_alloc(scene->victim, WIDE);
  (void)stand_alloc(scene->victim, WIDE);
  for (unsigned i = 1; i < blocks; i++) stand_free(scene->victim, offs[i]);
  *scene->word = first;
}

static void prepare_reserved(struct scene *scene) {
  prepare_word(scene);
  EXPECT_OK(shoal_reserve(scene->heap, WIDE, 0, &scene->off));
}

static void alloc_to(struct scene *scene, size_t size) {
  EXPECT_OK(shoal_alloc_to(scene->heap, scene->word, size, SHOAL_ZERO));
}

static void alloc_small_to(struct scene *scene) {
  alloc_to(scene, SMALL);
}

static void alloc_wide_to(struct scene *scene) {
  alloc_to(scene, WIDE);
}

static void alloc_run_to(struct scene *scene) {
  EXPECT_OK(shoal_alloc_to(scene->heap, scene->word, RUN, 0));
}

static void alloc_huge_to(struct scene *scene) {
  EXPECT_OK(shoal_alloc_to(scene->heap, scene->word, HUGE, 0));
}

static void free_from(struct scene *scene) {
  EXPECT_OK(shoal_free_from(scene->heap, scene->word));
}

static void realloc_to(struct scene *scene, size_t size) {
  EXPECT_OK(shoal_realloc_to(scene->heap, scene->word, size));
}

static void realloc_to_wide(struct scene *scene) {
  realloc_to(scene, WIDE);
}

static void realloc_to_run(struct scene *scene) {
  realloc_to(scene, RUN);
}

static void realloc_to_huge(struct scene *scene) {
  realloc_to(scene, HUGE);
}

static void realloc_to_huger(struct scene *scene) {
  realloc_to(scene, HUGER);
}

static void publish(struct scene *scene) {
  EXPECT_OK(shoal_publish(scene->heap, scene->word, scene->off));
}

static void reserve(struct scene *scene) {
  EXPECT_OK(shoal_reserve(scene->heap, WIDE, 0, &scene->off));
}

static void reserve_run(struct scene *scene) {
  EXPECT_OK(shoal_reserve(scene->heap, RUN, 0, &scene->off));
}

static void cancel(struct scene *scene) {
  EXPECT_OK(shoal_cancel(scene->heap, scene->off));
}

// A slot that lives collects what was freed into its slabs, and takes the lowest block.
static void others_collect(struct scene *scene) {
  shl_drain(scene->other);
  shl_hand_give_back_all(scene->other);
  tally_add(&scene->extra, scene->heap, stand_alloc(scene->other, WIDE));
}

// A slot that lives claims the first chunk, if it is to be had, which collects what was freed in
// it, and takes the lowest pages.
static void others_claim(struct scene *scene) {
  shl_store_relaxed_u32(&scene->other.slot->cursor, scene->heap->first_chunk);
  struct shl_run_request request = {.pages = 1, .align_pages = 1};
  uint64_t off;
  if (shl_run_alloc(scene->other, request, false, &off) == SHOAL_OK) {
    tally_add(&scene->extra, scene->heap, off);
  }
}

// Slots that live take every chunk that is to be had, the freed one's among them.
static void others_take(struct scene *scene) {
  const struct shl_wish chunk = {.bytes = SHL_CHUNK_BYTES};
  uint64_t off;
  while (shl_huge_alloc(scene->other, &chunk, &off) == SHOAL_OK) {
    tally_add(&scene->extra, scene->heap, off);
  }
}

// A slot that lives takes nearly all pages of a chunk, from the first on: of one that is FREE.
static void others_cut(struct scene *scene) {
  struct shl_run_request request = {.pages = SHL_PAGES_PER_CHUNK - 1, .align_pages = 1};
  uint64_t off;
  if (shl_run_alloc(scene->other, request, false, &off) == SHOAL_OK) {
    tally_add(&scene->extra, scene->heap, off);
  }
}

static const struct step slab_steps[] = {
    {"alloc_to, pop", prepare_small, alloc_small_to, NULL, 1, false},
    {"alloc_to, new slab", prepare_word, alloc_wide_to, NULL,
     OP(CHUNK) | OP(NEWSLAB) | OP(REFILL), false},
    {"free_from, own", prepare_own_small, free_from, NULL, 1, false},
    {"free_from, another's", prepare_others, free_from, NULL, OP(HINT), false},
    {"free_from, another's, who collects", prepare_others, free_from, others_collect, OP(HINT),
     false},
    {"free_from, last of its slab", prepare_last_of_slab, free_from, NULL,
     OP(CHUNK) | OP(FREESLAB), false},
    {"realloc_to, own", prepare_own_small, realloc_to_wide, NULL, OP(REFILL), false},
    {"realloc_to, another's", prepare_others, realloc_to_run, NULL, OP(RUN) | OP(HINT), false},
    {"realloc_to, another's, who collects", prepare_others, realloc_to_run, others_collect,
     OP(RUN) | OP(HINT), false},
};

static const struct step run_steps[] = {
    {"alloc_to, run", prepare_word, alloc_run_to, NULL, OP(CHUNK) | OP(RUN), false},
    {"alloc_to, run, others claim", prepare_word, alloc_run_to, others_claim,
     OP(CHUNK) | OP(RUN), false},
    {"free_from, run", prepare_own_run, free_from, NULL, OP(CHUNK), false},
    {"free_from, run, others claim", prepare_own_run, free_from, others_claim, OP(CHUNK), false},
    {"realloc_to, run to slab", prepare_own_run, realloc_to_wide, NULL, OP(CHUNK), false},
    {"realloc_to, run to slab, others claim", prepare_own_run, realloc_to_wide, others_claim,
     OP(CHUNK), false},
};

static const struct step huge_steps[] = {
    {"alloc_to, huge", prepare_word, alloc_huge_to, NULL, OP(HUGE), true},
    {"alloc_to, huge, others take", prepare_word, alloc_huge_to, others_take, OP(HUGE), true},
    {"free_from, huge", prepare_own_huge, free_from, NULL, OP(HFREE1) | OP(HFREE2), true},
    {"free_from, huge, others take", prepare_own_huge, free_from, others_take,
     OP(HFREE1) | OP(HFREE2), true},
    {"alloc_to, huge, others cut", prepare_word, alloc_huge_to, others_cut, OP(HUGE), true},
    {"free_from, huge, others cut", prepare_own_huge, free_from, others_cut,
     OP(HFREE1) | OP(HFREE2), true},
    {"realloc_to, slab to huge", prepare_own_small, realloc_to_huge, NULL, OP(HUGE), true},
    {"realloc_to, huge to run", prepare_own_huge, realloc_to_run, NULL,
     OP(RUN) | OP(HFREE1) | OP(HFREE2), true},
    {"realloc_to, huge to run, others take", prepare_own_huge, realloc_to_run, others_take,
     OP(RUN) | OP(HFREE1) | OP(HFREE2), true},
    {"realloc_to, huge to run, others cut", prepare_own_huge, realloc_to_run, others_cut,
     OP(RUN) | OP(HFREE1) | OP(HFREE2), true},
    {"realloc_to, huge in place", prepare_own_huge, realloc_to_huger, NULL, OP(HGROW), true},
};

static shoal_status build_nothing(shoal_heap *heap, void *object, void *context) {
  (void)heap;
  (void)object;
  (void)context;
  return SHOAL_OK;
}

static void find_or_create(struct scene *scene) {
  shoal_root root = {.size = WIDE, .type_id = 7};
  const shoal_root_builder builder = {.construct = build_nothing};
  EXPECT_OK(shoal_root_find_or_create(scene->heap, "root", &root, &builder));
}

// The slot that the builder will borrow is the next that is free; the word is the root's.
static void prepare_root(struct scene *scene) {
  prepare_word(scene);
  find_or_create(scene);
  struct shl_root_rec *record = scene->heap->roots;
  while (shl_load_relaxed_u64(&record->off) == 0) record++;
  EXPECT_OK(shoal_free_offset(scene->heap, shl_load_relaxed_u64(&record->off)));
  EXPECT_OK(shoal_root_remove(scene->heap, "root"));
  uint64_t off = shl_region_offset(scene->heap, &record->off);
  scene->word = (shoal_off *)(void *)(scene->heap->view.base + off);
  scene->second = stand_other(scene->heap, 0);
  shl_slot_let_go(scene->second);
}

static void expect_each(const struct step *steps, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!death_anywhere_in(&steps[i])) SKIP("this machine does not stop at each instruction");
  }
}

static void calls_on_slabs_strand_nothing(void) {
  expect_each(slab_steps, sizeof slab_steps / sizeof slab_steps[0]);
}

static void calls_on_runs_strand_nothing(void) {
  expect_each(run_steps, sizeof run_steps / sizeof run_steps[0]);
}

static void calls_on_whole_chunks_strand_nothing(void) {
  expect_each(huge_steps, sizeof huge_steps / sizeof huge_steps[0]);
}

static const struct step reservation_steps[] = {
    {"reserve", prepare_word, reserve, NULL, OP(CHUNK) | OP(NEWSLAB) | OP(REFILL), false},
    {"reserve, run", prepare_word, reserve_run, NULL, OP(CHUNK) | OP(RUN), false},
    {"publish", prepare_reserved, publish, NULL, 1, false},
    {"cancel", prepare_reserved, cancel, NULL, 1, false},
};

static void reservations_strand_nothing(void) {
  expect_each(reservation_steps, sizeof reservation_steps / sizeof reservation_steps[0]);
}

// Who finds the root removes it, and keeps its block.
static void others_remove(struct scene *scene) {
  for (uint32_t i = 0; i < scene->heap->root_count; i++) {
    const struct shl_root_rec *record = &scene->heap->roots[i];
    bool busy = shl_root_decode(shl_load_relaxed_u64(&record->version)).busy;
    if (busy || shl_load_relaxed_u64(&record->check) == 0) continue;
    tally_add(&scene->extra, scene->heap, shl_load_relaxed_u64(&record->off));
    shl_root_empty(scene->heap, i);
  }
}

static const struct step root_steps[] = {
    {"find_or_create", prepare_root, find_or_create, NULL, 1, false},
    {"find_or_create, others remove", prepare_root, find_or_create, others_remove, 1, false},
};

static void a_root_and_its_block_come_together(void) {
  expect_each(root_steps, sizeof root_steps / sizeof root_steps[0]);
}

SUITE(handover, TEST(calls_on_slabs_strand_nothing), TEST(calls_on_runs_strand_nothing),
      TEST(calls_on_whole_chunks_strand_nothing), TEST(reservations_strand_nothing),
      TEST(a_root_and_its_block_come_together))
