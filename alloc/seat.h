// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_SEAT_H
#define SHL_ALLOC_SEAT_H

#include "alloc/slot.h"

// Seats: which thread slot the calling thread acts as, in each heap that is open in the process.

// The calling thread's slot in an open heap and its number; null and UINT64_MAX: none. Private to
// the thread.
struct shl_thread_seat {
  struct shl_slot_rec *slot;
  uint64_t id;
};

// Indexed by shoal_heap.index.
extern _Thread_local struct shl_thread_seat shl_thread_seats[SHL_HEAPS_MAX];

/// The calling thread's entry for the heap.
static inline const struct shl_thread_seat *shl_thread_seat(const shoal_heap *heap) {
  return (const struct shl_thread_seat *)((uintptr_t)shl_thread_seats + heap->seat_bytes);
}

/// The calling thread's seat; slot is null where it has none.
static inline struct shl_seat shl_seat_here(shoal_heap *heap) {
  struct shl_slot_rec *slot = shl_thread_seat(heap)->slot;
  return (struct shl_seat){.heap = heap, .slot = slot};
}

/// A seat to allocate from: the calling thread's slot, taken where it had none, an orphan's by
/// preference. Where none can be had, or the thread is past its exit hook, the process's spare
/// slot, which one thread at a time can have. A step left standing by a call that was cut short in
/// this thread (a longjmp, a cancellation) is settled first. Give it back with shl_seat_leave.
/// returns: SHOAL_OK; READ_ONLY; STALE in a forked child that must open again.
shoal_status shl_seat_enter(shoal_heap *heap, struct shl_seat *out);

/// A seat to free from: the same, but a thread without a slot takes an empty one, since it may
/// never allocate; where none can be had the seat has no slot, and nobody is waited for.
shoal_status shl_seat_enter_to_free(shoal_heap *heap, struct shl_seat *out);

/// A second slot for the calling thread, empty and signed, for something that must outlast single
/// calls. Give it back with shl_slot_let_go.
/// returns: SHOAL_OK; LIMIT iff none is left; NO_SPACE.
shoal_status shl_seat_borrow(shoal_heap *heap, struct shl_seat *out);

/// The process's spare slot, while the caller is in no seat or in its own.
struct shl_seat shl_seat_enter_spare(shoal_heap *heap);

void shl_seat_leave(struct shl_seat seat);

/// Gives the calling thread's slot back whole. Nothing where it has none.
void shl_seat_return(shoal_heap *heap);

/// Gives the heap its index and its spare slot. At open.
/// returns: SHOAL_OK; LIMIT iff SHL_HEAPS_MAX heaps are open, or no slot is left; NO_SPACE.
shoal_status shl_seats_open(shoal_heap *heap);

/// Gives back all slots of this process in the heap, whatever thread had them, and the index.
void shl_seats_close(shoal_heap *heap);

#endif
