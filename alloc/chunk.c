// SPDX-License-Identifier: MIT
// Chunk words: who may change a chunk's runs.
//
//   FREE --claim--> MIXED(s) <--release/claim--> MIXED(0)     MIXED(s) --last run gone--> FREE
//
// The idea: one word a chunk, changed by compare and swap, names the one slot that may change D,
// the page bitmap, the zero bits, `committed` and `meta`. Nobody waits for a claim. A free needs
// none: it sets a bit in RP, and whoever claims next collects it before anything else.
//
// Invariants
//   I1  D, bitmap, zero, committed, meta of a chunk are stored only by the slot its word names.
//   I2  FREE: D is all 0 (or not backed), no descriptor has a class, RP is 0.
//   I3  A page whose `meta` bit is clear is not read, by nobody.
//   I4  The high-water mark only grows, and rows below it are backed.
//   I5  A set bit of `committed` means backed pages; a clear one, pages that are gone or were never
//       used, unless `stale` is set. Its zero bits are set after it and cleared before it.
// A crash leaves the word naming the dead slot and J = CHUNK: recovery recomputes the bitmap from D
// and releases. Between D[b] = 0 and RP &= ~b the next pass finds D 0 and clears the bit. A unit
// backed but not yet marked so is backed again by the next who needs it.
#include "alloc/chunk.h"

#include "alloc/journal.h"
#include "alloc/quota.h"
#include "alloc/run.h"
#include "base/bits.h"
#include "base/fail.h"
#include "base/panic.h"
#include "mapping/os.h"

static shoal_status back_row(shoal_heap *heap, const void *row, uint64_t bytes) {
  uint64_t begin = shl_region_offset(heap, row);
  uint64_t end = begin + bytes;
  begin &= ~(uint64_t)(SHL_PAGE_BYTES - 1);
  end = (end + SHL_PAGE_BYTES - 1) & ~(uint64_t)(SHL_PAGE_BYTES - 1);
  return shl_region_commit(heap->region, begin, end - begin);
}

shoal_status shl_chunk_raise(shoal_heap *heap, uint32_t chunk) {
  if (chunk >= heap->chunk_end) return SHOAL_E_FULL;
  shoal_status status = back_row(heap, shl_chunk_row(heap, chunk), sizeof(struct shl_chunk_rec));
  if (status == SHOAL_OK) {
    status = back_row(heap, shl_unit_desc(heap, chunk * SHL_UNITS_PER_CHUNK),
                      SHL_UNITS_PER_CHUNK * sizeof(union shl_desc_rec));
  }
  if (status == SHOAL_OK) status = back_row(heap, shl_room(heap, chunk), sizeof(shl_a16));
  if (status != SHOAL_OK) return status;
  // The mark as it is stored, which may lie below where it is read: it must rise all the same.
  uint64_t stored = shl_load_acquire_u64(&heap->words->chunk_high_water);
  if (stored > chunk) return SHOAL_OK;
  shl_store_release_u16(shl_room(heap, chunk), SHL_ROOM_FREE);
  (void)shl_cas_seq_cst_u64(&heap->words->chunk_high_water, stored, (uint64_t)chunk + 1);
  (void)shl_chunk_high_water(heap);
  return SHOAL_OK;
}

static void *meta_page(const shoal_heap *heap, uint32_t chunk, unsigned page) {
  if (page == SHL_META_RUN_PAGE) return shl_run_page(heap, chunk);
  uint32_t unit = chunk * SHL_UNITS_PER_CHUNK;
  if (page < SHL_META_REMOTE_FIRST) return (char *)shl_hot_row(heap, unit) + page * SHL_PAGE_BYTES;
  return (char *)shl_remote_row(heap, unit) + (page - SHL_META_REMOTE_FIRST) * SHL_PAGE_BYTES;
}

shoal_status shl_chunk_back_meta(shoal_heap *heap, uint32_t chunk, unsigned pages) {
  shl_a16 *meta = &shl_chunk_row(heap, chunk)->meta;
  unsigned have = shl_load_relaxed_u16(meta);
  for (unsigned missing = pages & ~have; missing != 0; missing &= missing - 1) {
    unsigned page = shl_lowest_bit(missing);
    shoal_status status = back_row(heap, meta_page(heap, chunk, page), SHL_PAGE_BYTES);
    if (status != SHOAL_OK) return status;
    have |= 1U << page;
    shl_store_release_u16(meta, (uint16_t)have);
  }
  return SHOAL_OK;
}

// Units [first, first + count) and, where they are free to take, as many behind them as the chunk
// has backed already: a chunk in use is backed in five steps.
static uint32_t units_to_back(uint32_t committed, unsigned first, unsigned count) {
  uint32_t wanted = (uint32_t)shl_low_mask(count) << first;
  unsigned ahead = shl_count_bits(committed);
  for (unsigned u = first + count; ahead > 0 && u < SHL_UNITS_PER_CHUNK; u++, ahead--) {
    if ((committed >> u & 1) != 0) break;
    wanted |= UINT32_C(1) << u;
  }
  return wanted & ~committed;
}

// Units in a row. Private to the process.
struct stretch {
  unsigned first;
  unsigned count;
};

// Takes the lowest stretch of set bits off `*bits`, which are not 0.
static struct stretch take_stretch(uint32_t *bits) {
  struct stretch stretch = {.first = shl_lowest_bit(*bits)};
  stretch.count = shl_lowest_bit(~((uint64_t)*bits >> stretch.first));
  *bits &= ~((uint32_t)shl_low_mask(stretch.count) << stretch.first);
  return stretch;
}

static uint64_t stretch_offset(uint32_t chunk, struct stretch stretch) {
  return shl_chunk_offset(chunk) + stretch.first * (uint64_t)SHL_UNIT_BYTES;
}

static void unback_bits(shoal_heap *heap, uint32_t chunk, uint32_t bits) {
  while (bits != 0) {
    struct stretch stretch = take_stretch(&bits);
    (void)shl_region_give_back(heap->region, stretch_offset(chunk, stretch),
                               stretch.count * (uint64_t)SHL_UNIT_BYTES);
  }
}

shoal_status shl_chunk_back_bits(struct shl_seat seat, uint32_t chunk, uint32_t bits) {
  shoal_heap *heap = seat.heap;
  uint64_t bytes = (uint64_t)shl_count_bits(bits) * SHL_UNIT_BYTES;
  if (!shl_quota_take(seat, bytes)) {
    return shl_fail(SHOAL_E_FULL, 0, "limit_bytes (%llu) is used up.",
                    (unsigned long long)heap->limit_bytes);
  }
  for (uint32_t left = bits; left != 0;) {
    uint32_t before = left;
    struct stretch stretch = take_stretch(&left);
    shoal_status status = shl_region_commit(heap->region, stretch_offset(chunk, stretch),
                                            stretch.count * (uint64_t)SHL_UNIT_BYTES);
    if (status == SHOAL_OK) continue;
    unback_bits(heap, chunk, bits & ~before);
    shl_quota_give(seat, bytes);
    shl_quota_settle(seat);
    return status;
  }
  return SHOAL_OK;
}

shoal_status shl_chunk_back_units(struct shl_seat seat, uint32_t chunk, unsigned first,
                                  unsigned count) {
  shoal_heap *heap = seat.heap;
  struct shl_chunk_rec *row = shl_chunk_row(heap, chunk);
  uint32_t committed = shl_load_relaxed_u32(&row->committed);
  uint32_t needed = ((uint32_t)shl_low_mask(count) << first) & ~committed;
  if (needed == 0) return SHOAL_OK;
  uint32_t bits = units_to_back(committed, first, count);
  shoal_status status = shl_chunk_back_bits(seat, chunk, bits);
  if (status != SHOAL_OK && bits != needed) {
    bits = needed;
    status = shl_chunk_back_bits(seat, chunk, bits);
  }
  if (status != SHOAL_OK) return status;
  shl_store_release_u32(&row->committed, committed | bits);
  shl_quota_settle(seat);
  if (shl_load_relaxed_u8(&row->stale) == 0) shl_run_mark_zero(heap, chunk, bits);
  return SHOAL_OK;
}

enum shl_claim shl_chunk_claim(struct shl_seat seat, uint32_t chunk) {
  SHL_ASSERT_DEBUG(shl_journal_is_clear(seat.slot));
  struct shl_chunk_rec *row = shl_chunk_row(seat.heap, chunk);
  uint64_t mine = shl_chunk_encode(SHL_CHUNK_MIXED, shl_seat_id(seat), 0);
  uint64_t before = shl_load_acquire_u64(&row->word);
  struct shl_chunk_word word = shl_chunk_decode(before);
  bool open = word.state == SHL_CHUNK_FREE || (word.state == SHL_CHUNK_MIXED && word.slot == 0);
  if (!open) {
    bool huge = word.state == SHL_CHUNK_HEAD || word.state == SHL_CHUNK_CONT;
    return huge ? SHL_CLAIM_OTHER : SHL_CLAIM_BUSY;
  }
  shl_journal_set(seat.slot, SHL_J_CHUNK, chunk, 0);
  if (!shl_cas_seq_cst_u64(&row->word, before, mine)) {
    shl_journal_clear(seat.slot);
    return SHL_CLAIM_BUSY;
  }
  if (shl_chunk_back_meta(seat.heap, chunk, 1U << SHL_META_RUN_PAGE) != SHOAL_OK) {
    shl_store_seq_cst_u64(&row->word, before);
    shl_journal_clear(seat.slot);
    return SHL_CLAIM_NO_SPACE;
  }
  shl_run_collect(seat.heap, chunk);
  return SHL_CLAIM_TAKEN;
}

void shl_chunk_note_free(shoal_heap *heap, uint32_t chunk) {
  struct shl_chunk_rec *row = shl_chunk_row(heap, chunk);
  shl_store_relaxed_u32(&row->free_since, (uint32_t)(shl_os_now_ns() / 1000000));
  shl_store_relaxed_u8(&row->journalled, 0);
  shl_store_relaxed_u16(shl_room(heap, chunk), SHL_ROOM_FREE);
}

void shl_chunk_release(struct shl_seat seat, uint32_t chunk) {
  struct shl_chunk_rec *row = shl_chunk_row(seat.heap, chunk);
  unsigned room = shl_run_room(seat.heap, chunk);
  if (room == SHL_PAGES_PER_CHUNK) {
    shl_chunk_note_free(seat.heap, chunk);
    shl_store_seq_cst_u64(&row->word, shl_chunk_encode(SHL_CHUNK_FREE, 0, 0));
    return;
  }
  shl_store_relaxed_u16(shl_room(seat.heap, chunk), (uint16_t)room);
  shl_store_seq_cst_u64(&row->word, shl_chunk_encode(SHL_CHUNK_MIXED, 0, 0));
}

// Each turn collects what somebody freed, and could not collect, during the turn before.
void shl_chunk_settle(struct shl_seat seat, uint32_t chunk) {
  while (shl_run_pending(seat.heap, chunk)) {
    if (shl_chunk_read(seat.heap, chunk).state != SHL_CHUNK_MIXED) return;
    if (shl_chunk_claim(seat, chunk) != SHL_CLAIM_TAKEN) return;
    shl_chunk_release(seat, chunk);
    shl_journal_clear(seat.slot);
  }
}
