// SPDX-License-Identifier: MIT
// A cell is stored by who acts as the slot only: by the allocation that it was the caller's word
// of, by the publication or the free that ends it. A crash in each leaves what the record says; a
// crash at any other time leaves the cell, and recovery frees its block.
#include "alloc/reservation.h"

#include "alloc/handover.h"

unsigned shl_reservation_find(const struct shl_slot_rec *slot, uint64_t off) {
  unsigned cell = 0;
  while (cell < SHL_RESERVATIONS && shl_load_relaxed_u64(&slot->reservations[cell]) != off) cell++;
  return cell;
}

unsigned shl_reservation_count(const struct shl_slot_rec *slot) {
  unsigned count = 0;
  for (unsigned cell = 0; cell < SHL_RESERVATIONS; cell++) {
    if (shl_load_acquire_u64(&slot->reservations[cell]) != 0) count++;
  }
  return count;
}

// A cell that names no allocated block has been spoilt: it is emptied.
void shl_reservation_cancel(struct shl_seat seat, unsigned cell) {
  uint64_t off = shl_load_relaxed_u64(&seat.slot->reservations[cell]);
  struct shl_place place;
  bool found = shl_block_at(seat.heap, off, &place) == 0 && !shl_block_is_free(seat, &place);
  if (found) {
    (void)shl_handover_back(seat, shl_reservation_dest(seat, cell), off, &place);
  } else {
    shl_store_release_u64(&seat.slot->reservations[cell], 0);
  }
}

void shl_reservation_cancel_all(struct shl_seat seat) {
  for (unsigned cell = 0; cell < SHL_RESERVATIONS; cell++) {
    if (shl_load_relaxed_u64(&seat.slot->reservations[cell]) == 0) continue;
    shl_reservation_cancel(seat, cell);
  }
}
