// SPDX-License-Identifier: MIT
// The slow, complete look at an offset. Every word is loaded once and range-checked; rows are read
// only below the high-water mark, pages that can be given back only while their bit says backed.
#include "alloc/block.h"

#include "alloc/chunk.h"
#include "alloc/huge.h"
#include "alloc/run.h"
#include "base/align.h"

static unsigned find_slab_block(shoal_heap *heap, uint64_t off, uint64_t desc,
                                struct shl_place *out) {
  uint32_t unit = (uint32_t)(off >> SHL_UNIT_SHIFT) - shl_desc_back(desc);
  const struct shl_class_info *info = shl_class_info(shl_desc_class(desc));
  bool tagged = shl_class_is_tagged(shl_desc_class(desc));
  if (info->bytes == 0 || !shl_unit_known(heap, unit)) return SHOAL_MISUSE_UNALLOCATED;
  uint64_t bytes = off - shl_unit_offset(unit);
  if (bytes >= (uint64_t)info->units * SHL_UNIT_BYTES) return SHOAL_MISUSE_INTERIOR;
  size_t index = shl_class_block(info, (uint32_t)bytes);
  if (index == SIZE_MAX) return SHOAL_MISUSE_INTERIOR;
  *out = (struct shl_place){.kind = SHL_BLOCK_SLAB,
                            .chunk = shl_unit_chunk(unit),
                            .bytes = shl_block_room(info->bytes, tagged),
                            .tagged = tagged,
                            .desc = desc,
                            .unit = unit,
                            .word = (unsigned)(index / 64),
                            .bit = UINT64_C(1) << index % 64};
  return 0;
}

static unsigned find_run(shoal_heap *heap, uint64_t off, struct shl_place *out) {
  uint32_t chunk = (uint32_t)(off >> SHL_CHUNK_SHIFT);
  unsigned page = (unsigned)(off >> SHL_PAGE_SHIFT) % SHL_PAGES_PER_CHUNK;
  uint32_t word = shl_run_word(heap, chunk, page);
  unsigned kind = shl_run_kind(word);
  if (kind != SHL_RUN_BLOCK && kind != SHL_RUN_TAGGED) return SHOAL_MISUSE_UNALLOCATED;
  if (!shl_is_aligned(off, SHL_PAGE_BYTES)) return SHOAL_MISUSE_INTERIOR;
  *out = (struct shl_place){.kind = SHL_BLOCK_RUN,
                            .chunk = chunk,
                            .bytes = shl_block_room(shl_run_pages(word) * (uint64_t)SHL_PAGE_BYTES,
                                                    kind == SHL_RUN_TAGGED),
                            .tagged = kind == SHL_RUN_TAGGED,
                            .page = page};
  return 0;
}

static unsigned find_huge(shoal_heap *heap, uint64_t off, struct shl_place *out) {
  uint32_t chunk = (uint32_t)(off >> SHL_CHUNK_SHIFT);
  if (!shl_is_aligned(off, SHL_CHUNK_BYTES)) return SHOAL_MISUSE_INTERIOR;
  uint64_t bytes = shl_huge_bytes(heap, chunk);
  if (bytes == 0) return SHOAL_MISUSE_UNALLOCATED;
  *out = (struct shl_place){.kind = SHL_BLOCK_HUGE, .chunk = chunk, .bytes = bytes};
  return 0;
}

unsigned shl_block_at(shoal_heap *heap, uint64_t off, struct shl_place *out) {
  uint32_t chunk = (uint32_t)(off >> SHL_CHUNK_SHIFT);
  if (off >= heap->view.capacity) return SHOAL_MISUSE_FOREIGN;
  if (chunk < heap->first_chunk) return SHOAL_MISUSE_METADATA;
  if (!shl_chunk_known(heap, chunk)) return SHOAL_MISUSE_UNALLOCATED;
  uint64_t desc = shl_load_acquire_u64(shl_unit_desc(heap, (uint32_t)(off >> SHL_UNIT_SHIFT)));
  if (shl_desc_class(desc) != 0) return find_slab_block(heap, off, desc, out);
  switch (shl_chunk_read(heap, chunk).state) {
    case SHL_CHUNK_MIXED: return find_run(heap, off, out);
    case SHL_CHUNK_HEAD: return find_huge(heap, off, out);
    case SHL_CHUNK_CONT: return SHOAL_MISUSE_INTERIOR;
    default: return SHOAL_MISUSE_UNALLOCATED;
  }
}

static bool is_in_slab(struct shl_seat seat, const struct shl_place *place) {
  const struct shl_hot_rec *hot = shl_hot_row(seat.heap, place->unit);
  uint64_t taken = shl_load_relaxed_u64(&hot->free[place->word]);
  taken |= shl_load_acquire_u64(&shl_remote_row(seat.heap, place->unit)->freed[place->word]);
  bool own = seat.slot != NULL && shl_desc_owner(place->desc) == shl_seat_id(seat);
  if (own && !place->tagged) {
    const struct shl_hand_rec *hand = &seat.slot->hands[shl_desc_class(place->desc)];
    bool in_hand = shl_load_relaxed_u32(&hand->ref) == (place->unit << 6 | place->word);
    if (in_hand) taken |= shl_load_relaxed_u64(&hand->blocks);
  }
  return (taken & place->bit) != 0;
}

bool shl_block_is_free(struct shl_seat seat, const struct shl_place *place) {
  switch (place->kind) {
    case SHL_BLOCK_SLAB: return is_in_slab(seat, place);
    case SHL_BLOCK_RUN: return shl_run_is_pending(seat.heap, place->chunk, place->page);
    case SHL_BLOCK_HUGE: break;
  }
  return false;
}
