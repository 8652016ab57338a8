// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_SLOT_H
#define SHL_ALLOC_SLOT_H

#include "alloc/handle.h"

// Thread slots: who allocates. A slot owns hands, slabs and lists; its owner is a thread of a
// process, or nobody (FREE: owns nothing; ORPHAN: given back with all it owns).

// Owner word, taken apart: {state 2, process 14, process generation 24, generation 24}.
struct shl_owner_word {
  unsigned state;
  uint32_t process;
  uint32_t process_generation;
  uint32_t generation;
};

static inline uint64_t shl_owner_encode(struct shl_owner_word word) {
  return (uint64_t)word.state | (uint64_t)word.process << 2 |
         (uint64_t)(word.process_generation & 0xffffff) << 16 |
         (uint64_t)(word.generation & 0xffffff) << 40;
}

static inline struct shl_owner_word shl_owner_decode(uint64_t word) {
  return (struct shl_owner_word){.state = (unsigned)(word & 3),
                                 .process = (uint32_t)(word >> 2 & 0x3fff),
                                 .process_generation = (uint32_t)(word >> 16 & 0xffffff),
                                 .generation = (uint32_t)(word >> 40 & 0xffffff)};
}

static inline struct shl_owner_word shl_owner_read(const shoal_heap *heap, uint32_t id) {
  return shl_owner_decode(shl_load_acquire_u64(&shl_owner_row(heap, id)->word));
}

static inline struct shl_seat shl_seat_of(shoal_heap *heap, uint32_t id) {
  return (struct shl_seat){.heap = heap, .slot = shl_slot_page(heap, id)};
}

/// Which slot to take first: one that owns memory, for who will use it, or one that owns none, for
/// who may never do.
enum shl_slot_order { SHL_SLOT_ORPHAN_FIRST, SHL_SLOT_FREE_FIRST };

/// Takes the lowest slot of the kind that comes first, one above the high-water mark last or, where
/// an orphan comes last, before that.
/// returns: SHOAL_OK and *out, not signed yet; LIMIT iff every slot is owned; NO_SPACE.
shoal_status shl_slot_take(shoal_heap *heap, enum shl_slot_order order, struct shl_seat *out);

/// Notes the calling thread as the owner of the slot, which belongs to this process.
void shl_slot_sign(struct shl_seat seat);

/// Notes that the slot, which belongs to this process, has no thread: its owner is gone.
void shl_slot_disown(struct shl_seat seat);

/// Gives the slot back, with all it owns. A step cut short in it is settled first.
void shl_slot_let_go(struct shl_seat seat);

/// Takes slot `id` to act as it, if it is ORPHAN. Give it back with shl_slot_let_go.
/// returns: whether it was taken.
bool shl_slot_take_orphan(shoal_heap *heap, uint32_t id, struct shl_seat *out);

/// Takes the lowest ORPHAN slot. returns: whether there was one.
bool shl_slot_take_any_orphan(shoal_heap *heap, struct shl_seat *out);

/// Recovers slot `id` if its owner is dead: nobody owns it afterwards.
/// returns: whether it was.
bool shl_slot_recover(shoal_heap *heap, uint32_t id);

/// Whether slot `id` is owned by this process.
bool shl_slot_is_ours(const shoal_heap *heap, uint32_t id);

/// Whether the owner of an OWNED word is dead: its process, or, in this process, its thread.
bool shl_owner_is_dead(const shoal_heap *heap, uint32_t id, struct shl_owner_word word);

#endif
