// SPDX-License-Identifier: MIT
// The walk over allocated blocks. Stores nothing; a slab's word is read once, right before its
// blocks are visited, and counts only while the slab stands: its rows may be given back with it.
#include <shoal/inspect.h>

#include "alloc/census.h"
#include "alloc/chunk.h"
#include "alloc/huge.h"
#include "alloc/run.h"
#include "base/fail.h"

// One walk. Private to the process.
struct walk {
  shoal_heap *heap;
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
      shoal_block block = {.off = start + index * slab->info->bytes, .bytes = slab->info->bytes};
      if (walk->visit(walk->context, &block) != 0) return false;
    }
  }
  return true;
}

static bool visit_run(const struct walk *walk, const struct shl_part *part) {
  if (shl_run_is_pending(walk->heap, part->chunk, part->page)) return true;
  shoal_block block = {
      .off = shl_chunk_offset(part->chunk) + (uint64_t)part->page * SHL_PAGE_BYTES,
      .bytes = (uint64_t)part->pages * SHL_PAGE_BYTES};
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

shoal_status shoal_walk(shoal_heap *heap, shoal_walk_visitor *visit, void *context) {
  if (heap == NULL || visit == NULL) return shl_fail(SHOAL_E_ARGUMENT, 0, "shoal_walk: a null.");
  struct walk walk = {.heap = heap, .visit = visit, .context = context};
  struct shl_census census;
  struct shl_part part;
  shl_census_begin(&census, heap);
  for (bool goes_on = true; goes_on && shl_census_next(&census, &part);) {
    struct shl_slab_view slab;
    if (part.kind == SHL_PART_BROKEN) return refuse(&part, part.text);
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
