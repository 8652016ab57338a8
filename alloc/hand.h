// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_HAND_H
#define SHL_ALLOC_HAND_H

#include "alloc/class.h"
#include "alloc/handle.h"

// Hands: the up to 64 blocks of one word of one slab that a thread allocates from.

/// The offset of the lowest block of a hand whose A is `blocks`, which is not 0.
static inline uint64_t shl_hand_lowest(const struct shl_hand_rec *hand, uint64_t blocks) {
  return shl_load_relaxed_u64(&hand->base) +
         (uint64_t)shl_lowest_bit(blocks) * shl_load_relaxed_u32(&hand->size);
}

/// Takes that block. One store.
/// returns: its offset.
static inline uint64_t shl_hand_take(struct shl_hand_rec *hand, uint64_t blocks) {
  shl_store_release_u64(&hand->blocks, blocks & (blocks - 1));
  return shl_hand_lowest(hand, blocks);
}

/// Takes the hand's lowest block.
/// returns: its offset; 0 where the hand is empty.
static inline uint64_t shl_hand_pop(struct shl_hand_rec *hand) {
  uint64_t blocks = shl_load_relaxed_u64(&hand->blocks);
  return blocks == 0 ? 0 : shl_hand_take(hand, blocks);
}

/// Fills the empty hand from word `word` of the slab, where F has blocks. J is 0 before and after.
void shl_hand_refill(struct shl_seat seat, unsigned class_index, uint32_t unit, unsigned word);

/// Frees a block into the empty hand: the one that `bit` of word `ref` ({unit 26, word 6}) stands
/// for, whose slab is the seat's own and FULL. The next allocation of the class takes it, and the
/// slab need not be listed for it. J is 0 before and after.
void shl_hand_free_into(struct shl_seat seat, unsigned class_index, uint32_t ref, uint64_t bit);

/// Puts the hand's blocks back into F and lets its slab go. J is 0 before and after.
void shl_hand_give_back(struct shl_seat seat, unsigned class_index);

/// All classes' hands.
void shl_hand_give_back_all(struct shl_seat seat);

#endif
