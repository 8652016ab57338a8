// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_HINT_H
#define SHL_ALLOC_HINT_H

#include "alloc/handle.h"

enum { SHL_HINT_CHUNKS = 64 * SHL_HINT_WORDS };  // hints of chunks this far apart share a bit

// Hints lead an owner to its slabs with waiting blocks, in three levels: cd (which slab of a
// chunk), H (which chunks, modulo 4096), HS (which words of H). They may say too much, never too
// little at rest, and lie in memory that is never given back, so that a late one does no harm.

/// Tells the owner of the slab at `unit` whether its frees must look into RB for double frees. A
/// flag too many costs a look; one too few, for the moment in which a remote free is under way,
/// leaves a double free to be found by the collection.
void shl_hint_set_pending(shoal_heap *heap, uint32_t unit, bool pending);

/// Says that the slab at `unit` has waiting blocks. After the bit in RB is set; `owner` was read
/// before it.
void shl_hint_raise(shoal_heap *heap, uint32_t unit, uint32_t owner);

/// Sets the bits for chunks `chunk_mod` modulo 4096 again: for a drain that ended early or died.
void shl_hint_restore(struct shl_seat seat, uint32_t chunk_mod);

#endif
