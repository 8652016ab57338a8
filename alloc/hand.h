// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_HAND_H
#define SHL_ALLOC_HAND_H

#include "alloc/class.h"
#include "alloc/handle.h"

// Hands: the up to 64 blocks of one word of one slab that a thread allocates from.

/// Takes the hand's lowest block. One store.
/// returns: its offset; 0 where the hand is empty.
static inline uint64_t shl_hand_pop(struct shl_hand_rec *hand) {
  uint64_t blocks = shl_load_relaxed_u64(&hand->blocks);
  if (blocks == 0) return 0;
  shl_store_release_u64(&hand->blocks, blocks & (blocks - 1));
  return shl_load_relaxed_u64(&hand->base) +
         (uint64_t)shl_lowest_bit(blocks) * shl_load_relaxed_u32(&hand->size);
}

/// Allocates a block of the class when its hand is empty: fills the hand from the slot's slabs, what
/// others freed, a new slab, orphans' slabs, in this order.
/// returns: SHOAL_OK and *out; FULL, NO_SPACE, BUSY as shl_run_find.
shoal_status shl_hand_refill_pop(struct shl_seat seat, unsigned class_index, bool grow,
                                 uint64_t *out);

/// Fills the empty hand from word `word` of the slab.
void shl_hand_refill(struct shl_seat seat, unsigned class_index, uint32_t unit, unsigned word);

/// Puts the hand's blocks back into F and lets its slab go. J is 0 before and after.
void shl_hand_give_back(struct shl_seat seat, unsigned class_index);

/// All classes' hands.
void shl_hand_give_back_all(struct shl_seat seat);

#endif
