// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_SLOT_H
#define SHL_ALLOC_SLOT_H

#include "alloc/handle.h"

// Thread slots: who allocates. A slot owns hands, slabs and lists; its owner is a thread of a
// process, or nobody (FREE: never used or empty; ORPHAN: given back with all it owns).

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

// The calling thread's slot in each open heap; null: none. Indexed by shoal_heap.index.
extern _Thread_local struct shl_slot_rec *shl_thread_slots[SHL_HEAPS_MAX];

static inline uint32_t shl_slot_id(const shoal_heap *heap, const struct shl_slot_rec *slot) {
  return (uint32_t)(((uintptr_t)slot - heap->slots) / sizeof(struct shl_slot_rec));
}

/// The calling thread's seat; slot is null where it has none.
static inline struct shl_seat shl_seat_here(shoal_heap *heap) {
  struct shl_slot_rec *slot = shl_thread_slots[heap->index];
  uint32_t id = slot == NULL ? 0 : shl_slot_id(heap, slot);
  return (struct shl_seat){.heap = heap, .slot = slot, .id = id};
}

/// A seat to allocate from: the calling thread's slot, taken where it had none. Where every slot is
/// in use, or the thread is past its exit hook, the process's spare slot, which one thread at a time
/// can have. A journal left standing by a call that was cut short in this thread (a longjmp, a
/// cancellation) is settled first. Give it back with shl_seat_leave.
/// returns: SHOAL_OK; READ_ONLY; NO_SPACE; STALE in a forked child that must open again.
shoal_status shl_seat_enter(shoal_heap *heap, struct shl_seat *out);
void shl_seat_leave(struct shl_seat seat);

/// Drains the process's spare slot, where `seat` is another: hands, hints, empty slabs.
void shl_spare_drain(shoal_heap *heap, struct shl_seat seat);

/// Gives the calling thread's slot back whole. Nothing where it has none.
void shl_seat_return(shoal_heap *heap);

/// Gives the heap its index and its spare slot. At open.
/// returns: SHOAL_OK; LIMIT iff SHL_HEAPS_MAX heaps are open, or no slot is left; NO_SPACE.
shoal_status shl_slots_open(shoal_heap *heap);

/// Gives back all slots of this process in the heap, whatever thread had them, and the index.
void shl_slots_close(shoal_heap *heap);

/// Takes slot `id` to act as it, if it is ORPHAN.
/// returns: whether it was taken. Give it back with shl_orphan_leave when its J and JA are 0.
bool shl_orphan_enter(shoal_heap *heap, uint32_t id, struct shl_seat *out);
void shl_orphan_leave(struct shl_seat seat);

/// Recovers slot `id` if its owner is dead: it is ORPHAN afterwards.
/// returns: whether it was.
bool shl_slot_recover(shoal_heap *heap, uint32_t id);

/// Whether the owner of an OWNED word is dead: its process, or, in this process, its thread.
bool shl_owner_is_dead(const shoal_heap *heap, uint32_t id, struct shl_owner_word word);

#endif
