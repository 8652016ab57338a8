// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_RECOVER_H
#define SHL_ALLOC_RECOVER_H

#include "alloc/journal.h"
#include "alloc/record.h"

/// Finishes or undoes the step that the slot's J names and the call whose record stands, acting as
/// the slot. Hands, lists, slabs and reservations stay the slot's. Afterwards J and JA are 0.
/// safe: by who holds the slot's owner word; run again after a death inside, it ends the same.
/// cost: bounded by a chunk's 512 pages; for a huge run by its chunks.
void shl_recover(struct shl_seat seat);

/// Whether the slot is between steps and calls: there is nothing to recover. A change of what is
/// committed may stand under no journal.
static inline bool shl_recover_is_done(const struct shl_slot_rec *slot) {
  return shl_journal_is_clear(slot) && shl_record_is_clear(slot) &&
         shl_load_relaxed_u64(&slot->unsettled) == 0;
}

#endif
