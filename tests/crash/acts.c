// SPDX-License-Identifier: MIT
#include "tests/crash/acts.h"

#include <string.h>

#include <shoal/orphans.h>

#include "tests/crash/contents.h"
#include "tests/crash/ends.h"
#include "tests/harness/harness.h"
#include "tests/watch/undo.h"

// CORRUPT where what is asked to be zero is not.
static shoal_status take(struct stage *stage, size_t bytes, unsigned flags) {
  shoal_off off = shoal_alloc(stage->heap, bytes, flags);
  if (off == 0) return SHOAL_E_FULL;
  bool is_zero = (flags & SHOAL_ZERO) == 0 || stage_contents(stage, off) == CONTENTS_ZERO;
  return is_zero ? SHOAL_OK : SHOAL_E_CORRUPT;
}

static shoal_status alloc_block(struct stage *stage, unsigned index) {
  (void)index;
  return take(stage, stage->bytes, 0);
}

static shoal_status alloc_aligned(struct stage *stage, unsigned index) {
  return take(stage, 3000, index == 0 ? SHOAL_ALIGN(4096) : SHOAL_ALIGN(65536));
}

static shoal_status alloc_run(struct stage *stage, unsigned index) {
  (void)index;
  return take(stage, STAGE_RUN, 0);
}

static shoal_status alloc_huge(struct stage *stage, unsigned index) {
  (void)index;
  return take(stage, STAGE_HUGE, 0);
}

static void prepare_block(struct stage *stage) {
  (void)stage_take(stage, stage->bytes);
}

static void prepare_run(struct stage *stage) {
  (void)stage_take(stage, STAGE_RUN);
}

static void prepare_huge(struct stage *stage) {
  (void)stage_take(stage, STAGE_HUGE);
}

static void prepare_each_kind(struct stage *stage) {
  prepare_block(stage);
  prepare_run(stage);
  prepare_huge(stage);
}

// What is asked to be zero must be, though the memory was used: old bytes of each kind of block.
static void ask_for_zero(struct stage *stage) {
  prepare_each_kind(stage);
  stage_fill(stage);
  for (unsigned i = 0; i < stage->count; i++) {
    EXPECT_OK(shoal_free_offset(stage->heap, stage->blocks[i]));
  }
  stage->count = 0;
  stage->zeroed = true;
}

static void prepare_slabs(struct stage *stage) {
  unsigned count = stage_more_than_slab(stage->bytes);
  for (unsigned i = 0; i < count; i++) (void)stage_take(stage, stage->bytes);
}

static void prepare_other_block(struct stage *stage) {
  (void)stage_take_as_other(stage, stage->bytes);
}

static shoal_status free_next(struct stage *stage, unsigned index) {
  return shoal_free_offset(stage->heap, stage->blocks[index]);
}

// A block, and how long it is to be.
struct resizing {
  unsigned block;
  size_t bytes;
};

// CORRUPT where the block does not contain what it did, as far as it has room.
static shoal_status resize(struct stage *stage, struct resizing to) {
  shoal_off *off = &stage->blocks[to.block];
  uint32_t contents = stage_contents(stage, *off);
  void *moved = shoal_realloc(stage->heap, shoal_ptr(stage->heap, *off), to.bytes);
  if (moved == NULL) return SHOAL_E_FULL;
  *off = shoal_offset(stage->heap, moved);
  return stage_contents(stage, *off) == contents ? SHOAL_OK : SHOAL_E_CORRUPT;
}

static shoal_status resize_word(struct stage *stage, struct resizing to) {
  shoal_off *word = &stage->words[to.block];
  uint32_t contents = stage_contents(stage, *word);
  shoal_status status = shoal_realloc_to(stage->heap, word, to.bytes);
  if (status != SHOAL_OK) return status;
  return stage_contents(stage, *word) == contents ? SHOAL_OK : SHOAL_E_CORRUPT;
}

// Where the block stands: a slab's, a run's, whole chunks that grow by some, within the last, and
// shrink, by some and within it.
enum { STAYS = 7 };
static struct resizing staying(const struct stage *stage, unsigned index) {
  const struct resizing steps[STAYS] = {
      {0, stage->bytes - 8}, {1, STAGE_RUN + 20000},       {1, STAGE_RUN},
      {2, STAGE_HUGE * 2},   {2, STAGE_HUGE * 2 - 300000}, {2, STAGE_HUGE * 2 - 9000},
      {2, STAGE_HUGE - 1}};
  return steps[index];
}

// Within a kind and into another, longer, and shorter only once: what a block lost does not come
// back.
enum { MOVES = 4 };
static struct resizing moving(unsigned index) {
  // What is shorter is as long as a class's blocks: all of it is copied.
  static const struct resizing steps[MOVES] = {{0, STAGE_RUN}, {0, 5120}, {1, 5120}, {2, 112}};
  return steps[index];
}

static shoal_status realloc_staying(struct stage *stage, unsigned index) {
  struct resizing to = staying(stage, index);
  shoal_off before = stage->blocks[to.block];
  shoal_status status = resize(stage, to);
  stage->moved = stage->moved || stage->blocks[to.block] != before;
  return status;
}

static shoal_status realloc_moving(struct stage *stage, unsigned index) {
  return resize(stage, moving(index));
}

static shoal_status realloc_to_staying(struct stage *stage, unsigned index) {
  struct resizing to = staying(stage, index);
  shoal_off before = stage->words[to.block];
  shoal_status status = resize_word(stage, to);
  stage->moved = stage->moved || stage->words[to.block] != before;
  return status;
}

static shoal_status alloc_zero(struct stage *stage, unsigned index) {
  return take(stage, stage_bytes_of(stage, index), SHOAL_ZERO);
}

static shoal_status alloc_zero_to(struct stage *stage, unsigned index) {
  shoal_off *word = &stage->words[index];
  size_t bytes = stage_bytes_of(stage, index);
  shoal_status status = shoal_alloc_to(stage->heap, word, bytes, SHOAL_ZERO);
  if (status != SHOAL_OK) return status;
  return stage_contents(stage, *word) == CONTENTS_ZERO ? SHOAL_OK : SHOAL_E_CORRUPT;
}

static shoal_status alloc_to(struct stage *stage, unsigned index) {
  return shoal_alloc_to(stage->heap, &stage->words[index], stage_bytes_of(stage, index), 0);
}

static void prepare_words(struct stage *stage) {
  for (unsigned i = 0; i < STAGE_KINDS; i++) {
    stage->words[i] = stage_take(stage, stage_bytes_of(stage, i));
  }
  stage->words[3] = stage_take_as_other(stage, stage->bytes);
}

static shoal_status free_from(struct stage *stage, unsigned index) {
  return shoal_free_from(stage->heap, &stage->words[index]);
}

static shoal_status realloc_to(struct stage *stage, unsigned index) {
  static const struct resizing steps[] = {{0, 5000}, {1, 5000}, {2, STAGE_RUN}, {3, STAGE_RUN}};
  return resize_word(stage, steps[index]);
}

static shoal_status reserve_and_publish(struct stage *stage, unsigned index) {
  unsigned kind = index / 2;
  if (index % 2 == 1) {
    return shoal_publish(stage->heap, &stage->words[kind], stage->blocks[kind]);
  }
  return shoal_reserve(stage->heap, stage_bytes_of(stage, kind), 0, &stage->blocks[kind]);
}

static shoal_status reserve_and_cancel(struct stage *stage, unsigned index) {
  unsigned kind = index / 2;
  if (index % 2 == 1) return shoal_cancel(stage->heap, stage->blocks[kind]);
  return shoal_reserve(stage->heap, stage_bytes_of(stage, kind), 0, &stage->blocks[kind]);
}

static shoal_status build(shoal_heap *heap, void *object, void *context) {
  (void)heap;
  (void)context;
  undo_store(object, 1);  // seen by no watcher: it is put back all the same
  return SHOAL_OK;
}

static shoal_status change_roots(struct stage *stage, unsigned index) {
  shoal_root root = {.size = 16, .type_id = 1};
  const shoal_root_builder builder = {.construct = build, .timeout_ms = 1000};
  switch (index) {
    case 0:
    case 1: return shoal_root_set(stage->heap, "first", &root);
    case 2:
    case 3: return shoal_root_find_or_create(stage->heap, "second", &root, &builder);
    default: return shoal_root_remove(stage->heap, "first");
  }
}

static shoal_status pin(struct stage *stage, unsigned index) {
  if (index == 1) return shoal_unpin(stage->heap, stage->pin);
  return shoal_pin(stage->heap, stage->words[0], 8, &stage->pin);
}

static void prepare_pin(struct stage *stage) {
  stage->words[0] = stage_take(stage, STAGE_RUN);
}

static void prepare_waste(struct stage *stage) {
  prepare_each_kind(stage);
  prepare_slabs(stage);
  for (unsigned i = 0; i < stage->count; i++) {
    EXPECT_OK(shoal_free_offset(stage->heap, stage->blocks[i]));
  }
}

static shoal_status trim(struct stage *stage, unsigned index) {
  return shoal_trim(stage->heap, index == 0 ? SHOAL_TRIM_CHUNKS : SHOAL_TRIM_ALL);
}

static shoal_status idle(struct stage *stage, unsigned index) {
  (void)index;
  return shoal_thread_idle(stage->heap);
}

static shoal_status detach(struct stage *stage, unsigned index) {
  (void)index;
  shl_seat_return(stage->heap);
  return SHOAL_OK;
}

static shoal_status reap(struct stage *stage, unsigned index) {
  (void)index;
  return shoal_reap(stage->heap);
}

static shoal_status alloc_tagged(struct stage *stage, unsigned index) {
  return take(stage, stage_bytes_of(stage, index), SHOAL_TAGGED);
}

static shoal_status untag(struct stage *stage, unsigned index) {
  return shoal_untag(stage->heap, stage->blocks[index]);
}

// What to do with which orphan; the others stay.
struct choice {
  shoal_off off;
  int what;
  bool met;
};

static int choose(void *context, const shoal_orphan *orphan) {
  struct choice *choice = context;
  if (orphan->off != choice->off) return SHOAL_ORPHAN_KEEP;
  choice->met = true;
  return choice->what;
}

static shoal_status claim_orphan(struct stage *stage, unsigned index) {
  struct choice choice = {.off = stage->blocks[stage->count - STAGE_KINDS + index],
                          .what = SHOAL_ORPHAN_FREE};
  if (index == 0) choice.what = SHOAL_ORPHAN_ADOPT;
  shoal_status status = shoal_orphans(stage->heap, choose, &choice);
  return status == SHOAL_OK && !choice.met ? SHOAL_E_NOT_FOUND : status;
}

static shoal_status succeed(struct stage *stage, unsigned index) {
  return index == 0 ? shoal_reap(stage->heap) : take(stage, stage->bytes, 0);
}

const struct act acts[] = {
    {"alloc", NULL, alloc_block, 1, false, false, false},
    {"alloc zero", ask_for_zero, alloc_zero, STAGE_KINDS, false, false, false},
    {"alloc many", NULL, alloc_block, 5, false, false, true},
    {"alloc aligned", NULL, alloc_aligned, 2, false, false, false},
    {"alloc run", NULL, alloc_run, 1, false, false, false},
    {"alloc huge", NULL, alloc_huge, 1, false, false, false},
    {"free", prepare_block, free_next, 1, false, false, false},
    {"free slabs", prepare_slabs, free_next, 0, false, false, true},
    {"free remote", prepare_other_block, free_next, 1, false, false, false},
    {"free remote slabs", end_take_slabs, free_next, 0, false, false, true},
    {"free run", prepare_run, free_next, 1, false, false, false},
    {"free huge", prepare_huge, free_next, 1, false, false, false},
    {"realloc", prepare_each_kind, realloc_moving, MOVES, true, false, false},
    {"realloc in place", prepare_each_kind, realloc_staying, STAYS, false, false, false},
    {"alloc to", NULL, alloc_to, STAGE_KINDS, false, false, false},
    {"alloc zero to", ask_for_zero, alloc_zero_to, STAGE_KINDS, false, false, false},
    {"free from", prepare_words, free_from, 4, false, false, false},
    {"realloc to", prepare_words, realloc_to, 4, false, false, false},
    {"realloc to in place", prepare_words, realloc_to_staying, STAYS, false, false, false},
    {"reserve, publish", NULL, reserve_and_publish, 2 * STAGE_KINDS, false, false, false},
    {"reserve, cancel", NULL, reserve_and_cancel, 2 * STAGE_KINDS, false, false, false},
    {"roots", NULL, change_roots, 5, false, false, false},
    {"pin", prepare_pin, pin, 2, false, false, false},
    {"tagged", NULL, alloc_tagged, STAGE_KINDS, false, false, false},
    {"untag", stage_take_tagged, untag, STAGE_KINDS, false, false, false},
    {"orphans", end_dead_with_tags, claim_orphan, STAGE_KINDS, false, true, false},
    {"trim", prepare_waste, trim, 2, false, false, false},
    {"idle", prepare_block, idle, 1, false, false, false},
    {"detach", prepare_block, detach, 1, false, false, false},
    {"adopt", end_as_orphan_without_seat, alloc_block, 3, false, true, false},
    {"tend", end_as_orphan, alloc_block, 3, false, true, true},
    {"act as orphan", end_as_orphan_without_memory, alloc_block, 4, false, true, false},
    {"reap", end_dead, reap, 1, false, true, false},
    {"succeed", end_dead_without_seat, succeed, 2, false, true, false},
};
const unsigned act_count = sizeof acts / sizeof acts[0];

const struct act *act_named(const char *name) {
  for (unsigned i = 0; i < act_count; i++) {
    if (strcmp(acts[i].name, name) == 0) return &acts[i];
  }
  return NULL;
}

unsigned act_calls(const struct act *act, size_t bytes) {
  return act->calls + (act->by_slab ? stage_more_than_slab(bytes) : 0);
}

void act_open(const struct act *act, const struct opening *opening, struct stage *stage) {
  if (act->ends_other) {
    // A slot of its own, while no orphan is there to take.
    (void)stage_take_as_other(stage, stage->bytes);
  } else if (act->prepare != NULL) {
    act->prepare(stage);
  }
  opening->set(stage);
  stage_fill(stage);
}

void act_end_other(const struct act *act, struct stage *stage) {
  if (!act->ends_other) return;
  act->prepare(stage);
  stage_fill(stage);
  stage->ended_word = shl_load_acquire_u64(&shl_owner_row(stage->heap, stage->ended)->word);
}

bool act_is_as_named(const struct act *act, const struct stage *stage) {
  if (stage->moved) return false;
  return !act->ends_other ||
         shl_load_acquire_u64(&shl_owner_row(stage->heap, stage->ended)->word) != stage->ended_word;
}
