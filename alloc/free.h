// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_FREE_H
#define SHL_ALLOC_FREE_H

#include "alloc/block.h"

/// Frees the block at `off`, which is not 0.
/// returns: SHOAL_OK; MISUSE; READ_ONLY.
shoal_status shl_free(shoal_heap *heap, uint64_t off);

#endif
