// SPDX-License-Identifier: MIT
// Slabs.
//
//   new      claim; J = NEWSLAB; back metadata and data; N, F := ones, RB := 0; D = SLAB;
//            descriptors, the first unit's last; release the claim; push; J = 0
//   release  claim; J = FREESLAB; unlink; descriptors := 0; D = 0; release the claim; J = 0
//            the claim is busy: the slab's hint, without a journal; a death loses it, no block
//
// Invariants
//   I1  The owner and class of a slab do not change while it is one.
//   I2  F is stored by who acts as the owner only. A bit of F past the last block is 0.
//   I3  F[w] != 0 implies N bit w, but while J names the slab; N may have bits too many.
//   I4  A slab is PARTIAL and listed, or FULL and on no list; a FULL one has N = 0 but while J
//       names it.
// A crash in `new` under the claim gives the pages back (nothing was issued), after it pushes the
// slab. A crash in `release` under the claim goes on with it, after it there is nothing to do.
#include "alloc/slab.h"

#include "alloc/chunk.h"
#include "alloc/hint.h"
#include "alloc/journal.h"
#include "alloc/partial.h"
#include "alloc/record.h"
#include "alloc/run.h"
#include "base/panic.h"

static unsigned meta_pages(uint32_t unit) {
  unsigned row = unit % SHL_UNITS_PER_CHUNK;
  unsigned hot_first = row * (unsigned)sizeof(struct shl_hot_rec) / SHL_PAGE_BYTES;
  unsigned hot_last = ((row + 1) * (unsigned)sizeof(struct shl_hot_rec) - 1) / SHL_PAGE_BYTES;
  unsigned remote = row * (unsigned)sizeof(struct shl_remote_rec) / SHL_PAGE_BYTES;
  return 1U << hot_first | 1U << hot_last | 1U << (SHL_META_REMOTE_FIRST + remote);
}

static void fill_rows(shoal_heap *heap, uint32_t unit, const struct shl_class_info *info) {
  struct shl_hot_rec *hot = shl_hot_row(heap, unit);
  struct shl_remote_rec *remote = shl_remote_row(heap, unit);
  shl_store_relaxed_u8(&hot->state, SHL_SLAB_FULL);
  shl_store_relaxed_u32(&hot->prev, 0);
  shl_store_relaxed_u32(&hot->next, 0);
  for (unsigned w = 0; w < SHL_WORDS_PER_SLAB; w++) {
    uint64_t mask = w < info->words ? shl_class_word_mask(info, w) : 0;
    shl_store_relaxed_u64(&hot->free[w], mask);
    shl_store_relaxed_u64(&remote->freed[w], 0);
  }
  shl_store_release_u64(&hot->nonempty, shl_low_mask(info->words));
}

static void publish_descriptors(struct shl_seat seat, unsigned class_byte, uint32_t unit) {
  for (uint32_t back = shl_class_info(class_byte)->units; back-- > 0;) {
    uint64_t desc = shl_desc_make(shl_seat_id(seat), class_byte, back);
    shl_store_release_u64(shl_unit_desc(seat.heap, unit + back), desc);
  }
}

static void journal_slab(struct shl_seat seat, unsigned op, unsigned class_byte, uint32_t unit) {
  struct shl_journal entry = {.op = op, .class_index = class_byte, .a = unit};
  shl_store_release_u64(&seat.slot->journal, shl_journal_encode(entry));
}

shoal_status shl_slab_new(struct shl_seat seat, unsigned class_byte, bool grow) {
  const struct shl_class_info *info = shl_class_info(class_byte);
  unsigned pages = info->units * (unsigned)SHL_PAGES_PER_UNIT;
  struct shl_run_request request = {
      .pages = pages, .align_pages = SHL_PAGES_PER_UNIT, .backed = !grow};
  struct shl_run_place place;
  shoal_status status = shl_run_find_backed(seat, request, &place);
  if (status != SHOAL_OK) return status;
  uint32_t unit = place.chunk * SHL_UNITS_PER_CHUNK + place.page / SHL_PAGES_PER_UNIT;
  journal_slab(seat, SHL_J_NEWSLAB, class_byte, unit);
  status = shl_chunk_back_meta(seat.heap, place.chunk, meta_pages(unit));
  if (status != SHOAL_OK) {
    // Under NEWSLAB, a claim that is gone would mean a slab to be listed.
    shl_journal_set(seat.slot, SHL_J_CHUNK, place.chunk, 0);
    shl_run_end_claim(seat, place.chunk);
    return status;
  }
  fill_rows(seat.heap, unit, info);
  shl_run_take(seat.heap, place, pages, SHL_RUN_SLAB);
  publish_descriptors(seat, class_byte, unit);
  shl_chunk_release(seat, place.chunk);
  shl_partial_push(seat, class_byte, unit);
  shl_journal_clear(seat.slot);
  shl_chunk_settle(seat, place.chunk);
  shl_chunk_decay(seat);
  return SHOAL_OK;
}

bool shl_slab_is_empty(const shoal_heap *heap, uint32_t unit, const struct shl_class_info *info) {
  const struct shl_hot_rec *hot = shl_hot_row(heap, unit);
  if (shl_load_relaxed_u64(&hot->nonempty) != shl_low_mask(info->words)) return false;
  for (unsigned w = 0; w < info->words; w++) {
    if (shl_load_relaxed_u64(&hot->free[w]) != shl_class_word_mask(info, w)) return false;
  }
  const struct shl_remote_rec *remote = shl_remote_row(heap, unit);
  for (unsigned w = 0; w < info->words; w++) {
    if (shl_load_acquire_u64(&remote->freed[w]) != 0) return false;
  }
  return true;
}

void shl_slab_recount(shoal_heap *heap, uint32_t unit, const struct shl_class_info *info) {
  struct shl_hot_rec *hot = shl_hot_row(heap, unit);
  uint64_t nonempty = 0;
  for (unsigned w = 0; w < info->words; w++) {
    if (shl_load_relaxed_u64(&hot->free[w]) != 0) nonempty |= UINT64_C(1) << w;
  }
  shl_store_release_u64(&hot->nonempty, nonempty);
}

void shl_slab_free_first(struct shl_seat seat, uint32_t unit, unsigned word, uint64_t bit) {
  struct shl_hot_rec *hot = shl_hot_row(seat.heap, unit);
  bool full = shl_load_relaxed_u8(&hot->state) == SHL_SLAB_FULL;
  if (full) shl_journal_set(seat.slot, SHL_J_RELIST, unit, 0);
  uint64_t nonempty = shl_load_relaxed_u64(&hot->nonempty) | UINT64_C(1) << word;
  shl_store_release_u64(&hot->nonempty, nonempty);
  shl_store_release_u64(&hot->free[word], bit);
  if (!full) return;
  uint64_t desc = shl_load_relaxed_u64(shl_unit_desc(seat.heap, unit));
  shl_partial_push(seat, shl_desc_class(desc), unit);
  shl_journal_clear(seat.slot);
}

void shl_slab_release_steps(struct shl_seat seat, unsigned class_byte, uint32_t unit) {
  shl_partial_unlink(seat, class_byte, unit);
  for (uint32_t i = 0; i < shl_class_info(class_byte)->units; i++) {
    shl_store_release_u64(shl_unit_desc(seat.heap, unit + i), 0);
  }
  struct shl_run_place place = {.chunk = shl_unit_chunk(unit),
                                .page = unit % SHL_UNITS_PER_CHUNK * SHL_PAGES_PER_UNIT};
  shl_run_drop(seat.heap, place);
}

// The hand that stands at the slab; null where none does. Slabs of tagged blocks have none.
static struct shl_hand_rec *hand_at(struct shl_seat seat, unsigned class_byte, uint32_t unit) {
  if (shl_class_is_tagged(class_byte)) return NULL;
  struct shl_hand_rec *hand = &seat.slot->hands[class_byte];
  return shl_load_relaxed_u32(&hand->ref) >> 6 == unit ? hand : NULL;
}

// An empty hand lets its slab go: it may stand nowhere.
static void leave_slab(struct shl_hand_rec *hand) {
  shl_store_release_u32(&hand->ref, 0);
  shl_store_release_u64(&hand->base, 0);
  shl_store_release_u32(&hand->size, 0);
}

bool shl_slab_examine(struct shl_seat seat, uint32_t unit, bool keep_only) {
  SHL_ASSERT_DEBUG(shl_record_is_clear(seat.slot));
  uint64_t desc = shl_load_relaxed_u64(shl_unit_desc(seat.heap, unit));
  unsigned class_byte = shl_desc_class(desc);
  const struct shl_class_info *info = shl_class_info(class_byte);
  if (shl_desc_owner(desc) != shl_seat_id(seat) || info->bytes == 0) return false;
  if (!shl_slab_is_empty(seat.heap, unit, info)) return false;
  struct shl_hand_rec *hand = hand_at(seat, class_byte, unit);
  if (hand != NULL && shl_load_relaxed_u64(&hand->blocks) != 0) return false;
  if (keep_only && shl_partial_is_only(seat, class_byte, unit)) return false;
  uint32_t chunk = shl_unit_chunk(unit);
  if (shl_chunk_claim(seat, chunk) != SHL_CLAIM_TAKEN) {
    shl_hint_raise(seat.heap, unit, shl_seat_id(seat));  // the next drain looks again
    return false;
  }
  if (hand != NULL) leave_slab(hand);
  journal_slab(seat, SHL_J_FREESLAB, class_byte, unit);
  shl_slab_release_steps(seat, class_byte, unit);
  shl_run_end_claim(seat, chunk);
  return true;
}
