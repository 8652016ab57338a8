// SPDX-License-Identifier: MIT
// Chunks given back to the system: FREE -> TRIM(s) -> FREE.
//
// The bits that say "backed", and before them those that say "untouched", are cleared before the
// pages go: the other order would leave a hole believed to be backed. Where the system refuses,
// what it kept is marked as backed again. A crash leaves the word TRIM(dead) and J = TRIM: the
// steps are run again, whatever the bits say by then. They ask for pins themselves: the dead may
// not have come to that yet. Where the pages stay then, the bits are lost: `stale`, set before them
// and cleared when the pages are gone, says that they may hold old bytes.
#include "alloc/chunk.h"
#include "alloc/journal.h"
#include "alloc/pin.h"
#include "alloc/quota.h"
#include "alloc/run.h"
#include "base/bits.h"
#include "base/panic.h"
#include "mapping/os.h"

enum {
  DECAY_MS = 1000,          // a chunk that is taken again within a second is not worth the faults
  DECAY_EVERY_MS = 250,     // looking costs two bytes a chunk, and a line a FREE one
  DECAY_CHUNKS_AT_ONCE = 8  // 16 MiB: a few hundred microseconds in whoever pays
};

// Metadata pages [first, first + count) of a chunk, as shl_chunk_rec.meta counts them.
struct meta_part {
  const void *address;
  unsigned first;
  unsigned count;
};

static bool give_back(shoal_heap *heap, uint64_t offset, uint64_t bytes) {
  return shl_region_give_back(heap->region, offset, bytes) == SHOAL_OK;
}

// returns: which of the pages the system has kept.
static unsigned give_back_meta(shoal_heap *heap, uint32_t chunk) {
  uint32_t unit = chunk * SHL_UNITS_PER_CHUNK;
  const struct meta_part parts[] = {
      {shl_run_page(heap, chunk), SHL_META_RUN_PAGE, 1},
      {shl_hot_row(heap, unit), 0, SHL_META_HOT_PAGES},
      {shl_remote_row(heap, unit), SHL_META_REMOTE_FIRST, SHL_META_REMOTE_PAGES},
  };
  unsigned kept = 0;
  for (unsigned i = 0; i < sizeof parts / sizeof parts[0]; i++) {
    uint64_t offset = shl_region_offset(heap, parts[i].address);
    if (give_back(heap, offset, parts[i].count * (uint64_t)SHL_PAGE_BYTES)) continue;
    kept |= (unsigned)shl_low_mask(parts[i].count) << parts[i].first;
  }
  return kept;
}

static void give_back_chunk(struct shl_seat seat, uint32_t chunk) {
  shoal_heap *heap = seat.heap;
  struct shl_chunk_rec *row = shl_chunk_row(heap, chunk);
  uint32_t committed = shl_load_relaxed_u32(&row->committed);
  unsigned meta = shl_load_relaxed_u16(&row->meta);
  uint64_t bytes = (uint64_t)shl_count_bits(committed) * SHL_UNIT_BYTES;
  shl_run_forget_zero(heap, chunk);
  shl_quota_announce(seat, bytes);
  shl_store_release_u8(&row->stale, 1);
  shl_store_release_u32(&row->committed, 0);
  shl_store_release_u16(&row->meta, 0);
  unsigned kept = meta;
  if (give_back(heap, shl_chunk_offset(chunk), SHL_CHUNK_BYTES)) {
    shl_store_release_u8(&row->stale, 0);
    shl_quota_give(seat, bytes);
    kept = give_back_meta(heap, chunk) & meta;
  } else {
    shl_store_release_u32(&row->committed, committed);
  }
  shl_quota_settle(seat);
  if (kept != 0) shl_store_release_u16(&row->meta, (uint16_t)kept);
  shl_store_relaxed_u32(&row->free_since, 0);
}

bool shl_chunk_trim_steps(struct shl_seat seat, uint32_t chunk) {
  bool pinned = shl_pin_covers(seat.heap, chunk);
  if (!pinned) give_back_chunk(seat, chunk);
  shl_store_seq_cst_u64(&shl_chunk_row(seat.heap, chunk)->word,
                        shl_chunk_encode(SHL_CHUNK_FREE, 0, 0));
  return !pinned;
}

bool shl_chunk_trim(struct shl_seat seat, uint32_t chunk) {
  SHL_ASSERT_DEBUG(shl_journal_is_clear(seat.slot));
  struct shl_chunk_rec *row = shl_chunk_row(seat.heap, chunk);
  if (shl_load_relaxed_u32(&row->committed) == 0 && shl_load_relaxed_u16(&row->meta) == 0) {
    return false;
  }
  uint64_t free_word = shl_chunk_encode(SHL_CHUNK_FREE, 0, 0);
  if (shl_load_acquire_u64(&row->word) != free_word) return false;
  shl_journal_set(seat.slot, SHL_J_TRIM, chunk, 0);
  bool taken = shl_cas_seq_cst_u64(&row->word, free_word,
                                   shl_chunk_encode(SHL_CHUNK_TRIM, shl_seat_id(seat), 0));
  bool trimmed = taken && shl_chunk_trim_steps(seat, chunk);
  shl_journal_clear(seat.slot);
  return trimmed;
}

void shl_chunk_trim_all(struct shl_seat seat) {
  uint32_t high = shl_chunk_high_water(seat.heap);
  for (uint32_t chunk = seat.heap->first_chunk; chunk < high; chunk++) {
    (void)shl_chunk_trim(seat, chunk);
  }
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
