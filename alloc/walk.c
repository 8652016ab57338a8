// SPDX-License-Identifier: MIT
// The walk over allocated blocks, or over those that can have a tag. Stores nothing; a slab's word
// is read once, right before its blocks are visited, and counts only while the slab stands: its
// rows may be given back with it.
#include "alloc/walk.h"

#include "alloc/census.h"
#include "alloc/chunk.h"
#include "alloc/huge.h"
#include "alloc/run.h"
#include "base/fail.h"

// One walk. Private to the process.
struct walk {
  shoal_heap *heap;
  enum shl_walk_what what;
  shoal_walk_visitor *visit;
  void *context;
};

// returns: whether the walk goes on.
static bool visit_slab(const struct walk *walk, const struct shl_slab_view *slab, uint64_t desc) {
  uint64_t start = shl_unit_offset(slab->unit);
  for (unsigned w = 0; w < slab->info->words; w++) {
    struct shl_word_view word = shl_slab_word(slab, w);
    if (!shl_slab_stands(walk->heap, slab->unit, desc)) return true;
    for (uint64_t bits = shl_word_allocated(&word); bits != 0; bits &= bits - 1) {
      uint64_t index = 64 * w + shl_lowest_bit(bits);
      shoal_block block = {.off = start + index * slab->info->bytes, .bytes = slab->bytes};
      if (walk->visit(walk->context, &block) != 0) return false;
    }
  }
  return true;
}

static bool visit_run(const struct walk *walk, const struct shl_part *part) {
  if (shl_run_is_pending(walk->heap, part->chunk, part->page)) return true;
  shoal_block block = {
      .off = shl_chunk_offset(part->chunk) + (uint64_t)part->page * SHL_PAGE_BYTES,
      .bytes = shl_block_room((uint64_t)part->pages * SHL_PAGE_BYTES, part->tagged)};
  return walk->visit(walk->context, &block) == 0;
}

static bool visit_huge(const struct walk *walk, const struct shl_part *part) {
  shoal_block block = {.off = shl_chunk_offset(part->chunk),
                       .bytes = shl_huge_bytes(walk->heap, part->chunk)};
  return block.bytes == 0 || walk->visit(walk->context, &block) == 0;
}

static shoal_status refuse(const struct shl_part *part, const char *text) {
  return shl_fail(SHOAL_E_CORRUPT, 0, "Chunk %u, page %u: %s", (unsigned)part->chunk, part->page,
                  text);
}

static bool is_wanted(const struct walk *walk, const struct shl_part *part) {
  if (walk->what == SHL_WALK_ALL || part->tagged) return true;
  return part->kind == SHL_PART_HUGE &&
         shl_load_acquire_u64(&shl_chunk_row(walk->heap, part->chunk)->tag) != 0;
}

shoal_status shl_walk(shoal_heap *heap, enum shl_walk_what what, shoal_walk_visitor *visit,
                      void *context) {
  struct walk walk = {.heap = heap, .what = what, .visit = visit, .context = context};
  struct shl_census census;
  struct shl_part part;
  shl_census_begin(&census, heap);
  for (bool goes_on = true; goes_on && shl_census_next(&census, &part);) {
    struct shl_slab_view slab;
    if (part.kind == SHL_PART_BROKEN) return refuse(&part, part.text);
    if (!is_wanted(&walk, &part)) continue;
    if (part.kind == SHL_PART_RUN) goes_on = visit_run(&walk, &part);
    if (part.kind == SHL_PART_HUGE) goes_on = visit_huge(&walk, &part);
    if (part.kind != SHL_PART_SLAB) continue;
    uint32_t unit = part.chunk * SHL_UNITS_PER_CHUNK + part.page / SHL_PAGES_PER_UNIT;
    const char *text = shl_slab_look(heap, unit, part.desc, &slab);
    if (text != NULL) return refuse(&part, text);
    goes_on = visit_slab(&walk, &slab, part.desc);
  }
  return SHOAL_OK;
}

shoal_status shoal_walk(shoal_heap *heap, shoal_walk_visitor *visit, void *context) {
  if (heap == NULL || visit == NULL) return shl_fail(SHOAL_E_ARGUMENT, 0, "shoal_walk: a null.");
  return shl_walk(heap, SHL_WALK_ALL, visit, context);
}
