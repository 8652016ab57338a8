// SPDX-License-Identifier: MIT
// Counters and sums from one census. What is live or cached is counted where it stands; what is
// backed is counted by the chunks' bits; free and uncommitted are what remains, so that the sums
// add up to the capacity whatever happens meanwhile.
#include <shoal/inspect.h>

#include "alloc/census.h"
#include "alloc/chunk.h"
#include "alloc/huge.h"
#include "alloc/pin.h"
#include "alloc/reservation.h"
#include "alloc/root.h"
#include "alloc/run.h"
#include "alloc/slot.h"
#include "base/align.h"
#include "base/fail.h"
#include "mapping/process.h"

static void count_slab(shoal_heap *heap, const struct shl_part *part, shoal_heap_stats *stats) {
  struct shl_slab_view slab;
  uint32_t unit = part->chunk * SHL_UNITS_PER_CHUNK + part->page / SHL_PAGES_PER_UNIT;
  stats->slabs++;
  if (shl_slab_look(heap, unit, part->desc, &slab) != NULL) return;
  for (unsigned w = 0; w < slab.info->words; w++) {
    struct shl_word_view word = shl_slab_word(&slab, w);
    if (!shl_slab_stands(heap, unit, part->desc)) return;
    uint64_t live = shl_count_bits(shl_word_allocated(&word));
    uint64_t cached = shl_count_bits((word.hand | word.pending) & word.blocks & ~word.free);
    stats->live_blocks += live;
    stats->live += live * slab.info->bytes;
    stats->cached += cached * slab.info->bytes;
  }
}

static void count_run(const shoal_heap *heap, const struct shl_part *part,
                      shoal_heap_stats *stats) {
  uint64_t bytes = (uint64_t)part->pages * SHL_PAGE_BYTES;
  bool pending = shl_run_is_pending(heap, part->chunk, part->page);
  stats->runs++;
  stats->cached += pending ? bytes : 0;
  stats->live += pending ? 0 : bytes;
  stats->live_blocks += pending ? 0 : 1;
}

static void count_huge(const shoal_heap *heap, const struct shl_part *part,
                       shoal_heap_stats *stats) {
  stats->huge_runs++;
  stats->live_blocks++;
  stats->live += shl_huge_bytes(heap, part->chunk);
}

static void count_part(shoal_heap *heap, const struct shl_part *part, shoal_heap_stats *stats) {
  if (part->chunks == 0 && part->page == 0) stats->chunks_mixed++;
  switch (part->kind) {
    case SHL_PART_FREE: stats->chunks_free++; break;
    case SHL_PART_SLAB: count_slab(heap, part, stats); break;
    case SHL_PART_RUN: count_run(heap, part, stats); break;
    case SHL_PART_HUGE: count_huge(heap, part, stats); break;
    case SHL_PART_PASSING:
    case SHL_PART_PAGES:
    case SHL_PART_BROKEN: break;
  }
}

// Whole pages that bytes [offset, offset + bytes) lie in: backing goes by pages.
static uint64_t backed_pages(uint64_t offset, uint64_t bytes) {
  return shl_align_up(offset + bytes, SHL_PAGE_BYTES) - shl_align_down(offset, SHL_PAGE_BYTES);
}

static uint64_t count_fixed_metadata(const shoal_heap *heap) {
  const struct shl_superblock_rec *superblock = &heap->region->header;
  uint64_t bytes = SHL_PAGE_BYTES;
  for (uint32_t i = 0; i < superblock->area_count && i < SHL_AREAS_MAX; i++) {
    const struct shl_area_rec *area = &superblock->areas[i];
    bool fixed = area->kind == SHL_AREA_PROCESS || area->kind == SHL_AREA_ROOT ||
                 area->kind == SHL_AREA_PIN;
    if (fixed) bytes += backed_pages(area->offset, area->bytes);
  }
  return bytes;
}

static uint64_t backed_rows(const shoal_heap *heap, const void *first, uint64_t bytes) {
  return bytes != 0 ? backed_pages(shl_region_offset(heap, first), bytes) : 0;
}

static uint64_t count_metadata(const shoal_heap *heap, uint32_t high) {
  uint64_t slots = shl_slot_high_water(heap);
  uint64_t chunks = high - heap->first_chunk;
  uint64_t bytes = count_fixed_metadata(heap) + slots * sizeof(struct shl_slot_rec);
  bytes += backed_rows(heap, shl_owner_row(heap, 1), slots * sizeof(struct shl_owner_rec));
  bytes += backed_rows(heap, shl_chunk_row(heap, heap->first_chunk),
                       chunks * sizeof(struct shl_chunk_rec));
  bytes += backed_rows(heap, shl_unit_desc(heap, heap->first_chunk * SHL_UNITS_PER_CHUNK),
                       chunks * SHL_UNITS_PER_CHUNK * sizeof(union shl_desc_rec));
  return bytes + backed_rows(heap, shl_room(heap, heap->first_chunk), chunks * sizeof(shl_a16));
}

static void count_backing(const shoal_heap *heap, uint32_t high, shoal_heap_stats *stats) {
  stats->metadata_committed = count_metadata(heap, high);
  for (uint32_t chunk = heap->first_chunk; chunk < high; chunk++) {
    const struct shl_chunk_rec *row = shl_chunk_row(heap, chunk);
    uint64_t units = shl_count_bits(shl_load_acquire_u32(&row->committed));
    uint64_t pages = shl_count_bits(shl_load_acquire_u16(&row->meta));
    stats->committed += units * SHL_UNIT_BYTES;
    stats->metadata_committed += pages * SHL_PAGE_BYTES;
  }
}

static void count_slots(const shoal_heap *heap, shoal_heap_stats *stats) {
  uint32_t slots = shl_slot_high_water(heap);
  for (uint32_t id = 1; id <= slots; id++) {
    const struct shl_owner_rec *row = shl_owner_row(heap, id);
    struct shl_owner_word word = shl_owner_decode(shl_load_acquire_u64(&row->word));
    bool owned = word.state == SHL_OWNER_OWNED;
    bool dead = owned && shl_owner_is_dead(heap, id, word);
    bool threads = shl_load_acquire_u64(&row->thread) != 0;
    stats->thread_slots += owned && !dead && threads ? 1 : 0;
    stats->thread_slots_dead += dead ? 1 : 0;
    if (owned) stats->reservations += shl_reservation_count(shl_slot_page(heap, id));
    stats->thread_slots_orphan += word.state == SHL_OWNER_ORPHAN ? 1 : 0;
  }
  stats->deaths = shl_load_relaxed_u64(&heap->words->deaths);
}

static void count_records(const shoal_heap *heap, shoal_heap_stats *stats) {
  struct shl_root_copy copy;
  for (uint32_t i = 0; i < heap->root_count; i++) {
    stats->roots += shl_root_copy(heap, i, &copy) ? 1 : 0;
  }
  for (uint32_t i = 0; i < heap->pin_count; i++) {
    struct shl_pin_op op = shl_pin_decode(shl_load_acquire_u64(&heap->pins[i].op));
    stats->pins += op.state == SHL_PIN_PINNED ? 1 : 0;
  }
}

shoal_status shoal_stats(shoal_heap *heap, shoal_heap_stats *stats) {
  if (heap == NULL || stats == NULL || stats->size != sizeof *stats) {
    return shl_fail(SHOAL_E_ARGUMENT, 0, "shoal_stats: a null, or an unknown stats->size.");
  }
  *stats = (shoal_heap_stats){.size = sizeof *stats, .capacity = heap->view.capacity};
  uint64_t data = shl_chunk_offset(heap->chunk_end) - shl_chunk_offset(heap->first_chunk);
  struct shl_census census;
  struct shl_part part;
  shl_census_begin(&census, heap);
  while (shl_census_next(&census, &part)) count_part(heap, &part, stats);
  stats->chunks_high_water = shl_chunk_high_water(heap);
  count_backing(heap, (uint32_t)stats->chunks_high_water, stats);
  count_slots(heap, stats);
  count_records(heap, stats);
  stats->processes = shl_process_count(heap->region);
  stats->limit = heap->limit_bytes != 0 ? heap->limit_bytes : heap->view.capacity;
  stats->metadata = stats->capacity - data;
  uint64_t used = stats->live + stats->cached;
  if (stats->committed < used) stats->committed = used;
  stats->free = stats->committed - used;
  stats->uncommitted = data > stats->committed ? data - stats->committed : 0;
  return SHOAL_OK;
}
