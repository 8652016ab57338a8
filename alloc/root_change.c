// SPDX-License-Identifier: MIT
// Creating, moving and removing roots, each by one commit under a record that is held.
//
//   create  J = ROOT(r); r.version -> busy(me); name, fields; r.name_hash (seq_cst); probe again
//           for the name; r.check (the commit); r.version even; J = 0
//   move    J = ROOT(r); r.version -> busy(me); r.off (the commit); r.version even; J = 0
//   remove  J = ROOT(r); r.version -> busy(me); r.check = 0 (the commit); the rest; even; J = 0
#include "alloc/root_claim.h"
#include "alloc/seat.h"
#include "base/fail.h"

static shoal_status begin(struct shl_root_change *change, shoal_heap *heap, const char *name) {
  shoal_status status = shl_root_begin(change, heap, name, SHL_ROOT_WAIT_MS);
  return status == SHOAL_OK ? shl_seat_enter(heap, &change->seat) : status;
}

static shoal_status set(const struct shl_root_change *change, const shoal_root *root) {
  struct shl_root_rec *roots = change->seat.heap->roots;
  struct shl_root_claim claim;
  while (true) {
    shoal_status status = shl_root_find_or_claim(change, root, &claim);
    if (status != SHOAL_OK) return status;
    if (!claim.found) {
      shl_store_release_u64(&roots[claim.index].check, claim.check);
      shl_root_end(change, claim.index);
      return SHOAL_OK;
    }
    if (!shl_root_is_same_kind(&claim.root, root)) {
      return shl_fail(SHOAL_E_ARGUMENT, 0,
                      "The root exists with another type, version, size or flags.");
    }
    if (shl_root_take(change, claim.index, claim.version)) {
      shl_store_release_u64(&roots[claim.index].off, root->off);
      shl_root_end(change, claim.index);
      return SHOAL_OK;
    }
    status = shl_root_wait_for(change, claim.index);
    if (status != SHOAL_OK) return status;
  }
}

shoal_status shoal_root_set(shoal_heap *heap, const char *name, const shoal_root *root) {
  struct shl_root_change change;
  if (root == NULL) return shl_fail(SHOAL_E_ARGUMENT, 0, "shoal_root_set: the root is null.");
  shoal_status status = begin(&change, heap, name);
  if (status != SHOAL_OK) return status;
  status = set(&change, root);
  shl_seat_leave(change.seat);
  return status;
}

static shoal_status remove_root(const struct shl_root_change *change, const char *name) {
  shoal_status status = SHOAL_OK;
  while (status == SHOAL_OK) {
    struct shl_root_claim claim;
    if (!shl_root_find_only(change, &claim)) {
      return shl_fail(SHOAL_E_NOT_FOUND, 0, "The heap has no root \"%s\".", name);
    }
    if (shl_root_take(change, claim.index, claim.version)) {
      shl_root_withdraw(change, claim.index);
      return SHOAL_OK;
    }
    status = shl_root_wait_for(change, claim.index);
  }
  return status;
}

shoal_status shoal_root_remove(shoal_heap *heap, const char *name) {
  struct shl_root_change change;
  shoal_status status = begin(&change, heap, name);
  if (status != SHOAL_OK) return status;
  status = remove_root(&change, name);
  shl_seat_leave(change.seat);
  return status;
}
