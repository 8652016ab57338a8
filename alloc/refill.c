// SPDX-License-Identifier: MIT
// The slow order of an allocation, up to the first that has blocks:
//
//   1  the next word of the slab that the hand draws from
//   2  what others freed, by the slot's hints; then that word again
//   3  the slot's list of partial slabs; full ones met on the way leave it
//   4  one orphan with hints is tended, so that its memory comes back before the heap grows
//   5  a new slab, in a chunk that is cut into runs, or a FREE or new one
//   6  orphans' slabs: act as each and take one block
//   7  a new slab again, once everything that nobody uses is given back
//
// Tagged blocks have no hand: for them it is found out only which slab has one, and that one stands
// first on its list. Each step is crash-safe by itself; between them J is 0.
#include "alloc/refill.h"

#include "alloc/drain.h"
#include "alloc/hand.h"
#include "alloc/handover.h"
#include "alloc/journal.h"
#include "alloc/orphan.h"
#include "alloc/partial.h"
#include "alloc/slab.h"

enum { NO_WORD = 64 };

// A word of F that has blocks; stale bits of N are cleared on the way.
// returns: NO_WORD where there is none.
static unsigned find_word(shoal_heap *heap, uint32_t unit) {
  struct shl_hot_rec *hot = shl_hot_row(heap, unit);
  uint64_t nonempty = shl_load_relaxed_u64(&hot->nonempty);
  while (nonempty != 0) {
    unsigned word = shl_lowest_bit(nonempty);
    if (shl_load_relaxed_u64(&hot->free[word]) != 0) return word;
    nonempty &= nonempty - 1;
    shl_store_release_u64(&hot->nonempty, nonempty);
  }
  return NO_WORD;
}

static void retire_full(struct shl_seat seat, unsigned class_byte, uint32_t unit) {
  shl_journal_set(seat.slot, SHL_J_UNLINK, unit, 0);
  shl_partial_unlink(seat, class_byte, unit);
  shl_journal_clear(seat.slot);
}

static bool refill_from(struct shl_seat seat, unsigned class_byte, uint32_t unit) {
  unsigned word = find_word(seat.heap, unit);
  if (word == NO_WORD) return false;
  if (!shl_class_is_tagged(class_byte)) shl_hand_refill(seat, class_byte, unit, word);
  return true;
}

static bool refill_from_current(struct shl_seat seat, unsigned class_byte) {
  if (shl_class_is_tagged(class_byte)) return false;
  uint32_t unit = shl_load_relaxed_u32(&seat.slot->hands[class_byte].ref) >> 6;
  return unit != 0 && shl_unit_known(seat.heap, unit) && refill_from(seat, class_byte, unit);
}

// Fills the hand from a slab that the slot has listed. The list begins with one that has a free
// block then.
// returns: false where none has.
static bool refill_from_list(struct shl_seat seat, unsigned class_byte) {
  uint32_t unit = shl_partial_head(seat, class_byte);
  while (unit != 0) {
    if (refill_from(seat, class_byte, unit)) return true;
    retire_full(seat, class_byte, unit);
    uint32_t next = shl_partial_head(seat, class_byte);
    if (next == unit) break;  // a list that another process has broken
    unit = next;
  }
  return false;
}

// Fills the hand from what the slot owns.
static bool refill_from_own(struct shl_seat seat, unsigned class_byte) {
  if (refill_from_current(seat, class_byte)) return true;
  shl_drain(seat);
  return refill_from_current(seat, class_byte) || refill_from_list(seat, class_byte);
}

static shoal_status refill_from_new(struct shl_seat seat, unsigned class_byte, bool grow) {
  shoal_status status = shl_slab_new(seat, class_byte, grow);
  if (status == SHOAL_OK) (void)refill_from_list(seat, class_byte);
  return status;
}

// returns: a block of an orphan's; 0 where none has one.
static uint64_t take_from_orphans(struct shl_seat seat, unsigned class_byte,
                                  const struct shl_wish *wish) {
  struct shl_seat orphan;
  for (uint32_t id = 0; shl_orphan_next(seat.heap, &id, &orphan);) {
    uint64_t off = shl_handover_block(orphan, class_byte, wish);
    if (off == 0 && refill_from_own(orphan, class_byte)) {
      off = shl_handover_block(orphan, class_byte, wish);
    }
    shl_orphan_leave(orphan);
    if (off != 0) return off;
  }
  return 0;
}

shoal_status shl_refill_pop(struct shl_seat seat, unsigned class_byte,
                            const struct shl_wish *wish, uint64_t *out) {
  bool grow = shl_wish_may_grow(wish);
  shoal_status status = SHOAL_OK;
  if (!refill_from_own(seat, class_byte)) {
    shl_orphan_tend_next(seat.heap);
    status = refill_from_new(seat, class_byte, grow);
  }
  if (status != SHOAL_OK) {
    *out = take_from_orphans(seat, class_byte, wish);
    if (*out != 0) return SHOAL_OK;
  }
  if (status != SHOAL_OK && shl_orphan_tend_all(seat.heap)) {
    status = refill_from_new(seat, class_byte, grow);
  }
  if (status == SHOAL_OK) *out = shl_handover_block(seat, class_byte, wish);
  return status;
}

// The slab to refill from without any settling: the one that the hand draws from, or the first
// listed one with blocks; those found full on the way leave the list.
// returns: its unit; 0 where it takes more.
static uint32_t find_slab(struct shl_seat seat, unsigned class_index) {
  uint32_t unit = shl_load_relaxed_u32(&seat.slot->hands[class_index].ref) >> 6;
  bool known = unit != 0 && shl_unit_known(seat.heap, unit);
  if (known && shl_load_relaxed_u64(&shl_hot_row(seat.heap, unit)->nonempty) != 0) return unit;
  const struct shl_owner_rec *row = shl_owner_row(seat.heap, shl_slot_id(seat.heap, seat.slot));
  if (shl_load_relaxed_u64(&row->hint_summary) != 0) return 0;
  uint32_t full = 0;
  while ((unit = shl_partial_head(seat, class_index)) != full) {
    if (shl_load_relaxed_u64(&shl_hot_row(seat.heap, unit)->nonempty) != 0) return unit;
    retire_full(seat, class_index, unit);
    full = unit;
  }
  return 0;
}

uint64_t shl_refill_warm(struct shl_seat seat, unsigned class_index) {
  if (!shl_journal_is_clear(seat.slot)) return 0;
  uint32_t unit = find_slab(seat, class_index);
  if (unit == 0) return 0;
  const struct shl_hot_rec *hot = shl_hot_row(seat.heap, unit);
  unsigned word = shl_lowest_bit(shl_load_relaxed_u64(&hot->nonempty));
  if (shl_load_relaxed_u64(&hot->free[word]) == 0) return 0;
  shl_hand_refill(seat, class_index, unit, word);
  struct shl_hand_rec *hand = &seat.slot->hands[class_index];
  return shl_hand_take(hand, shl_load_relaxed_u64(&hand->blocks));
}
