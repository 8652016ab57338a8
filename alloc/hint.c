// SPDX-License-Identifier: MIT
// Hints, set bottom-up: pending, cd, H, HS. Each level: test, then one atomic or. The levels are
// tested apart: a stale cd bit must not hide H. A plain store in the middle level would lose a
// neighbour's bit. Who dies in between has J naming the slab or the chunks, and recovery sets all
// of them again; but for a slab that could not be released (slab.c), where J is 0: no block waits,
// and a free into the slab or a trim looks at it again.
#include "alloc/hint.h"

#include "alloc/class.h"

static void raise_bit(shl_a64 *word, uint64_t bit) {
  if ((shl_load_seq_cst_u64(word) & bit) == 0) (void)shl_or_seq_cst_u64(word, bit);
}

static void raise_chunk(shoal_heap *heap, uint32_t owner, uint32_t chunk_mod) {
  struct shl_owner_rec *row = shl_owner_row(heap, owner);
  raise_bit(&row->hints[chunk_mod / 64], UINT64_C(1) << chunk_mod % 64);
  raise_bit(&row->hint_summary, UINT64_C(1) << chunk_mod / 64);
}

void shl_hint_set_pending(shoal_heap *heap, uint32_t unit, bool pending) {
  uint64_t desc = shl_load_relaxed_u64(shl_unit_desc(heap, unit));
  // A late hint may name what is no slab's first unit any more.
  unsigned units = shl_desc_back(desc) == 0 ? shl_class_info(shl_desc_class(desc))->units : 0;
  for (uint32_t i = 0; i < units; i++) {
    union shl_desc_rec *rec = shl_desc_row(heap, unit + i);
    bool is_set = shl_load_relaxed_u8(&rec->part.pending) != 0;
    if (is_set != pending) shl_store_release_u8(&rec->part.pending, pending);
  }
}

void shl_hint_raise(shoal_heap *heap, uint32_t unit, uint32_t owner) {
  if (owner == 0 || owner > heap->slot_count) return;
  shl_hint_set_pending(heap, unit, true);
  uint32_t chunk = shl_unit_chunk(unit);
  shl_a32 *dirty = &shl_chunk_row(heap, chunk)->dirty;
  uint32_t bit = UINT32_C(1) << unit % SHL_UNITS_PER_CHUNK;
  if ((shl_load_seq_cst_u32(dirty) & bit) == 0) (void)shl_or_seq_cst_u32(dirty, bit);
  raise_chunk(heap, owner, chunk % SHL_HINT_CHUNKS);
}

void shl_hint_restore(struct shl_seat seat, uint32_t chunk_mod) {
  struct shl_owner_rec *row = shl_owner_row(seat.heap, shl_seat_id(seat));
  (void)shl_or_seq_cst_u64(&row->hints[chunk_mod / 64 % SHL_HINT_WORDS],
                           UINT64_C(1) << chunk_mod % 64);
  (void)shl_or_seq_cst_u64(&row->hint_summary, UINT64_C(1) << chunk_mod / 64 % SHL_HINT_WORDS);
}
