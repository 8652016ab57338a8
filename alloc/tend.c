// SPDX-License-Identifier: MIT
// shoal_trim, shoal_thread_idle, shoal_reap: giving back what a heap holds without using it. Every
// step is one of another module's, crash-safe by itself; between them J is 0.
#include <shoal/inspect.h>

#include "alloc/chunk.h"
#include "alloc/orphan.h"
#include "alloc/reap.h"
#include "alloc/reservation.h"
#include "alloc/run.h"
#include "alloc/seat.h"
#include "base/fail.h"

// A claim collects what others freed and turns an empty chunk FREE.
static void collect_chunks(struct shl_seat seat) {
  uint32_t high = shl_chunk_high_water(seat.heap);
  for (uint32_t chunk = seat.heap->first_chunk; chunk < high; chunk++) {
    if (shl_chunk_read(seat.heap, chunk).state != SHL_CHUNK_MIXED) continue;
    if (shl_chunk_claim(seat, chunk) == SHL_CLAIM_TAKEN) shl_run_end_claim(seat, chunk);
  }
}

shoal_status shoal_trim(shoal_heap *heap, unsigned flags) {
  if (heap == NULL || (flags & ~(unsigned)SHOAL_TRIM_ALL) != 0) {
    return shl_fail(SHOAL_E_ARGUMENT, 0, "Flags %#x are unknown, or `heap` is null.", flags);
  }
  struct shl_seat seat;
  shoal_status status = shl_seat_enter(heap, &seat);
  if (status != SHOAL_OK) return status;
  if ((flags & SHOAL_TRIM_ALL) != 0) {
    shl_seat_drain(seat);
    shl_spare_drain(seat);
    (void)shl_orphan_tend_all(heap);
    collect_chunks(seat);
  }
  shl_chunk_trim_all(seat);
  shl_seat_leave(seat);
  return SHOAL_OK;
}

shoal_status shoal_thread_idle(shoal_heap *heap) {
  if (heap == NULL) return shl_fail(SHOAL_E_ARGUMENT, 0, "`heap` is null.");
  const struct shl_slot_rec *slot = shl_thread_seat(heap)->slot;
  unsigned open = slot == NULL ? 0 : shl_reservation_count(slot);
  if (open != 0) {
    return shl_fail(SHOAL_E_BUSY, 0, "%u reservations are open in this thread: publish or cancel.",
                    open);
  }
  shl_seat_return(heap);
  return SHOAL_OK;
}

shoal_status shoal_reap(shoal_heap *heap) {
  if (heap == NULL) return shl_fail(SHOAL_E_ARGUMENT, 0, "`heap` is null.");
  shoal_status status = shl_handle_may_store(heap);
  return status == SHOAL_OK ? shl_reap_and_settle(heap) : status;
}
