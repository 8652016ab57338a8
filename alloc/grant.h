// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_GRANT_H
#define SHL_ALLOC_GRANT_H

#include "alloc/block.h"
#include "alloc/wish.h"

// The complete way of an allocation: which of slab, run and whole chunks serves a wish.

/// Allocates, and hands the block over where the wish has a record.
/// returns: SHOAL_OK and *out; SIZE, FULL, NO_SPACE, BUSY, LIMIT, READ_ONLY, STALE with the text.
shoal_status shl_grant(shoal_heap *heap, const struct shl_wish *wish, uint64_t *out);

/// The same in a seat that the caller has entered.
shoal_status shl_grant_in(struct shl_seat seat, const struct shl_wish *wish, uint64_t *out);

/// Finds the allocated block that starts at `off`, as far as `seat` can see.
/// returns: SHOAL_OK and *out; MISUSE iff none does.
shoal_status shl_block_allocated(struct shl_seat seat, uint64_t off, struct shl_place *out);

/// Bytes that the block at `off` can hold.
/// returns: SHOAL_OK and *out; MISUSE iff no allocated block starts there.
shoal_status shl_block_bytes(shoal_heap *heap, uint64_t off, uint64_t *out);

/// Makes the allocated block at `off` hold `bytes` where it stands.
/// returns: whether it does.
bool shl_resize(shoal_heap *heap, uint64_t off, uint64_t bytes);

#endif
