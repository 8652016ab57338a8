// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_ORPHAN_H
#define SHL_ALLOC_ORPHAN_H

#include "alloc/handle.h"

// Slots that nobody owns but that own slabs. Whoever runs short acts as one for a moment, under its
// number and journal, and gives it back.

/// Takes the next ORPHAN slot after *id to act as it.
/// returns: false where there is no further one. *id moves on; give back by shl_orphan_leave.
bool shl_orphan_next(shoal_heap *heap, uint32_t *id, struct shl_seat *out);
void shl_orphan_leave(struct shl_seat orphan);

/// Asks about one slot of another process and one of another thread of this one, round robin over
/// calls, whether its owner is dead, and recovers it then. J is 0 before and after.
/// cost: a look at a few slots, and at most two questions to the kernel.
void shl_orphan_notice_next(shoal_heap *heap);

/// The same, of one's own process's threads at few calls only; then looks at a few slots, round
/// robin as well, and drains the first orphan found with hints.
void shl_orphan_tend_next(shoal_heap *heap);

/// Reaps the dead; hands back all orphans' hands, drains their hints, releases their empty slabs.
/// returns: whether there was any orphan.
bool shl_orphan_tend_all(shoal_heap *heap);

/// Hands back the seat's hands, drains its hints and releases its empty slabs. J is 0 before and
/// after.
void shl_seat_drain(struct shl_seat seat);

/// The same for the process's spare slot, by a thread that sits in `seat`.
void shl_spare_drain(struct shl_seat seat);

#endif
