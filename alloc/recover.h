// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_RECOVER_H
#define SHL_ALLOC_RECOVER_H

#include "alloc/handle.h"

/// Finishes or undoes the step that the slot's J names, acting as the slot. Hands, lists and slabs
/// stay the slot's. Afterwards J is 0.
/// safe: by who holds the slot's owner word; run again after a death inside, it ends the same.
/// cost: bounded by a chunk's 512 pages; for a huge run by its chunks.
void shl_recover(struct shl_seat seat);

#endif
