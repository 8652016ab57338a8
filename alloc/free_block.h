// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_FREE_BLOCK_H
#define SHL_ALLOC_FREE_BLOCK_H

#include "alloc/block.h"

// The free of a block that was found, in two parts: what makes it free, and what may be given back
// once it is. A call with a standing record ends the record in between, since nothing that the
// record names may be given back while it stands.

/// Frees the block. A slab's or a run's: seat.slot may be null.
/// returns: false iff it was free already.
bool shl_free_block(struct shl_seat seat, const struct shl_place *place);

/// Gives back what that free has emptied: a slab, a run's pages. J is 0 before and after.
void shl_free_block_settle(struct shl_seat seat, const struct shl_place *place);

#endif
