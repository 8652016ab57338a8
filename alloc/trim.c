// SPDX-License-Identifier: MIT
// Chunks given back to the system: FREE -> TRIM(s) -> FREE.
//
// The bits that say "backed" are cleared before the pages go, the other order would leave a hole
// believed to be backed. A crash leaves the word TRIM(dead) and J = TRIM: the steps are run again,
// whatever the bits say by then.
#include "alloc/chunk.h"
#include "alloc/journal.h"
#include "alloc/pin.h"
#include "base/bits.h"
#include "mapping/os.h"

enum {
  DECAY_MS = 1000,          // a chunk that is taken again within a second is not worth the faults
  DECAY_EVERY_MS = 250,     // looking costs a line a FREE chunk
  DECAY_CHUNKS_AT_ONCE = 8  // 16 MiB: a few hundred microseconds in whoever pays
};

static bool give_back_data(shoal_heap *heap, uint32_t chunk, uint32_t committed) {
  uint64_t offset = shl_chunk_offset(chunk);
  if (shl_region_give_back(heap->region, offset, SHL_CHUNK_BYTES) != SHOAL_OK) return false;
  shl_chunk_unaccount(heap, (uint64_t)shl_count_bits(committed) * SHL_UNIT_BYTES);
  return true;
}

static bool give_back_meta(shoal_heap *heap, uint32_t chunk) {
  uint32_t unit = chunk * SHL_UNITS_PER_CHUNK;
  uint64_t hot = shl_region_offset(heap, shl_hot_row(heap, unit));
  uint64_t remote = shl_region_offset(heap, shl_remote_row(heap, unit));
  uint64_t run = shl_region_offset(heap, shl_run_page(heap, chunk));
  bool given = shl_region_give_back(heap->region, run, SHL_PAGE_BYTES) == SHOAL_OK;
  given = given && shl_region_give_back(heap->region, hot,
                                        SHL_META_HOT_PAGES * SHL_PAGE_BYTES) == SHOAL_OK;
  return given && shl_region_give_back(heap->region, remote,
                                       SHL_META_REMOTE_PAGES * SHL_PAGE_BYTES) == SHOAL_OK;
}

void shl_chunk_trim_steps(shoal_heap *heap, uint32_t chunk) {
  struct shl_chunk_rec *row = shl_chunk_row(heap, chunk);
  uint32_t committed = shl_load_relaxed_u32(&row->committed);
  uint16_t meta = shl_load_relaxed_u16(&row->meta);
  shl_store_release_u32(&row->committed, 0);
  shl_store_release_u16(&row->meta, 0);
  if (!give_back_data(heap, chunk, committed)) shl_store_release_u32(&row->committed, committed);
  if (!give_back_meta(heap, chunk)) shl_store_release_u16(&row->meta, meta);
}

bool shl_chunk_trim(struct shl_seat seat, uint32_t chunk) {
  struct shl_chunk_rec *row = shl_chunk_row(seat.heap, chunk);
  uint64_t free_word = shl_chunk_encode(SHL_CHUNK_FREE, 0, 0);
  if (shl_load_relaxed_u32(&row->committed) == 0 && shl_load_relaxed_u16(&row->meta) == 0) {
    return false;
  }
  shl_journal_set(seat.slot, SHL_J_TRIM, chunk, 0);
  bool taken = shl_cas_seq_cst_u64(&row->word, free_word,
                                   shl_chunk_encode(SHL_CHUNK_TRIM, seat.id, 0));
  bool trimmed = taken && !shl_pin_covers(seat.heap, chunk);
  if (trimmed) shl_chunk_trim_steps(seat.heap, chunk);
  if (taken) shl_store_seq_cst_u64(&row->word, free_word);
  shl_journal_clear(seat.slot);
  return trimmed;
}

static bool has_decayed(const shoal_heap *heap, uint32_t chunk, uint32_t now_ms) {
  if (shl_load_relaxed_u16(shl_room(heap, chunk)) != SHL_ROOM_FREE) return false;
  const struct shl_chunk_rec *row = shl_chunk_row(heap, chunk);
  if (shl_chunk_read(heap, chunk).state != SHL_CHUNK_FREE) return false;
  return now_ms - shl_load_relaxed_u32(&row->free_since) >= DECAY_MS;
}

void shl_chunk_decay(struct shl_seat seat) {
  shoal_heap *heap = seat.heap;
  uint64_t now = shl_os_now_ns();
  uint64_t last = shl_load_relaxed_u64(&heap->last_decay_ns);
  if (now - last < UINT64_C(1000000) * DECAY_EVERY_MS) return;
  if (!shl_cas_seq_cst_u64(&heap->last_decay_ns, last, now)) return;
  uint32_t high = shl_chunk_high_water(heap);
  unsigned left = DECAY_CHUNKS_AT_ONCE;
  for (uint32_t chunk = heap->first_chunk; chunk < high && left > 0; chunk++) {
    if (!has_decayed(heap, chunk, (uint32_t)(now / 1000000))) continue;
    if (shl_chunk_trim(seat, chunk)) left--;
  }
}
