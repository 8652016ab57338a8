// SPDX-License-Identifier: MIT
// free: one store for a block of one's own slab, one atomic or for another's.
//
// The fast path is the first function: it knows the chunk is below high water, the descriptor names
// the calling thread's slot, the offset is a block's start, the block's bit is neither in F nor in
// RB nor in the hand, and F's word has other free blocks already. Then F[w] |= bit is the commit.
// Everything else goes the complete way: shl_block_at names what the offset is, or what is wrong.
#include "alloc/free.h"

#include "alloc/chunk.h"
#include "alloc/huge.h"
#include "alloc/misuse.h"
#include "alloc/remote.h"
#include "alloc/run.h"
#include "alloc/slab.h"
#include "alloc/slot.h"
#include "base/fail.h"

static shoal_status free_own(struct shl_seat seat, const struct shl_place *place, uint64_t off) {
  if (shl_block_is_free(seat, place)) return shl_misuse(seat.heap, SHOAL_MISUSE_DOUBLE_FREE, off);
  shl_a64 *word = &shl_hot_row(seat.heap, place->unit)->free[place->word];
  uint64_t bits = shl_load_relaxed_u64(word);
  if (bits == 0) {
    shl_slab_free_first(seat, place->unit, place->word, place->bit);
  } else {
    shl_store_release_u64(word, bits | place->bit);
  }
  const struct shl_class_info *info = &shl_classes[shl_desc_class(place->desc)];
  if ((bits | place->bit) == shl_class_word_mask(info, place->word)) {
    (void)shl_slab_examine(seat, place->unit, true);
  }
  return SHOAL_OK;
}

static shoal_status free_remote(struct shl_seat seat, const struct shl_place *place,
                                uint64_t off) {
  struct shl_remote_block block = {.unit = place->unit,
                                   .owner = shl_desc_owner(place->desc),
                                   .word = place->word,
                                   .bit = place->bit};
  if (shl_remote_free(seat, block)) return SHOAL_OK;
  return shl_misuse(seat.heap, SHOAL_MISUSE_DOUBLE_FREE, off);
}

static bool free_huge(shoal_heap *heap, struct shl_seat here, uint32_t chunk) {
  if (here.slot != NULL) return shl_huge_free(here, chunk);
  struct shl_seat seat;
  if (shl_seat_enter(heap, &seat) != SHOAL_OK) return false;
  bool freed = shl_huge_free(seat, chunk);
  shl_seat_leave(seat);
  return freed;
}

static shoal_status free_slow(shoal_heap *heap, uint64_t off) {
  if (heap->read_only) return shl_fail(SHOAL_E_READ_ONLY, 0, "The heap was opened READ_ONLY.");
  struct shl_seat seat = shl_seat_here(heap);
  struct shl_place place;
  unsigned wrong = shl_block_at(heap, off, &place);
  if (wrong != 0) return shl_misuse(heap, (shoal_misuse)wrong, off);
  bool freed = true;
  switch (place.kind) {
    case SHL_BLOCK_SLAB:
      if (seat.slot != NULL && shl_desc_owner(place.desc) == seat.id) {
        return free_own(seat, &place, off);
      }
      return free_remote(seat, &place, off);
    case SHL_BLOCK_RUN: freed = shl_run_free(seat, place.chunk, place.page); break;
    case SHL_BLOCK_HUGE: freed = free_huge(heap, seat, place.chunk); break;
  }
  return freed ? SHOAL_OK : shl_misuse(heap, SHOAL_MISUSE_DOUBLE_FREE, off);
}

shoal_status shl_free(shoal_heap *heap, uint64_t off) {
  const struct shl_slot_rec *slot = shl_thread_slots[heap->index];
  uint32_t unit = (uint32_t)(off >> SHL_UNIT_SHIFT);
  uint64_t known = shl_load_relaxed_u32(&heap->known_chunks);
  if ((off >> SHL_CHUNK_SHIFT) - heap->first_chunk >= known) return free_slow(heap, off);
  uint64_t desc = shl_load_relaxed_u64(shl_unit_desc(heap, unit));
  if (slot == NULL || shl_desc_owner(desc) != shl_slot_id(heap, slot)) return free_slow(heap, off);
  unsigned class_index = shl_desc_class(desc);
  const struct shl_class_info *info = &shl_classes[class_index];
  unit -= shl_desc_back(desc);
  size_t index = shl_class_block(info, (uint32_t)(off - shl_unit_offset(unit)));
  if (index == SIZE_MAX) return free_slow(heap, off);
  struct shl_hot_rec *hot = shl_hot_row(heap, unit);
  unsigned word = (unsigned)(index / 64);
  uint64_t bit = UINT64_C(1) << index % 64;
  uint64_t bits = shl_load_relaxed_u64(&hot->free[word]);
  uint64_t taken = bits | shl_load_relaxed_u64(&shl_remote_row(heap, unit)->freed[word]);
  if (shl_load_relaxed_u8(&hot->hand_word) == word) {
    taken |= shl_load_relaxed_u64(&slot->hands[class_index].blocks);
  }
  uint64_t after = bits | bit;
  bool simple = (taken & bit) == 0 && bits != 0 && after != ~UINT64_C(0) &&
                after != shl_low_mask(info->blocks % 64);
  if (!simple) return free_slow(heap, off);
  shl_store_release_u64(&hot->free[word], after);
  return SHOAL_OK;
}
