// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_REAP_H
#define SHL_ALLOC_REAP_H

#include "alloc/handle.h"

/// Recovers all slots whose owners are dead, and drops what their processes kept: pins, and the
/// process records, which new processes can take then. Any number of callers at once.
/// cost: a look at every thread slot ever taken and every process record; a question to the kernel
/// for each process met.
void shl_reap(shoal_heap *heap);

/// What mapping's open calls when this process has attached to an existing region: everything that
/// died since the last time is reaped, before the gate is let go.
shoal_status shl_reap_at_attach(struct shl_region *region, bool all_dead);

/// Reaps, and waits until no step of a dead slot that another process is recovering meanwhile can
/// change a word that was handed to a call: 2 s at most.
/// returns: SHOAL_OK; BUSY iff a process that lives has kept such a step standing for so long.
shoal_status shl_reap_and_settle(shoal_heap *heap);

#endif
