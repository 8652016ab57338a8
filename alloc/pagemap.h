// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_PAGEMAP_H
#define SHL_ALLOC_PAGEMAP_H

#include <stdbool.h>
#include <stdint.h>

// A chunk's 512 pages as eight words, copied out of the shared bitmap: bit set, page used. Pure
// arithmetic on private memory.

enum { SHL_PAGEMAP_WORDS = 8, SHL_PAGEMAP_PAGES = 512, SHL_PAGEMAP_NONE = 512 };

struct shl_pagemap {
  uint64_t words[SHL_PAGEMAP_WORDS];
};

/// First page from `from` on whose bit is `used`; SHL_PAGEMAP_NONE where there is none.
unsigned shl_pagemap_next(const struct shl_pagemap *map, unsigned from, bool used);

/// First page of `count` free pages in a row, the page a multiple of `align` (a power of two); a
/// count that is a power of two goes to its natural alignment where that is free, so that buddies
/// merge by themselves. SHL_PAGEMAP_NONE where there is none.
unsigned shl_pagemap_find(const struct shl_pagemap *map, unsigned count, unsigned align);

/// Pages of the longest free run.
unsigned shl_pagemap_longest(const struct shl_pagemap *map);

/// Whether pages [first, first + count) are all free.
bool shl_pagemap_is_free(const struct shl_pagemap *map, unsigned first, unsigned count);

/// The bits of word `word` that stand for pages [first, first + count).
uint64_t shl_pagemap_mask(unsigned word, unsigned first, unsigned count);

#endif
