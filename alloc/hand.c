// SPDX-License-Identifier: MIT
// Filling hands.
//
//   refill     J = REFILL(s, w); old slab's hw = none; ref, base, size; s.hw = w; A = m; F[w] &= ~m;
//              N; J = 0. The blocks m are in A and in F for a moment: a union, nothing is lost.
//   give back  J = REFILL(ref); F[w] |= A; A = 0; hw = none; ref = 0; N |= w; push if FULL; J = 0
//
// A crash anywhere in either: F[w] |= A; A = 0; N again; push if FULL and N. J = 0 comes before the
// first pop, so A is whole or 0 then.
#include "alloc/hand.h"

#include "alloc/hint.h"
#include "alloc/journal.h"
#include "alloc/orphan.h"
#include "alloc/partial.h"
#include "alloc/slab.h"
#include "alloc/slot.h"

enum {
  // A hand holds at most this many bytes, so that what was freed last is used again before cold
  // blocks are: four pages. Less puts more mallocs of large classes on the slow path.
  HAND_BYTES = 16384
};

static uint64_t lowest_bits(uint64_t bits, unsigned count) {
  if (count >= 64) return bits;
  uint64_t rest = bits;
  for (; count > 0 && rest != 0; count--) rest &= rest - 1;
  return bits & ~rest;
}

static void journal_refill(struct shl_seat seat, unsigned class_index, uint32_t ref) {
  struct shl_journal entry = {
      .op = SHL_J_REFILL, .class_index = class_index, .a = ref >> 6, .b = ref & 63};
  shl_store_release_u64(&seat.slot->journal, shl_journal_encode(entry));
}

void shl_hand_refill(struct shl_seat seat, unsigned class_index, uint32_t unit, unsigned word) {
  const struct shl_class_info *info = &shl_classes[class_index];
  struct shl_hand_rec *hand = &seat.slot->hands[class_index];
  struct shl_hot_rec *hot = shl_hot_row(seat.heap, unit);
  uint64_t free = shl_load_relaxed_u64(&hot->free[word]);
  unsigned most = HAND_BYTES / info->bytes;
  uint64_t taken = lowest_bits(free, most == 0 ? 1 : most);
  uint32_t old = shl_load_relaxed_u32(&hand->ref) >> 6;
  journal_refill(seat, class_index, unit << 6 | word);
  if (old != 0 && shl_unit_known(seat.heap, old)) {
    shl_store_release_u8(&shl_hot_row(seat.heap, old)->hand_word, SHL_HW_NONE);
  }
  shl_store_release_u32(&hand->ref, unit << 6 | word);
  shl_store_release_u64(&hand->base, shl_unit_offset(unit) + (uint64_t)info->bytes * 64 * word);
  shl_store_release_u32(&hand->size, info->bytes);
  shl_store_release_u8(&hot->hand_word, (uint8_t)word);
  shl_store_release_u64(&hand->blocks, taken);
  shl_store_release_u64(&hot->free[word], free & ~taken);
  if ((free & ~taken) == 0) {
    uint64_t nonempty = shl_load_relaxed_u64(&hot->nonempty);
    shl_store_release_u64(&hot->nonempty, nonempty & ~(UINT64_C(1) << word));
  }
  shl_journal_clear(seat.slot);
}

void shl_hand_give_back(struct shl_seat seat, unsigned class_index) {
  struct shl_hand_rec *hand = &seat.slot->hands[class_index];
  uint32_t ref = shl_load_relaxed_u32(&hand->ref);
  uint32_t unit = ref >> 6;
  if (unit == 0 || !shl_unit_known(seat.heap, unit)) return;
  struct shl_hot_rec *hot = shl_hot_row(seat.heap, unit);
  unsigned word = ref & 63;
  uint64_t blocks = shl_load_relaxed_u64(&hand->blocks);
  journal_refill(seat, class_index, ref);
  if (blocks != 0) {
    uint64_t nonempty = shl_load_relaxed_u64(&hot->nonempty) | UINT64_C(1) << word;
    shl_store_release_u64(&hot->nonempty, nonempty);
    shl_store_release_u64(&hot->free[word], shl_load_relaxed_u64(&hot->free[word]) | blocks);
    shl_store_release_u64(&hand->blocks, 0);
  }
  shl_store_release_u8(&hot->hand_word, SHL_HW_NONE);
  shl_store_release_u32(&hand->ref, 0);
  bool listed = shl_load_relaxed_u8(&hot->state) == SHL_SLAB_PARTIAL;
  if (!listed && shl_load_relaxed_u64(&hot->nonempty) != 0) {
    shl_partial_push(seat, class_index, unit);
  }
  shl_journal_clear(seat.slot);
  (void)shl_slab_examine(seat, unit, true);
}

void shl_hand_give_back_all(struct shl_seat seat) {
  for (unsigned i = 1; i < SHL_CLASS_COUNT; i++) shl_hand_give_back(seat, i);
}

// A word of F that has blocks; stale bits of N are cleared on the way.
// returns: 64 where there is none.
static unsigned find_word(shoal_heap *heap, uint32_t unit) {
  struct shl_hot_rec *hot = shl_hot_row(heap, unit);
  uint64_t nonempty = shl_load_relaxed_u64(&hot->nonempty);
  while (nonempty != 0) {
    unsigned word = shl_lowest_bit(nonempty);
    if (shl_load_relaxed_u64(&hot->free[word]) != 0) return word;
    nonempty &= nonempty - 1;
    shl_store_release_u64(&hot->nonempty, nonempty);
  }
  return 64;
}

static void retire_full(struct shl_seat seat, unsigned class_index, uint32_t unit) {
  shl_journal_set(seat.slot, SHL_J_UNLINK, unit, 0);
  shl_partial_unlink(seat, class_index, unit);
  shl_journal_clear(seat.slot);
}

// Fills the hand from a slab that the slot has listed.
// returns: false where none has a free block.
static bool refill_from_list(struct shl_seat seat, unsigned class_index) {
  uint32_t unit = shl_load_relaxed_u32(&seat.slot->hands[class_index].ref) >> 6;
  if (unit != 0 && shl_unit_known(seat.heap, unit)) {
    unsigned word = find_word(seat.heap, unit);
    if (word < 64) {
      shl_hand_refill(seat, class_index, unit, word);
      return true;
    }
  }
  while ((unit = shl_partial_head(seat, class_index)) != 0) {
    unsigned word = find_word(seat.heap, unit);
    if (word < 64) {
      shl_hand_refill(seat, class_index, unit, word);
      return true;
    }
    retire_full(seat, class_index, unit);
  }
  return false;
}

static shoal_status refill_from_orphans(struct shl_seat seat, unsigned class_index, uint64_t *out) {
  struct shl_seat orphan;
  for (uint32_t id = 0; shl_orphan_next(seat.heap, &id, &orphan);) {
    shl_hint_drain(orphan);
    struct shl_hand_rec *hand = &orphan.slot->hands[class_index];
    bool filled = shl_load_relaxed_u64(&hand->blocks) != 0 || refill_from_list(orphan, class_index);
    uint64_t off = filled ? shl_hand_pop(hand) : 0;
    shl_orphan_leave(orphan);
    if (off != 0) {
      *out = off;
      return SHOAL_OK;
    }
  }
  return SHOAL_E_FULL;
}

shoal_status shl_hand_refill_pop(struct shl_seat seat, unsigned class_index, bool grow,
                                 uint64_t *out) {
  struct shl_hand_rec *hand = &seat.slot->hands[class_index];
  shl_hint_drain(seat);
  shoal_status status = SHOAL_OK;
  if (!refill_from_list(seat, class_index)) {
    uint32_t unit = 0;
    shl_orphan_tend_next(seat.heap);
    status = shl_slab_new(seat, class_index, grow, &unit);
    if (status == SHOAL_OK) (void)refill_from_list(seat, class_index);
  }
  if (status == SHOAL_OK) *out = shl_hand_pop(hand);
  if (status != SHOAL_OK && refill_from_orphans(seat, class_index, out) == SHOAL_OK) return SHOAL_OK;
  if (status != SHOAL_OK && shl_orphan_tend_all(seat.heap)) {
    uint32_t unit = 0;
    if (shl_slab_new(seat, class_index, grow, &unit) != SHOAL_OK) return status;
    (void)refill_from_list(seat, class_index);
    *out = shl_hand_pop(hand);
    return SHOAL_OK;
  }
  return status;
}
