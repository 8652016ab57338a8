// SPDX-License-Identifier: MIT
// Lists of partial slabs, doubly linked, one writer each.
//
// Invariants
//   I1  PARTIAL: on its class's list once. FULL: on none; its prev and next mean nothing.
//   I2  prev of the first and next of the last are 0; next's prev is the slab itself.
// A crash in a push or an unlink leaves links half made, and J naming the slab. Both can be run
// again: the slab's own prev and next stand until J names another step, and its state is stored
// last.
#include "alloc/partial.h"

#include "alloc/class.h"
#include "base/cold.h"

SHL_INLINE static uint32_t read_link(shoal_heap *heap, const shl_a32 *link) {
  uint32_t unit = shl_load_relaxed_u32(link);
  return unit != 0 && shl_unit_known(heap, unit) ? unit : 0;
}

SHL_INLINE static shl_a32 *list_of(struct shl_seat seat, unsigned class_byte) {
  bool tagged = shl_class_is_tagged(class_byte);
  return tagged ? &seat.slot->tagged_heads[class_byte - SHL_CLASS_TAGGED]
                : &seat.slot->hands[class_byte].head;
}

shl_a32 *shl_partial_list(struct shl_seat seat, unsigned class_byte) {
  return list_of(seat, class_byte);
}

uint32_t shl_partial_head(struct shl_seat seat, unsigned class_byte) {
  return read_link(seat.heap, list_of(seat, class_byte));
}

void shl_partial_push(struct shl_seat seat, unsigned class_byte, uint32_t unit) {
  shl_a32 *head = list_of(seat, class_byte);
  struct shl_hot_rec *hot = shl_hot_row(seat.heap, unit);
  uint32_t first = read_link(seat.heap, head);
  if (first != unit) {
    shl_store_release_u32(&hot->prev, 0);
    shl_store_release_u32(&hot->next, first);
    if (first != 0) shl_store_release_u32(&shl_hot_row(seat.heap, first)->prev, unit);
    shl_store_release_u32(head, unit);
  }
  shl_store_release_u8(&hot->state, SHL_SLAB_PARTIAL);
}

void shl_partial_unlink(struct shl_seat seat, unsigned class_byte, uint32_t unit) {
  shl_a32 *head = list_of(seat, class_byte);
  struct shl_hot_rec *hot = shl_hot_row(seat.heap, unit);
  if (shl_load_relaxed_u8(&hot->state) == SHL_SLAB_FULL) return;
  uint32_t prev = read_link(seat.heap, &hot->prev);
  uint32_t next = read_link(seat.heap, &hot->next);
  if (prev != 0) {
    shl_store_release_u32(&shl_hot_row(seat.heap, prev)->next, next);
  } else if (read_link(seat.heap, head) == unit) {
    shl_store_release_u32(head, next);
  }
  if (next != 0) shl_store_release_u32(&shl_hot_row(seat.heap, next)->prev, prev);
  shl_store_release_u8(&hot->state, SHL_SLAB_FULL);
}

bool shl_partial_is_only(struct shl_seat seat, unsigned class_byte, uint32_t unit) {
  return shl_partial_head(seat, class_byte) == unit &&
         shl_load_relaxed_u32(&shl_hot_row(seat.heap, unit)->next) == 0;
}
