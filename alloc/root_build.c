// SPDX-License-Identifier: MIT
// shoal_root_find_or_create: a root whose block is built by a constructor, once.
//
// The record is held, and the block reserved, in a thread slot of their own, so that the
// constructor can use the heap under the calling thread's. A waiting caller asks whether that
// slot's owner lives: where it is dead it recovers the slot, which empties the record and frees the
// block, and builds.
//
//   claim the record under the second slot; the block to a reservation of that slot; construct;
//   r.off; JA = PUBLISH(&r.check, block, check); r.check = check (the commit); the reservation = 0;
//   JA = 0; r.version even; J = 0
//
// A crash before the commit frees the block and leaves no root, after it the root stands. Blocks
// that the constructor allocated besides are its own to make findable.
#include <shoal/root.h>

#include "alloc/grant.h"
#include "alloc/handover.h"
#include "alloc/reservation.h"
#include "alloc/root_claim.h"
#include "alloc/seat.h"
#include "base/fail.h"

// One call. Private to the process.
struct building {
  struct shl_root_change change;
  shoal_root root;
  const shoal_root_builder *builder;
};

static shoal_status build_block(struct building *building, shl_a64 *cell) {
  shoal_heap *heap = building->change.seat.heap;
  uint64_t off = 0;
  struct shl_wish wish = {
      .bytes = building->root.size,
      .alignment = 16,
      .flags = SHOAL_ZERO,
      .record = {.op = SHL_JA_ALLOC_TO, .dest = shl_region_offset(heap, cell)}};
  shoal_status status = shl_grant(heap, &wish, &off);
  if (status != SHOAL_OK) return status;
  building->root.off = off;
  return building->builder->construct(heap, shoal_ptr(heap, off), building->builder->context);
}

// returns: SHOAL_OK, the root stands; otherwise why not, and nothing is left.
static shoal_status build(struct building *building, const struct shl_root_claim *claim) {
  struct shl_seat seat = building->change.seat;
  struct shl_root_rec *record = &seat.heap->roots[claim->index];
  shl_a64 *cell = &seat.slot->reservations[0];
  shoal_status status = build_block(building, cell);
  if (status != SHOAL_OK) {
    shl_root_withdraw(&building->change, claim->index);
    shl_reservation_cancel_all(seat);
    return status;
  }
  shl_store_release_u64(&record->off, building->root.off);
  shl_handover_publish(seat, shl_region_offset(seat.heap, &record->check), claim->check, cell);
  shl_root_end(&building->change, claim->index);
  return SHOAL_OK;
}

static shoal_status find_or_build(struct building *building) {
  struct shl_root_claim claim;
  shoal_status status = shl_root_find_or_claim(&building->change, &building->root, &claim);
  if (status != SHOAL_OK) return status;
  if (!claim.found) return build(building, &claim);
  if (!shl_root_is_same_kind(&claim.root, &building->root)) {
    return shl_fail(SHOAL_E_ARGUMENT, 0,
                    "The root exists with another type, version, size or flags.");
  }
  building->root = claim.root;
  return SHOAL_OK;
}

shoal_status shoal_root_find_or_create(shoal_heap *heap, const char *name, shoal_root *root,
                                       const shoal_root_builder *builder) {
  if (root == NULL || builder == NULL || builder->construct == NULL) {
    return shl_fail(SHOAL_E_ARGUMENT, 0, "The root, the builder or its constructor is null.");
  }
  struct building building = {.root = *root, .builder = builder};
  building.root.off = 0;
  shoal_status status = shl_root_begin(&building.change, heap, name, builder->timeout_ms);
  if (status == SHOAL_OK) status = shl_seat_borrow(heap, &building.change.seat);
  if (status != SHOAL_OK) return status;
  status = find_or_build(&building);
  shl_slot_let_go(building.change.seat);
  if (status == SHOAL_OK) *root = building.root;
  return status;
}
