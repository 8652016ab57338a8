// SPDX-License-Identifier: MIT
// Filling hands.
//
//   refill     J = REFILL(s, w); ref, base, size; A = m; F[w] &= ~m; N; J = 0. The blocks m are in
//              A and in F for a moment: a union, nothing is lost.
//   free into  ref, base, size; A = bit, the commit of the free. A hand whose A is 0 may stand
//              anywhere, so that this takes no journal
//   give back  J = REFILL(ref); N |= w; F[w] |= A; A = 0; the hand's words = 0; push if FULL; J = 0
//
// A crash in a refill or in giving back: F[w] |= A; A = 0; N again; push if FULL and N. J = 0 comes
// before the first pop, so A is whole or 0 then. A cut refill may leave the empty hand at either
// slab, its words half changed: whoever fills it next writes them all before A.
#include "alloc/hand.h"

#include "alloc/journal.h"
#include "alloc/partial.h"
#include "alloc/slab.h"
#include "base/panic.h"

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

// Moves the empty hand to another word: all but A.
static inline void move_to(struct shl_seat seat, unsigned class_index, uint32_t ref) {
  const struct shl_class_info *info = &shl_classes[class_index];
  struct shl_hand_rec *hand = &seat.slot->hands[class_index];
  shl_store_release_u32(&hand->ref, ref);
  shl_store_release_u64(&hand->base,
                        shl_unit_offset(ref >> 6) + (uint64_t)info->bytes * 64 * (ref & 63));
  if (shl_load_relaxed_u32(&hand->size) != info->bytes) {
    shl_store_release_u32(&hand->size, info->bytes);
  }
}

void shl_hand_free_into(struct shl_seat seat, unsigned class_index, uint32_t ref, uint64_t bit) {
  move_to(seat, class_index, ref);
  shl_store_release_u64(&seat.slot->hands[class_index].blocks, bit);
}

void shl_hand_refill(struct shl_seat seat, unsigned class_index, uint32_t unit, unsigned word) {
  const struct shl_class_info *info = &shl_classes[class_index];
  struct shl_hot_rec *hot = shl_hot_row(seat.heap, unit);
  uint64_t free = shl_load_relaxed_u64(&hot->free[word]);
  uint64_t taken = lowest_bits(free, info->hand);
  SHL_ASSERT_DEBUG(shl_journal_is_clear(seat.slot));
  journal_refill(seat, class_index, unit << 6 | word);
  move_to(seat, class_index, unit << 6 | word);
  shl_store_release_u64(&seat.slot->hands[class_index].blocks, taken);
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
  SHL_ASSERT_DEBUG(shl_journal_is_clear(seat.slot));
  journal_refill(seat, class_index, ref);
  if (blocks != 0) {
    uint64_t nonempty = shl_load_relaxed_u64(&hot->nonempty) | UINT64_C(1) << word;
    shl_store_release_u64(&hot->nonempty, nonempty);
    shl_store_release_u64(&hot->free[word], shl_load_relaxed_u64(&hot->free[word]) | blocks);
    shl_store_release_u64(&hand->blocks, 0);
  }
  shl_store_release_u32(&hand->ref, 0);
  shl_store_release_u64(&hand->base, 0);
  shl_store_release_u32(&hand->size, 0);
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
