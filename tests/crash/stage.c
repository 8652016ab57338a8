// SPDX-License-Identifier: MIT
#include "tests/crash/stage.h"

#include <string.h>

#include "alloc/class.h"
#include "tests/crash/contents.h"
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

shoal_heap *stage_open(uint64_t capacity, unsigned processes) {
  shoal_heap *heap = NULL;
  shoal_options options = {.size = sizeof options,
                           .kind = SHOAL_KIND_PRIVATE,
                           .flags = SHOAL_CREATE,
                           .capacity = capacity,
                           .max_processes = processes,
                           .max_threads = 2 * processes,
                           .max_roots = 8,
                           .max_pins = 4};
  EXPECT_OK(shoal_open(NULL, &options, &heap));
  if (heap != NULL) heap->region->is_dead = stage_nobody_is_dead;
  return heap;
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

size_t stage_bytes_of(const struct stage *stage, unsigned index) {
  const size_t bytes[STAGE_KINDS] = {stage->bytes, STAGE_RUN, STAGE_HUGE};
  return bytes[index % STAGE_KINDS];
}

unsigned stage_more_than_slab(size_t bytes) {
  return shl_classes[shl_class_of(bytes)].blocks + 1;
}

void stage_take_tagged(struct stage *stage) {
  for (unsigned i = 0; i < STAGE_KINDS; i++) {
    size_t bytes = stage_bytes_of(stage, i);
    stage->blocks[stage->count++] = shoal_alloc(stage->heap, bytes, SHOAL_TAGGED);
  }
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

// A walk that fills.
struct filling {
  const struct stage *stage;
  uint32_t number;
};

static int fill_block(void *context, const shoal_block *block) {
  struct filling *filling = context;
  const struct stage *stage = filling->stage;
  char *start = shoal_ptr(stage->heap, block->off);
  bool has_words = (uintptr_t)stage->words - (uintptr_t)start < block->bytes;
  if (!has_words) contents_fill(start, (size_t)block->bytes, ++filling->number, stage->salt);
  return 0;
}

void stage_fill(const struct stage *stage) {
  struct filling filling = {.stage = stage};
  EXPECT_OK(shoal_walk(stage->heap, fill_block, &filling));
}

uint32_t stage_contents(const struct stage *stage, shoal_off off) {
  void *block = shoal_ptr(stage->heap, off);
  return contents_of(block, shoal_usable_size(stage->heap, block), stage->salt);
}

// A walk that reads.
struct reading {
  const struct stage *stage;
  struct outcome *outcome;
};

// The stage's blocks that have room count; the walk ends where they have not.
static int keep_block(void *context, const shoal_block *block) {
  const struct reading *reading = context;
  struct outcome *outcome = reading->outcome;
  if (outcome->count == OUTCOME_BLOCKS) return 1;
  const void *start = shoal_ptr(reading->stage->heap, block->off);
  outcome->contents[outcome->count] =
      contents_of(start, (size_t)block->bytes, reading->stage->salt);
  outcome->blocks[outcome->count++] = *block;
  return 0;
}

bool outcome_read(const struct stage *stage, struct outcome *out) {
  struct reading reading = {.stage = stage, .outcome = out};
  shoal_heap_stats stats = {.size = sizeof stats};
  if (shoal_stats(stage->heap, &stats) != SHOAL_OK) return false;
  out->bytes = stats.live;
  out->roots = stats.roots;
  out->pins = stats.pins;
  out->count = 0;
  out->zeroed = stage->zeroed;
  memcpy(out->words, stage->words, sizeof out->words);
  bool walked = shoal_walk(stage->heap, keep_block, &reading) == SHOAL_OK;
  return walked && stats.live_blocks == out->count &&
         stats.capacity ==
             stats.metadata + stats.live + stats.cached + stats.free + stats.uncommitted;
}

// Whether block i of `is` contains what block k of `wanted` does, where that means anything.
static bool has_contents(const struct outcome *is, unsigned i, const struct outcome *wanted,
                         unsigned k) {
  uint32_t contents = wanted->contents[k];
  bool counts = contents_is_number(contents) || (wanted->zeroed && contents == CONTENTS_ZERO);
  return !counts || is->contents[i] == contents;
}

static bool has_block(const struct outcome *outcome, shoal_off off) {
  for (unsigned i = 0; i < outcome->count; i++) {
    if (outcome->blocks[i].off == off) return true;
  }
  return false;
}

static bool has_word(const struct outcome *outcome, shoal_off off) {
  for (unsigned i = 0; i < STAGE_WORDS; i++) {
    if (outcome->words[i] == off) return true;
  }
  return false;
}

// Whether block k of `after` is a plain call's new one that is to be zero: who died in the call has
// told nobody of it, and it may be his without being zero yet.
static bool may_be_dirty(const struct outcome *before, const struct outcome *after, unsigned k) {
  shoal_off off = after->blocks[k].off;
  return after->contents[k] == CONTENTS_ZERO && !has_block(before, off) && !has_word(after, off);
}

static bool is_block(const struct outcome *is, unsigned i, const struct outcome *wanted,
                     unsigned k) {
  return is->blocks[i].off == wanted->blocks[k].off &&
         is->blocks[i].bytes == wanted->blocks[k].bytes;
}

static bool have_same_words(const struct outcome *a, const struct outcome *b) {
  return a->roots == b->roots && a->pins == b->pins &&
         memcmp(a->words, b->words, sizeof a->words) == 0;
}

// `before`: of the call that was cut short.
static bool is_same(const struct outcome *is, const struct outcome *wanted,
                    const struct outcome *before) {
  for (unsigned i = 0; i < is->count && i < wanted->count; i++) {
    if (!is_block(is, i, wanted, i)) return false;
    if (!has_contents(is, i, wanted, i) && !may_be_dirty(before, wanted, i)) return false;
  }
  return is->count == wanted->count && is->bytes == wanted->bytes && have_same_words(is, wanted);
}

static bool is_at(const struct outcome *is, unsigned i, const struct outcome *wanted, unsigned k) {
  return k < wanted->count && is_block(is, i, wanted, k);
}

// The blocks of both; those of `a` as they were, what is new in `b` may not be complete.
static bool is_both(const struct outcome *is, const struct outcome *a, const struct outcome *b) {
  unsigned in_a = 0;
  unsigned in_b = 0;
  for (unsigned i = 0; i < is->count; i++) {
    bool is_a = is_at(is, i, a, in_a);
    bool is_b = is_at(is, i, b, in_b);
    if (is_a && !has_contents(is, i, a, in_a)) return false;
    if (!is_a && !is_b) return false;
    in_a += is_a;
    in_b += is_b;
  }
  return in_a == a->count && in_b == b->count && have_same_words(is, a);
}

bool outcome_may_be(const struct outcome *is, const struct outcome *a, const struct outcome *b,
                    bool moves) {
  if (is_same(is, a, a) || is_same(is, b, a)) return true;
  return moves && is_both(is, a, b);
}

// Whether the words' block is all there is, in the one slab of the one chunk that is cut.
static bool is_empty(const struct stage *stage) {
  struct outcome left;
  shoal_heap_stats stats = {.size = sizeof stats};
  if (!outcome_read(stage, &left) || left.count != 1) return false;
  if (shoal_stats(stage->heap, &stats) != SHOAL_OK) return false;
  return stats.slabs == 1 && stats.chunks_mixed == 1 && stats.runs == 0 && stats.huge_runs == 0 &&
         stats.cached == 0;
}

bool outcome_free_all(const struct stage *stage, const struct outcome *is) {
  shoal_off words = shoal_offset(stage->heap, stage->words);
  bool freed = true;
  for (unsigned i = 0; i < is->count; i++) {
    if (is->blocks[i].off == words) continue;
    freed = shoal_free_offset(stage->heap, is->blocks[i].off) == SHOAL_OK && freed;
  }
  freed = shoal_trim(stage->heap, SHOAL_TRIM_ALL) == SHOAL_OK && freed;
  return freed && is_empty(stage) && shoal_check(stage->heap, NULL, NULL) == SHOAL_OK;
}

static void keep_finding(void *context, shoal_off off, const char *text) {
  (void)off;
  *(const char **)context = text;
}

bool stage_is_clean(shoal_heap *heap, const char **finding) {
  return shoal_check(heap, keep_finding, finding) == SHOAL_OK;
}
