// SPDX-License-Identifier: MIT
#include "tests/crash/stage.h"

#include <string.h>

#include "tests/harness/harness.h"
#include "tests/watch/lie.h"

static const char root_name[] = "stage";

bool stage_is_dead(const struct shl_region *region, uint32_t process, uint32_t generation) {
  (void)generation;
  return process == STAGE_DOOMED || (lie_is(LIE_FALSE_DEAD) && process != region->process);
}

bool stage_nobody_is_dead(const struct shl_region *region, uint32_t process, uint32_t generation) {
  (void)region;
  (void)process;
  (void)generation;
  return false;
}

void stage_set(shoal_heap *heap) {
  shoal_off off = shoal_alloc(heap, STAGE_WORDS * sizeof(shoal_off), SHOAL_ZERO);
  shoal_root root = {.off = off, .size = STAGE_WORDS * sizeof(shoal_off)};
  EXPECT_NE(0, off);
  EXPECT_OK(shoal_root_set(heap, root_name, &root));
}

struct stage stage_of(shoal_heap *heap, struct actor *actor, struct actor *other) {
  shoal_root root = {.off = 0};
  EXPECT_OK(shoal_root_get(heap, root_name, &root));
  return (struct stage){.heap = heap,
                        .actor = actor,
                        .other = other,
                        .bytes = STAGE_BYTES,
                        .words = shoal_ptr(heap, root.off)};
}

shoal_off stage_take(struct stage *stage, size_t bytes) {
  shoal_off off = shoal_alloc(stage->heap, bytes, 0);
  EXPECT_NE(0, off);
  if (stage->count < STAGE_BLOCKS) stage->blocks[stage->count++] = off;
  return off;
}

static void enter_other(struct stage *stage) {
  actor_leave(stage->actor);
  actor_enter(stage->other);
}

static void leave_other(struct stage *stage) {
  actor_leave(stage->other);
  actor_enter(stage->actor);
}

shoal_off stage_take_as_other(struct stage *stage, size_t bytes) {
  enter_other(stage);
  shoal_off off = stage_take(stage, bytes);
  leave_other(stage);
  return off;
}

void stage_free_as_other(struct stage *stage, shoal_off off) {
  enter_other(stage);
  EXPECT_OK(shoal_free_offset(stage->heap, off));
  leave_other(stage);
}

// The stage's blocks that have room count; the walk ends where they have not.
static int keep_block(void *context, const shoal_block *block) {
  struct outcome *outcome = context;
  if (outcome->count == OUTCOME_BLOCKS) return 1;
  outcome->blocks[outcome->count++] = *block;
  return 0;
}

bool outcome_read(const struct stage *stage, struct outcome *out) {
  shoal_heap_stats stats = {.size = sizeof stats};
  if (shoal_stats(stage->heap, &stats) != SHOAL_OK) return false;
  out->bytes = stats.live;
  out->roots = stats.roots;
  out->pins = stats.pins;
  out->count = 0;
  memcpy(out->words, stage->words, sizeof out->words);
  bool walked = shoal_walk(stage->heap, keep_block, out) == SHOAL_OK;
  return walked && stats.live_blocks == out->count &&
         stats.capacity ==
             stats.metadata + stats.live + stats.cached + stats.free + stats.uncommitted;
}

static bool is_block(shoal_block a, shoal_block b) {
  return a.off == b.off && a.bytes == b.bytes;
}

static bool have_same_words(const struct outcome *a, const struct outcome *b) {
  return a->roots == b->roots && a->pins == b->pins &&
         memcmp(a->words, b->words, sizeof a->words) == 0;
}

static bool is_same(const struct outcome *a, const struct outcome *b) {
  for (unsigned i = 0; i < a->count && i < b->count; i++) {
    if (!is_block(a->blocks[i], b->blocks[i])) return false;
  }
  return a->count == b->count && a->bytes == b->bytes && have_same_words(a, b);
}

// The same blocks, none smaller than in `a` nor larger than in `b`.
static bool is_between(const struct outcome *is, const struct outcome *a, const struct outcome *b) {
  if (is->count != a->count || is->count != b->count || !have_same_words(is, a)) return false;
  for (unsigned i = 0; i < is->count; i++) {
    const shoal_block *block = &is->blocks[i];
    if (block->off != a->blocks[i].off || block->off != b->blocks[i].off) return false;
    if (block->bytes < a->blocks[i].bytes || block->bytes > b->blocks[i].bytes) return false;
  }
  return true;
}

// The blocks of both.
static bool is_both(const struct outcome *is, const struct outcome *a, const struct outcome *b) {
  unsigned in_a = 0;
  unsigned in_b = 0;
  for (unsigned i = 0; i < is->count; i++) {
    bool is_a = in_a < a->count && is_block(is->blocks[i], a->blocks[in_a]);
    bool is_b = in_b < b->count && is_block(is->blocks[i], b->blocks[in_b]);
    if (!is_a && !is_b) return false;
    in_a += is_a;
    in_b += is_b;
  }
  return in_a == a->count && in_b == b->count && have_same_words(is, a);
}

bool outcome_may_be(const struct outcome *is, const struct outcome *a, const struct outcome *b,
                    bool moves) {
  if (is_same(is, a) || is_same(is, b)) return true;
  return moves && (is_both(is, a, b) || is_between(is, a, b));
}

static void keep_finding(void *context, shoal_off off, const char *text) {
  (void)off;
  *(const char **)context = text;
}

bool stage_is_clean(shoal_heap *heap, const char **finding) {
  return shoal_check(heap, keep_finding, finding) == SHOAL_OK;
}
