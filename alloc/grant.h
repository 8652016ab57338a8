// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_GRANT_H
#define SHL_ALLOC_GRANT_H

#include "alloc/handle.h"

// The complete way of an allocation: which of slab, run and whole chunks serves a wish.

/// What is asked for. Private to the process.
struct shl_wish {
  uint64_t bytes;
  uint64_t alignment;  // a power of two, 16 to 2 MiB
  unsigned flags;      // SHOAL_ZERO, SHOAL_NO_GROW
};

/// Reads shoal_alloc's arguments.
/// returns: false iff a flag is unknown or the alignment no power of two up to 2 MiB.
bool shl_wish_read(size_t size, unsigned flags, struct shl_wish *out);

/// Allocates.
/// returns: SHOAL_OK and *out; FULL, NO_SPACE, BUSY, LIMIT, READ_ONLY, STALE with the text.
shoal_status shl_grant(shoal_heap *heap, struct shl_wish wish, uint64_t *out);

/// Bytes that the block at `off` can hold.
/// returns: SHOAL_OK and *out; MISUSE iff no allocated block starts there.
shoal_status shl_block_bytes(shoal_heap *heap, uint64_t off, uint64_t *out);

/// Makes the allocated block at `off` hold `bytes` where it stands.
/// returns: whether it does.
bool shl_resize(shoal_heap *heap, uint64_t off, uint64_t bytes);

#endif
