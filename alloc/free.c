// SPDX-License-Identifier: MIT
// free: one store for a block of one's own slab, one atomic or for another's.
//
// The fast path is the first function: it knows the chunk is below high water, the descriptor names
// the calling thread's slot, the offset is a block's start, the block's bit is neither in F nor in
// RB nor in the hand, and F's word has other free blocks already. Then F[w] |= bit is the commit.
// Everything else goes the complete way: shl_block_at names what the offset is, or what is wrong. A
// thread without a slot takes an empty one, whose journal tells what to finish when it dies inside.
// Where the table of slots is full it frees without: a block or run waits until its slab or chunk
// is collected for another reason, should the thread die between its bit and the hint.
#include "alloc/free.h"

#include <stddef.h>

#include <shoal/heap.h>

#include "alloc/free_block.h"
#include "alloc/hand.h"
#include "alloc/journal.h"
#include "alloc/misuse.h"
#include "alloc/partial.h"
#include "alloc/remote.h"
#include "alloc/seat.h"
#include "alloc/slab.h"
#include "base/cold.h"

// Whole chunks take a journal to free.
static bool free_place(struct shl_seat seat, const struct shl_place *place) {
  bool spare = seat.slot == NULL && place->kind == SHL_BLOCK_HUGE;
  struct shl_seat acting = spare ? shl_seat_enter_spare(seat.heap) : seat;
  bool freed = shl_free_block(acting, place);
  if (freed) shl_free_block_settle(acting, place);
  if (spare) shl_seat_leave(acting);
  return freed;
}

SHL_COLD static shoal_status free_slow(shoal_heap *heap, uint64_t off) {
  shoal_status status = shl_handle_may_store(heap);
  if (status != SHOAL_OK) return status;
  struct shl_place place;
  unsigned wrong = shl_block_at(heap, off, &place);
  if (wrong != 0) return shl_misuse(heap, (shoal_misuse)wrong, off);
  struct shl_seat seat;
  status = shl_seat_enter_to_free(heap, &seat);
  if (status != SHOAL_OK) return status;
  bool freed = free_place(seat, &place);
  shl_seat_leave(seat);
  return freed ? SHOAL_OK : shl_misuse(heap, SHOAL_MISUSE_DOUBLE_FREE, off);
}

_Static_assert(sizeof(struct shl_class_info) == 32 && sizeof(struct shl_hand_rec) == 32,
               "one step leads to a class's row in both tables");

// A block of a slab, found as the fast path finds it. Private to the process.
struct slab_block {
  const struct shl_class_info *info;
  uint32_t unit;  // first of the slab
  uint64_t desc;
  size_t index;   // SIZE_MAX: no block starts there
};

static struct slab_block find_block(const shoal_heap *heap, uint64_t off) {
  struct slab_block block = {.unit = (uint32_t)(off >> SHL_UNIT_SHIFT)};
  block.desc = shl_load_acquire_u64(shl_unit_desc(heap, block.unit));
  block.info = &shl_classes[shl_desc_class(block.desc)];
  block.unit -= shl_desc_back(block.desc);
  block.index = shl_class_block(block.info, (uint32_t)(off - shl_unit_offset(block.unit)));
  return block;
}

// The rest of a free into an own slab without pending blocks: F's word was empty, or becomes full,
// or the block is free already.
SHL_WARM static shoal_status free_warm(shoal_heap *heap, uint32_t ref, uint64_t index) {
  struct shl_seat seat = shl_seat_here(heap);
  uint32_t unit = ref >> 6;
  unsigned class_index = shl_desc_class(shl_load_relaxed_u64(shl_unit_desc(heap, unit)));
  const struct shl_class_info *info = &shl_classes[class_index];
  struct shl_hot_rec *hot = shl_hot_row(heap, unit);
  const struct shl_hand_rec *hand = &seat.slot->hands[class_index];
  unsigned word = ref % SHL_WORDS_PER_SLAB;
  uint64_t bit = UINT64_C(1) << index % 64;
  uint64_t bits = shl_load_relaxed_u64(&hot->free[word]);
  uint64_t blocks = shl_load_relaxed_u64(&hand->blocks);
  uint32_t hand_ref = shl_load_relaxed_u32(&hand->ref);
  uint64_t taken = hand_ref == ref ? bits | blocks : bits;
  bool complete = (taken & bit) != 0 || !shl_journal_is_clear(seat.slot);
  if (!complete && bits == 0) {
    bool full = shl_load_relaxed_u8(&hot->state) == SHL_SLAB_FULL;
    if (full && blocks == 0) {
      shl_hand_free_into(seat, class_index, ref, bit);
    } else {
      shl_slab_free_first(seat, unit, word, bit);
    }
    return SHOAL_OK;
  }
  uint64_t after = bits | bit;
  bool may_be_empty = after == shl_class_word_mask(info, word) &&
                      (hand_ref >> 6 != unit || blocks == 0) &&
                      shl_load_relaxed_u64(&hot->nonempty) == shl_low_mask(info->words) &&
                      !shl_partial_is_only(seat, class_index, unit);
  if (complete || may_be_empty) {
    return free_slow(heap, shl_unit_offset(unit) + index * info->bytes);
  }
  shl_store_release_u64(&hot->free[word], after);
  return SHOAL_OK;
}

// Another slot's block, or one of an own slab to which others have freed.
SHL_WARM static shoal_status free_other(shoal_heap *heap, uint64_t off) {
  struct shl_seat seat = shl_seat_here(heap);
  struct slab_block block = find_block(heap, off);
  uint32_t owner = shl_desc_owner(block.desc);
  bool plain = seat.slot != NULL && shl_journal_is_clear(seat.slot) && block.index != SIZE_MAX &&
               owner != 0 && owner != shl_seat_id(seat);
  if (!plain) return free_slow(heap, off);
  struct shl_remote_block remote = {.unit = block.unit,
                                    .owner = owner,
                                    .word = (unsigned)(block.index / 64),
                                    .bit = UINT64_C(1) << block.index % 64};
  if (shl_remote_free(seat, &remote)) return SHOAL_OK;
  return shl_misuse(heap, SHOAL_MISUSE_DOUBLE_FREE, off);
}

SHL_INLINE static shoal_status free_at(shoal_heap *heap, uint64_t off) {
  const struct shl_thread_seat *seat = shl_thread_seat(heap);
  if (off - heap->data_begin >= shl_load_relaxed_u64(&heap->known_bytes)) {
    return free_slow(heap, off);
  }
  uint64_t unit = off >> SHL_UNIT_SHIFT;
  uint64_t desc = shl_load_relaxed_u64(&((const union shl_desc_rec *)heap->descs)[unit].word);
  if ((desc & SHL_DESC_OWNER_AND_PENDING) != seat->id) return free_other(heap, off);
  uintptr_t step = (desc >> 16 & 0xff) * sizeof(struct shl_hand_rec);
  const struct shl_class_info *info =
      (const struct shl_class_info *)((uintptr_t)shl_classes + step);
  unit -= shl_desc_back(desc);
  struct shl_product product = shl_multiply(off - (unit << SHL_UNIT_SHIFT), info->reciprocal);
  if (product.low >= info->reciprocal || product.high >= info->blocks) return free_slow(heap, off);
  const struct shl_hand_rec *hand =
      (const struct shl_hand_rec *)((uintptr_t)seat->slot->hands + step);
  // The hot row of `unit` is 512 bytes of F and the rest: the two strides are added apart.
  uint64_t ref = unit * SHL_WORDS_PER_SLAB + product.high / 64;
  shl_a64 *word = (shl_a64 *)(heap->hot + offsetof(struct shl_hot_rec, free) +
                              unit * (sizeof(struct shl_hot_rec) - sizeof(struct shl_remote_rec))) +
                  ref;
  uint64_t bits = shl_load_relaxed_u64(word);
  uint64_t taken = bits;
  if (shl_load_relaxed_u32(&hand->ref) == ref) taken |= shl_load_relaxed_u64(&hand->blocks);
  if (bits == 0 || (taken >> product.high % 64 & 1) != 0) {
    return free_warm(heap, (uint32_t)ref, product.high);
  }
  bits |= UINT64_C(1) << product.high % 64;
  if (bits == ~UINT64_C(0) || bits == info->last_mask) {
    return free_warm(heap, (uint32_t)ref, product.high);
  }
  shl_store_release_u64(word, bits);
  return SHOAL_OK;
}

shoal_status shl_free(shoal_heap *heap, uint64_t off) {
  return free_at(heap, off);
}

shoal_status shoal_free_offset(shoal_heap *heap, shoal_off off) {
  return off == 0 ? SHOAL_OK : shl_free(heap, off);
}

void shoal_free(shoal_heap *heap, void *ptr) {
  if (ptr != NULL) (void)free_at(heap, (uint64_t)((uintptr_t)ptr - (uintptr_t)heap->view.base));
}
