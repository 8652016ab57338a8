// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_FORMAT_H
#define SHL_ALLOC_FORMAT_H

#include "mapping/region.h"

// Where the allocator's areas lie in a region, and what stands in them when it is new.

/// What mapping's open needs of the allocator.
extern const struct shl_format shl_heap_format;

/// Hash over the sizes and numbers that stored structures are made of.
uint64_t shl_format_layout_hash(void);

#endif
