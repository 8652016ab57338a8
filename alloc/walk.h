// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_WALK_H
#define SHL_ALLOC_WALK_H

#include <shoal/inspect.h>

// The walk over allocated blocks, by ascending offset.

/// Which: TAGGED leaves out what cannot have a tag.
enum shl_walk_what { SHL_WALK_ALL, SHL_WALK_TAGGED };

/// As shoal_walk, of some of the blocks. Neither `heap` nor `visit` is null.
shoal_status shl_walk(shoal_heap *heap, enum shl_walk_what what, shoal_walk_visitor *visit,
                      void *context);

#endif
