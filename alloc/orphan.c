// SPDX-License-Identifier: MIT
// Tending. A slot acted as is OWNED by the tender's process meanwhile, so a tender's death makes it
// a dead slot, recovered like any other; everything done is under the slot's own journal.
#include "alloc/orphan.h"

#include "alloc/drain.h"
#include "alloc/hand.h"
#include "alloc/partial.h"
#include "alloc/reap.h"
#include "alloc/seat.h"
#include "alloc/slab.h"

enum { LOOK_AT = 8 };  // slots looked at per new slab: a line or two each

bool shl_orphan_next(shoal_heap *heap, uint32_t *id, struct shl_seat *out) {
  uint32_t high = shl_slot_high_water(heap);
  while (*id < high) {
    if (shl_slot_take_orphan(heap, ++*id, out)) return true;
  }
  return false;
}

void shl_orphan_leave(struct shl_seat orphan) {
  shl_slot_let_go(orphan);
}

static bool has_hints(const shoal_heap *heap, uint32_t id) {
  return shl_load_relaxed_u64(&shl_owner_row(heap, id)->hint_summary) != 0;
}

// returns: whether the slot was tended.
static bool tend(shoal_heap *heap, uint32_t id) {
  struct shl_seat orphan;
  if (!has_hints(heap, id) || !shl_slot_take_orphan(heap, id, &orphan)) return false;
  shl_drain(orphan);
  shl_orphan_leave(orphan);
  return true;
}

void shl_orphan_tend_next(shoal_heap *heap) {
  uint32_t high = shl_slot_high_water(heap);
  if (high == 0) return;
  uint32_t from = shl_load_relaxed_u32(&heap->tend_cursor);
  shl_store_relaxed_u32(&heap->tend_cursor, from + LOOK_AT);
  bool asked = false;
  for (uint32_t i = 0; i < LOOK_AT && i < high; i++) {
    uint32_t id = (from + i) % high + 1;
    struct shl_owner_word word = shl_owner_read(heap, id);
    bool others = word.state == SHL_OWNER_OWNED && !shl_slot_is_ours(heap, id);
    if (others && !asked) (void)shl_slot_recover(heap, id);
    asked = asked || others;
    if (tend(heap, id)) return;
  }
}

static void release_empty_listed(struct shl_seat seat, unsigned class_byte) {
  uint32_t unit = shl_partial_head(seat, class_byte);
  while (unit != 0 && shl_unit_known(seat.heap, unit)) {
    uint32_t next = shl_load_relaxed_u32(&shl_hot_row(seat.heap, unit)->next);
    (void)shl_slab_examine(seat, unit, false);
    unit = next;
  }
}

static void release_empty_slabs(struct shl_seat seat) {
  for (unsigned i = 1; i < SHL_CLASS_COUNT; i++) {
    release_empty_listed(seat, i);
    release_empty_listed(seat, SHL_CLASS_TAGGED + i);
  }
}

void shl_seat_drain(struct shl_seat seat) {
  shl_hand_give_back_all(seat);
  shl_drain_all(seat);
  release_empty_slabs(seat);
}

void shl_spare_drain(struct shl_seat seat) {
  if (shl_seat_id(seat) == seat.heap->spare_slot) return;
  struct shl_seat spare = shl_seat_enter_spare(seat.heap);
  shl_seat_drain(spare);
  shl_seat_leave(spare);
}

bool shl_orphan_tend_all(shoal_heap *heap) {
  bool any = false;
  struct shl_seat orphan;
  shl_reap(heap);
  for (uint32_t id = 0; shl_orphan_next(heap, &id, &orphan);) {
    shl_seat_drain(orphan);
    shl_orphan_leave(orphan);
    any = true;
  }
  return any;
}
