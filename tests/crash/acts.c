// SPDX-License-Identifier: MIT
#include "tests/crash/acts.h"

#include <string.h>

#include <shoal/orphans.h>

#include "tests/harness/harness.h"

// Sizes: a block of a slab of 32, so that two slabs are soon made; a run; whole chunks.
enum { SMALL = 2048, SMALL_SLAB = 32, RUN = 40 << 10, HUGE = 3 << 20, MANY = 70 };

static shoal_status take(struct stage *stage, size_t bytes, unsigned flags) {
  return shoal_alloc(stage->heap, bytes, flags) != 0 ? SHOAL_OK : SHOAL_E_FULL;
}

static shoal_status alloc_block(struct stage *stage, unsigned index) {
  (void)index;
  return take(stage, stage->bytes, 0);
}

static shoal_status alloc_zero(struct stage *stage, unsigned index) {
  (void)index;
  return take(stage, stage->bytes, SHOAL_ZERO);
}

static shoal_status alloc_aligned(struct stage *stage, unsigned index) {
  return take(stage, 3000, index == 0 ? SHOAL_ALIGN(4096) : SHOAL_ALIGN(65536));
}

static shoal_status alloc_run(struct stage *stage, unsigned index) {
  (void)index;
  return take(stage, RUN, 0);
}

static shoal_status alloc_huge(struct stage *stage, unsigned index) {
  (void)index;
  return take(stage, HUGE, 0);
}

static void prepare_block(struct stage *stage) {
  (void)stage_take(stage, stage->bytes);
}

static void prepare_run(struct stage *stage) {
  (void)stage_take(stage, RUN);
}

static void prepare_huge(struct stage *stage) {
  (void)stage_take(stage, HUGE);
}

static void prepare_slabs(struct stage *stage) {
  for (unsigned i = 0; i < SMALL_SLAB + 1; i++) (void)stage_take(stage, SMALL);
}

static void prepare_other_slabs(struct stage *stage) {
  for (unsigned i = 0; i < SMALL_SLAB + 1; i++) (void)stage_take_as_other(stage, SMALL);
}

static void prepare_other_block(struct stage *stage) {
  (void)stage_take_as_other(stage, stage->bytes);
}

static shoal_status free_next(struct stage *stage, unsigned index) {
  return shoal_free_offset(stage->heap, stage->blocks[index]);
}

static void prepare_each_kind(struct stage *stage) {
  prepare_block(stage);
  prepare_run(stage);
  prepare_huge(stage);
}

// In place and elsewhere, within a kind and into another, longer and shorter.
static shoal_status realloc_next(struct stage *stage, unsigned index) {
  const struct {
    unsigned block;
    size_t bytes;
  } steps[] = {{0, stage->bytes - 8}, {0, 5000},     {0, RUN}, {1, RUN + 20000}, {1, 5000},
               {2, HUGE * 2},         {2, HUGE - 1}, {2, 100}};
  shoal_off *off = &stage->blocks[steps[index].block];
  void *moved = shoal_realloc(stage->heap, shoal_ptr(stage->heap, *off), steps[index].bytes);
  if (moved == NULL) return SHOAL_E_FULL;
  *off = shoal_offset(stage->heap, moved);
  return SHOAL_OK;
}

// Of a slab, a run, whole chunks, in turn.
static size_t bytes_of_kind(const struct stage *stage, unsigned index) {
  const size_t bytes[] = {stage->bytes, RUN, HUGE};
  return bytes[index % 3];
}

static shoal_status alloc_to(struct stage *stage, unsigned index) {
  return shoal_alloc_to(stage->heap, &stage->words[index], bytes_of_kind(stage, index), 0);
}

static void prepare_words(struct stage *stage) {
  for (unsigned i = 0; i < 3; i++) stage->words[i] = stage_take(stage, bytes_of_kind(stage, i));
  stage->words[3] = stage_take_as_other(stage, stage->bytes);
}

static shoal_status free_from(struct stage *stage, unsigned index) {
  return shoal_free_from(stage->heap, &stage->words[index]);
}

static shoal_status realloc_to(struct stage *stage, unsigned index) {
  static const size_t bytes[] = {5000, 5000, RUN, RUN};
  return shoal_realloc_to(stage->heap, &stage->words[index], bytes[index]);
}

static shoal_status reserve_and_publish(struct stage *stage, unsigned index) {
  unsigned kind = index / 2;
  if (index % 2 == 1) {
    return shoal_publish(stage->heap, &stage->words[kind], stage->blocks[kind]);
  }
  return shoal_reserve(stage->heap, bytes_of_kind(stage, kind), 0, &stage->blocks[kind]);
}

static shoal_status reserve_and_cancel(struct stage *stage, unsigned index) {
  unsigned kind = index / 2;
  if (index % 2 == 1) return shoal_cancel(stage->heap, stage->blocks[kind]);
  return shoal_reserve(stage->heap, bytes_of_kind(stage, kind), 0, &stage->blocks[kind]);
}

static shoal_status build(shoal_heap *heap, void *object, void *context) {
  (void)heap;
  (void)context;
  *(uint64_t *)object = 1;
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
  stage->words[0] = stage_take(stage, RUN);
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

// The other leaves a slab with free blocks and pending frees behind.
static void leave_orphan(struct stage *stage) {
  prepare_other_slabs(stage);
  for (unsigned i = 0; i < 8; i++) {
    EXPECT_OK(shoal_free_offset(stage->heap, stage->blocks[i]));
  }
  struct shl_seat seat = {.heap = stage->heap, .slot = stage->other->seat.slot};
  shl_slot_let_go(seat);
  *stage->other = actor_of(stage->heap, stage->other->process);
  stage->other->generation = stage->actor->generation;
}

// A thread without a slot comes.
static void leave_orphan_and_seat(struct stage *stage) {
  leave_orphan(stage);
  shl_seat_return(stage->heap);
}

static shoal_status alloc_small(struct stage *stage, unsigned index) {
  (void)index;
  return take(stage, SMALL, 0);
}

// The other's thread has ended without a word.
static void end_other(struct stage *stage) {
  struct shl_seat seat = {.heap = stage->heap, .slot = stage->other->seat.slot};
  struct shl_owner_rec *row = shl_owner_row(stage->heap, shl_seat_id(seat));
  shl_store_release_u64(&row->thread, INT32_MAX);
}

static void leave_dead(struct stage *stage) {
  prepare_other_slabs(stage);
  end_other(stage);
}

static shoal_status reap(struct stage *stage, unsigned index) {
  (void)index;
  return shoal_reap(stage->heap);
}

static shoal_status alloc_tagged(struct stage *stage, unsigned index) {
  return take(stage, bytes_of_kind(stage, index), SHOAL_TAGGED);
}

static void prepare_tagged(struct stage *stage) {
  for (unsigned i = 0; i < 3; i++) {
    stage->blocks[stage->count++] = shoal_alloc(stage->heap, bytes_of_kind(stage, i), SHOAL_TAGGED);
  }
}

static shoal_status untag(struct stage *stage, unsigned index) {
  return shoal_untag(stage->heap, stage->blocks[index]);
}

// The other has tagged three blocks, published none, and its thread has ended without a word.
static void leave_tagged(struct stage *stage) {
  actor_leave(stage->actor);
  actor_enter(stage->other);
  prepare_tagged(stage);
  actor_leave(stage->other);
  actor_enter(stage->actor);
  end_other(stage);
}

// What to do with which orphan; the others stay.
struct choice {
  shoal_off off;
  int what;
};

static int choose(void *context, const shoal_orphan *orphan) {
  const struct choice *choice = context;
  return orphan->off == choice->off ? choice->what : SHOAL_ORPHAN_KEEP;
}

static shoal_status claim_orphan(struct stage *stage, unsigned index) {
  struct choice choice = {.off = stage->blocks[index % 3], .what = SHOAL_ORPHAN_FREE};
  if (index == 0) choice.what = SHOAL_ORPHAN_ADOPT;
  return shoal_orphans(stage->heap, choose, &choice);
}

static void leave_dead_and_seat(struct stage *stage) {
  leave_dead(stage);
  shl_seat_return(stage->heap);
}

static shoal_status succeed(struct stage *stage, unsigned index) {
  return index == 0 ? shoal_reap(stage->heap) : take(stage, SMALL, 0);
}

const struct act acts[] = {
    {"alloc", NULL, alloc_block, 1, false, false},
    {"alloc zero", NULL, alloc_zero, 1, false, false},
    {"alloc many", NULL, alloc_block, MANY, false, false},
    {"alloc aligned", NULL, alloc_aligned, 2, false, false},
    {"alloc run", NULL, alloc_run, 1, false, false},
    {"alloc huge", NULL, alloc_huge, 1, false, false},
    {"free", prepare_block, free_next, 1, false, false},
    {"free slabs", prepare_slabs, free_next, SMALL_SLAB + 1, false, false},
    {"free remote", prepare_other_block, free_next, 1, false, false},
    {"free remote slabs", prepare_other_slabs, free_next, SMALL_SLAB + 1, false, false},
    {"free run", prepare_run, free_next, 1, false, false},
    {"free huge", prepare_huge, free_next, 1, false, false},
    {"realloc", prepare_each_kind, realloc_next, 8, true, false},
    {"alloc to", NULL, alloc_to, 3, false, false},
    {"free from", prepare_words, free_from, 4, false, false},
    {"realloc to", prepare_words, realloc_to, 4, false, false},
    {"reserve, publish", NULL, reserve_and_publish, 6, false, false},
    {"reserve, cancel", NULL, reserve_and_cancel, 6, false, false},
    {"roots", NULL, change_roots, 5, false, false},
    {"pin", prepare_pin, pin, 2, false, false},
    {"tagged", NULL, alloc_tagged, 3, false, false},
    {"untag", prepare_tagged, untag, 3, false, false},
    {"orphans", leave_tagged, claim_orphan, 3, false, true},
    {"trim", prepare_waste, trim, 2, false, false},
    {"idle", NULL, idle, 1, false, false},
    {"detach", NULL, detach, 1, false, false},
    {"adopt", leave_orphan_and_seat, alloc_small, 3, false, true},
    {"tend", leave_orphan, alloc_small, SMALL_SLAB + 4, false, true},
    {"reap", leave_dead, reap, 1, false, true},
    {"succeed", leave_dead_and_seat, succeed, 2, false, true},
};
const unsigned act_count = sizeof acts / sizeof acts[0];

const struct act *act_named(const char *name) {
  for (unsigned i = 0; i < act_count; i++) {
    if (strcmp(acts[i].name, name) == 0) return &acts[i];
  }
  return NULL;
}

void act_open(const struct act *act, const struct opening *opening, struct stage *stage) {
  if (act->ends_other) {
    (void)stage_take_as_other(stage, SMALL);  // a slot of its own, while no orphan is there to take
  } else if (act->prepare != NULL) {
    act->prepare(stage);
  }
  opening->set(stage);
}

void act_end_other(const struct act *act, struct stage *stage) {
  if (act->ends_other) act->prepare(stage);
}
