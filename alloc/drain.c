// SPDX-License-Identifier: MIT
// Drains: what others freed comes back to the slabs that hints lead to. Top-down (HS, H, cd), so
// that a bit set below while its summary is being cleared gets its summary again from the one who
// set it.
//
//   drain  J = DRAIN(k of word j); HS &= ~j; M = H[j]; for k in M: J = DRAIN(k); H[j] &= ~k; for
//          chunks = k modulo 4096: for dirty slabs of ours: collect, J = DRAIN(k) again; J = 0
//
// J never becomes 0 in between, so a death leaves the word to restore: H[j] |= k, HS |= j. Leaving
// early does the same by hand. A cd bit may be stale, and its unit by now a further one of another
// slab, whose cells mean nothing: only a slab's first unit is collected. A slab that waits for
// nothing but its chunk is passed by and keeps its hint: a holder that has stopped would have the
// same slabs met in every drain, before all that waits behind them.
#include "alloc/drain.h"

#include "alloc/chunk.h"
#include "alloc/class.h"
#include "alloc/hint.h"
#include "alloc/journal.h"
#include "alloc/remote.h"
#include "alloc/slab.h"
#include "base/panic.h"

// Slabs collected in one go: a few microseconds of somebody's malloc.
enum { COLLECT_AT_ONCE = 32 };

// One drain. Private to the process.
struct drain {
  struct shl_seat seat;
  unsigned emptied_count;
  unsigned collected_count;
  bool passed_by;  // a slab of the chunks under way
  uint32_t emptied[COLLECT_AT_ONCE];
};

static bool is_done(const struct drain *drain) {
  return drain->collected_count >= COLLECT_AT_ONCE;
}

// Whether a release of the slab is all that its hint is for, and would be refused.
static bool waits_for_chunk(const shoal_heap *heap, uint32_t unit,
                            const struct shl_class_info *info) {
  struct shl_chunk_word word = shl_chunk_read(heap, shl_unit_chunk(unit));
  bool is_held = word.state == SHL_CHUNK_MIXED && word.slot != 0;
  return is_held && shl_slab_is_empty(heap, unit, info);
}

static void drain_unit(struct drain *drain, uint32_t unit, uint64_t journal) {
  shoal_heap *heap = drain->seat.heap;
  uint64_t desc = shl_load_acquire_u64(shl_unit_desc(heap, unit));
  const struct shl_class_info *info = shl_class_info(shl_desc_class(desc));
  bool ours = shl_desc_owner(desc) == shl_seat_id(drain->seat) && shl_desc_back(desc) == 0;
  if (info->bytes == 0 || !ours) return;
  if (waits_for_chunk(heap, unit, info)) {
    drain->passed_by = true;
    return;
  }
  shl_remote_collect(drain->seat, unit, journal);
  drain->collected_count++;
  if (shl_slab_is_empty(heap, unit, info)) drain->emptied[drain->emptied_count++] = unit;
}

static void drain_chunk(struct drain *drain, uint32_t chunk, uint64_t journal) {
  uint32_t dirty = shl_load_seq_cst_u32(&shl_chunk_row(drain->seat.heap, chunk)->dirty);
  for (; dirty != 0 && !is_done(drain); dirty &= dirty - 1) {
    drain_unit(drain, chunk * SHL_UNITS_PER_CHUNK + shl_lowest_bit(dirty), journal);
  }
}

// Chunks that are `chunk_mod` modulo 4096.
static void drain_chunks(struct drain *drain, uint32_t chunk_mod) {
  shoal_heap *heap = drain->seat.heap;
  uint32_t high = shl_chunk_high_water(heap);
  struct shl_journal entry = {.op = SHL_J_DRAIN, .a = chunk_mod};
  uint64_t journal = shl_journal_encode(entry);
  shl_store_release_u64(&drain->seat.slot->journal, journal);
  struct shl_owner_rec *row = shl_owner_row(heap, shl_seat_id(drain->seat));
  (void)shl_and_seq_cst_u64(&row->hints[chunk_mod / 64], ~(UINT64_C(1) << chunk_mod % 64));
  drain->passed_by = false;
  for (uint32_t chunk = chunk_mod; chunk < high && !is_done(drain); chunk += SHL_HINT_CHUNKS) {
    if (chunk >= heap->first_chunk) drain_chunk(drain, chunk, journal);
  }
  if (is_done(drain) || drain->passed_by) shl_hint_restore(drain->seat, chunk_mod);
}

static void drain_word(struct drain *drain, unsigned word) {
  struct shl_owner_rec *row = shl_owner_row(drain->seat.heap, shl_seat_id(drain->seat));
  shl_journal_set(drain->seat.slot, SHL_J_DRAIN, 64 * word, 0);
  (void)shl_and_seq_cst_u64(&row->hint_summary, ~(UINT64_C(1) << word));
  uint64_t chunks = shl_load_seq_cst_u64(&row->hints[word]);
  for (; chunks != 0 && !is_done(drain); chunks &= chunks - 1) {
    drain_chunks(drain, 64 * word + shl_lowest_bit(chunks));
  }
  if (chunks != 0) (void)shl_or_seq_cst_u64(&row->hint_summary, UINT64_C(1) << word);
  shl_journal_clear(drain->seat.slot);
}

// returns: whether it ended at its bound, before the hints did.
static bool drain_once(struct shl_seat seat) {
  struct shl_owner_rec *row = shl_owner_row(seat.heap, shl_seat_id(seat));
  uint64_t words = shl_load_seq_cst_u64(&row->hint_summary);
  if (words == 0) return false;
  SHL_ASSERT_DEBUG(shl_journal_is_clear(seat.slot));
  struct drain drain = {.seat = seat};
  for (; words != 0 && !is_done(&drain); words &= words - 1) {
    drain_word(&drain, shl_lowest_bit(words));
  }
  for (unsigned i = 0; i < drain.emptied_count; i++) {
    (void)shl_slab_examine(seat, drain.emptied[i], true);
  }
  return is_done(&drain);
}

void shl_drain(struct shl_seat seat) {
  (void)drain_once(seat);
}

// A hint that a drain raises again, for a block that a record names or a chunk that another holds,
// would be met again in every round.
void shl_drain_all(struct shl_seat seat) {
  uint32_t rounds = shl_chunk_high_water(seat.heap) - seat.heap->first_chunk + 2;
  while (rounds-- > 0 && drain_once(seat)) continue;
}
