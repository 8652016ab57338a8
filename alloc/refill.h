// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_REFILL_H
#define SHL_ALLOC_REFILL_H

#include "alloc/wish.h"

/// Allocates a block of the class byte when the seat's hand is empty or, for tagged blocks, the
/// first slab listed: from where the least work gets blocks. Hands the block over where the wish
/// has a record.
/// returns: SHOAL_OK and *out; FULL, NO_SPACE, BUSY as shl_run_find.
shoal_status shl_refill_pop(struct shl_seat seat, unsigned class_byte,
                            const struct shl_wish *wish, uint64_t *out);

/// The frequent part of it: from slabs that the slot has listed, where there is nothing to settle
/// or to collect first.
/// returns: a block's offset; 0 where it takes more.
uint64_t shl_refill_warm(struct shl_seat seat, unsigned class_index);

#endif
