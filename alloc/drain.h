// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_DRAIN_H
#define SHL_ALLOC_DRAIN_H

#include "alloc/handle.h"

/// Collects the seat's slabs that hints lead to, up to a bound, and releases those that are empty.
/// J is 0 before and after.
void shl_drain(struct shl_seat seat);

/// Follows every hint there is. Raised again and left are those of blocks that a standing record
/// names and of slabs whose chunk is claimed. J is 0 before and after.
void shl_drain_all(struct shl_seat seat);

#endif
