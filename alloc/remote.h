// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_REMOTE_H
#define SHL_ALLOC_REMOTE_H

#include "alloc/handle.h"

// Blocks freed by others than their slab's owner wait in RB until the owner collects them.

/// A block's place. Private to the process.
struct shl_remote_block {
  uint32_t unit;  // first of its slab
  uint32_t owner;
  unsigned word;
  uint64_t bit;
};

/// Frees another's block. `seat.slot` may be null.
/// returns: false iff it was freed and waits already.
bool shl_remote_free(struct shl_seat seat, const struct shl_remote_block *block);

/// Moves what waits for the seat's own slab into F, but for blocks that a standing record names.
/// Nothing where no slab of the seat's begins at `unit`. Otherwise J is `journal_after` afterwards.
void shl_remote_collect(struct shl_seat seat, uint32_t unit, uint64_t journal_after);

/// The same, run again for a slot that died inside: J is COLLECT(unit).
void shl_remote_collect_again(struct shl_seat seat, uint32_t unit);

#endif
