// SPDX-License-Identifier: MIT
#include "alloc/partial.h"

bool shl_unit_known(shoal_heap *heap, uint32_t unit) {
  return shl_chunk_known(heap, shl_unit_chunk(unit));
}

static uint32_t read_link(shoal_heap *heap, const shl_a32 *link) {
  uint32_t unit = shl_load_relaxed_u32(link);
  return unit != 0 && shl_unit_known(heap, unit) ? unit : 0;
}

uint32_t shl_partial_head(struct shl_seat seat, unsigned class_index) {
  return read_link(seat.heap, &seat.slot->heads[class_index]);
}

void shl_partial_push(struct shl_seat seat, unsigned class_index, uint32_t unit) {
  shl_a32 *head = &seat.slot->heads[class_index];
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

void shl_partial_unlink(struct shl_seat seat, unsigned class_index, uint32_t unit) {
  shl_a32 *head = &seat.slot->heads[class_index];
  struct shl_hot_rec *hot = shl_hot_row(seat.heap, unit);
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

bool shl_partial_is_only(struct shl_seat seat, unsigned class_index, uint32_t unit) {
  return shl_partial_head(seat, class_index) == unit &&
         shl_load_relaxed_u32(&shl_hot_row(seat.heap, unit)->next) == 0;
}
