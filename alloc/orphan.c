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

// Slots met at a time: a line or two each. Whether a thread of one's own process is dead takes ten
// times as long as a new slab, and seldom is: it is asked at one new slab in so many.
enum { LOOK_AT = 8, OWN_TURN = 256 };

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

// returns: whether the slot is another process's, which was asked about.
static bool notice_others(shoal_heap *heap, uint32_t id) {
  bool owned = shl_owner_read(heap, id).state == SHL_OWNER_OWNED;
  if (!owned || shl_slot_is_ours(heap, id)) return false;
  (void)shl_slot_recover(heap, id);
  return true;
}

// returns: whether the slot is of another thread of this process, which was asked about. The spare
// one is no thread's.
static bool notice_own(shoal_heap *heap, uint32_t id) {
  bool known = id == heap->spare_slot || id == shl_seat_id(shl_seat_here(heap));
  if (known || !shl_slot_is_ours(heap, id)) return false;
  (void)shl_slot_recover(heap, id);
  return true;
}

// Goes on from the cursor to the first slot that takes work. The cursor ends just past it: were it
// to skip the rest of what is met at a time, a slot behind busy ones might never have its turn.
static void go_round(shoal_heap *heap, shl_a32 *cursor, bool (*meet)(shoal_heap *, uint32_t)) {
  uint32_t high = shl_slot_high_water(heap);
  uint32_t from = shl_load_relaxed_u32(cursor);
  uint32_t met = 0;
  for (bool worked = false; !worked && met < LOOK_AT && met < high; met++) {
    worked = meet(heap, (from + met) % high + 1);
  }
  shl_store_relaxed_u32(cursor, from + met);
}

void shl_orphan_notice_next(shoal_heap *heap) {
  go_round(heap, &heap->notice_cursor, notice_others);
  go_round(heap, &heap->own_cursor, notice_own);
}

void shl_orphan_tend_next(shoal_heap *heap) {
  uint32_t turn = shl_load_relaxed_u32(&heap->notice_turn);
  shl_store_relaxed_u32(&heap->notice_turn, turn + 1);
  go_round(heap, &heap->notice_cursor, notice_others);
  if (turn % OWN_TURN == 0) go_round(heap, &heap->own_cursor, notice_own);
  go_round(heap, &heap->tend_cursor, tend);
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
