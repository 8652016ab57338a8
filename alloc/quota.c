// SPDX-License-Identifier: MIT
// The sum of committed bytes, kept against limit_bytes.
//
//   take   the slot's cell = bytes; sum + bytes, or no; the system backs; the chunk's bits;
//          the cell = 0
//   give   the cell = bytes; the chunk's bits; the system takes back; sum - bytes; the cell = 0
//
// Whatever is on its way between sum and bits stands in a cell, so that cells and bits together are
// never less than what is committed. A death leaves the sum and the cell as they are: recovery
// clears the cell, and whoever meets the limit next counts the sum anew before the answer is no.
// A count that meets changes under way may say too much, for which the next makes up; it never says
// too little, but where a sum has come back to its value behind the counter's back.
#include "alloc/quota.h"

#include "base/bits.h"

static uint64_t count_cells(struct shl_seat seat) {
  uint64_t bytes = 0;
  uint32_t high = shl_slot_high_water(seat.heap);
  for (uint32_t id = 1; id <= high; id++) {
    const struct shl_slot_rec *slot = shl_slot_page(seat.heap, id);
    if (slot != seat.slot) bytes += shl_load_seq_cst_u64(&slot->unsettled);
  }
  return bytes;
}

static uint64_t count_bits(shoal_heap *heap) {
  uint64_t units = 0;
  uint32_t high = shl_chunk_high_water(heap);
  for (uint32_t chunk = heap->first_chunk; chunk < high; chunk++) {
    units += shl_count_bits(shl_load_acquire_u32(&shl_chunk_row(heap, chunk)->committed));
  }
  return units * SHL_UNIT_BYTES;
}

// All but the seat's own change. A cell that was cleared before the bits were read has its bytes in
// them, one that was set meanwhile may have taken them out: both readings count then.
static uint64_t count(struct shl_seat seat) {
  uint64_t before = count_cells(seat);
  uint64_t bits = count_bits(seat.heap);
  uint64_t after = count_cells(seat);
  return bits + before + (after == before ? 0 : after);
}

bool shl_quota_take(struct shl_seat seat, uint64_t bytes) {
  uint64_t limit = seat.heap->limit_bytes;
  if (limit == 0) return true;
  shl_a64 *sum = &seat.heap->words->committed_bytes;
  shl_store_seq_cst_u64(&seat.slot->unsettled, bytes);
  bool counted = false;
  while (true) {
    uint64_t before = shl_load_seq_cst_u64(sum);
    bool allowed = before <= limit && bytes <= limit - before;
    if (allowed && shl_cas_seq_cst_u64(sum, before, before + bytes)) return true;
    if (!allowed && counted) break;
    if (!allowed) counted = shl_cas_seq_cst_u64(sum, before, count(seat));
  }
  shl_quota_settle(seat);
  return false;
}

void shl_quota_announce(struct shl_seat seat, uint64_t bytes) {
  if (seat.heap->limit_bytes != 0) shl_store_seq_cst_u64(&seat.slot->unsettled, bytes);
}

void shl_quota_give(struct shl_seat seat, uint64_t bytes) {
  if (seat.heap->limit_bytes == 0) return;
  (void)shl_add_relaxed_u64(&seat.heap->words->committed_bytes, 0 - bytes);
}

void shl_quota_settle(struct shl_seat seat) {
  if (shl_load_relaxed_u64(&seat.slot->unsettled) == 0) return;
  shl_store_release_u64(&seat.slot->unsettled, 0);
}
