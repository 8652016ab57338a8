// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_RESERVATION_H
#define SHL_ALLOC_RESERVATION_H

#include "alloc/handle.h"

// Reservations: blocks that a thread has allocated and not yet published. Each stands in a cell of
// the thread's slot, which is the word that its allocation handed it to.

enum { SHL_NO_RESERVATION = SHL_RESERVATIONS };

/// The first cell of the slot that holds `off`; 0 asks for an empty one.
/// returns: SHL_NO_RESERVATION where none does.
unsigned shl_reservation_find(const struct shl_slot_rec *slot, uint64_t off);

/// How many are open.
unsigned shl_reservation_count(const struct shl_slot_rec *slot);

/// The offset of a cell in the region: a caller's word like any other.
static inline uint64_t shl_reservation_dest(struct shl_seat seat, unsigned cell) {
  return shl_region_offset(seat.heap, &seat.slot->reservations[cell]);
}

/// Frees the block of a cell that is not empty. J is 0 before and after, no record stands.
void shl_reservation_cancel(struct shl_seat seat, unsigned cell);

/// Frees what the slot has reserved: its owner is dead, or leaves it.
void shl_reservation_cancel_all(struct shl_seat seat);

#endif
