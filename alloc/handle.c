// SPDX-License-Identifier: MIT
// The handle's numbers and addresses, and the two marks below which rows may be read. Both marks
// only grow, and what they cover was backed before: a mark read late hides rows, never shows holes.
#include "alloc/handle.h"

#include "base/fail.h"

static uintptr_t area_address(const struct shl_region *region, uint32_t kind) {
  return (uintptr_t)region->base + shl_superblock_area(&region->header, kind)->offset;
}

// Addresses as if row 0 were slot, chunk or unit 0's: shl_*_row add the number itself.
static void find_areas(shoal_heap *heap) {
  const struct shl_region *region = heap->region;
  uintptr_t first_unit = (uintptr_t)heap->first_chunk * SHL_UNITS_PER_CHUNK;
  heap->owners = area_address(region, SHL_AREA_OWNER) - sizeof(struct shl_owner_rec);
  heap->slots = area_address(region, SHL_AREA_SLOT) - sizeof(struct shl_slot_rec);
  heap->chunks = area_address(region, SHL_AREA_CHUNK) -
                 heap->first_chunk * sizeof(struct shl_chunk_rec);
  heap->descs = area_address(region, SHL_AREA_DESC) - first_unit * sizeof(union shl_desc_rec);
  heap->room = area_address(region, SHL_AREA_ROOM) - heap->first_chunk * sizeof(shl_a16);
  heap->hot = area_address(region, SHL_AREA_HOT) - first_unit * sizeof(struct shl_hot_rec);
  heap->remote = area_address(region, SHL_AREA_REMOTE) -
                 first_unit * sizeof(struct shl_remote_rec);
  heap->runs = area_address(region, SHL_AREA_RUN) - heap->first_chunk * sizeof(struct shl_run_rec);
  heap->words = (struct shl_heap_rec *)area_address(region, SHL_AREA_HEAP);
  heap->roots = (struct shl_root_rec *)area_address(region, SHL_AREA_ROOT);
  heap->root_names = (struct shl_root_name_rec *)(void *)(heap->roots + heap->root_count);
  heap->pins = (struct shl_pin_rec *)area_address(region, SHL_AREA_PIN);
}

void shl_handle_fill(shoal_heap *heap, struct shl_region *region) {
  const struct shl_superblock_rec *superblock = &region->header;
  heap->view = (struct shoal_heap_view){.base = region->base, .capacity = region->capacity};
  heap->region = region;
  heap->read_only = region->read_only;
  heap->first_chunk = (uint32_t)(superblock->data_offset / SHL_CHUNK_BYTES);
  heap->data_begin = superblock->data_offset;
  heap->chunk_end = (uint32_t)(superblock->capacity / SHL_CHUNK_BYTES);
  heap->slot_count = superblock->max_slots;
  heap->root_count = superblock->max_roots;
  heap->pin_count = superblock->max_pins;
  heap->limit_bytes = superblock->limit_bytes;
  find_areas(heap);
  (void)shl_chunk_high_water(heap);
}

shoal_status shl_handle_may_store(const shoal_heap *heap) {
  if (heap->read_only) return shl_fail(SHOAL_E_READ_ONLY, 0, "The heap was opened READ_ONLY.");
  if (!heap->inherited) return SHOAL_OK;
  return shl_fail(SHOAL_E_STALE, 0, "This process was forked: it must open the heap itself.");
}

uint32_t shl_chunk_high_water(shoal_heap *heap) {
  uint64_t high = shl_load_acquire_u64(&heap->words->chunk_high_water);
  if (high < heap->first_chunk) high = heap->first_chunk;
  if (high > heap->chunk_end) high = heap->chunk_end;
  shl_store_relaxed_u64(&heap->known_bytes, shl_chunk_offset((uint32_t)high - heap->first_chunk));
  return (uint32_t)high;
}

uint32_t shl_slot_high_water(const shoal_heap *heap) {
  uint64_t high = shl_load_acquire_u64(&heap->words->slot_high_water);
  return high < heap->slot_count ? (uint32_t)high : heap->slot_count;
}
