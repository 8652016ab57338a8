// SPDX-License-Identifier: MIT
#include "alloc/pagemap.h"

#include "base/align.h"
#include "base/bits.h"

unsigned shl_pagemap_next(const struct shl_pagemap *map, unsigned from, bool used) {
  for (unsigned w = from / 64; w < SHL_PAGEMAP_WORDS; w++) {
    uint64_t bits = used ? map->words[w] : ~map->words[w];
    if (w == from / 64) bits &= ~shl_low_mask(from % 64);
    if (bits != 0) return w * 64 + shl_lowest_bit(bits);
  }
  return SHL_PAGEMAP_NONE;
}

static unsigned find_aligned(const struct shl_pagemap *map, unsigned count, unsigned align) {
  unsigned page = shl_pagemap_next(map, 0, false);
  while (page + count <= SHL_PAGEMAP_PAGES) {
    unsigned start = (unsigned)shl_align_up(page, align);
    if (start + count > SHL_PAGEMAP_PAGES) break;
    unsigned obstacle = shl_pagemap_next(map, start, true);
    if (obstacle >= start + count) return start;
    page = shl_pagemap_next(map, obstacle, false);
  }
  return SHL_PAGEMAP_NONE;
}

unsigned shl_pagemap_find(const struct shl_pagemap *map, unsigned count, unsigned align) {
  if (shl_is_power_of_two(count) && count > align) {
    unsigned page = find_aligned(map, count, count);
    if (page != SHL_PAGEMAP_NONE) return page;
  }
  return find_aligned(map, count, align);
}

unsigned shl_pagemap_longest(const struct shl_pagemap *map) {
  unsigned longest = 0;
  unsigned page = shl_pagemap_next(map, 0, false);
  while (page < SHL_PAGEMAP_PAGES) {
    unsigned end = shl_pagemap_next(map, page, true);
    if (end - page > longest) longest = end - page;
    page = end < SHL_PAGEMAP_PAGES ? shl_pagemap_next(map, end, false) : end;
  }
  return longest;
}

bool shl_pagemap_is_free(const struct shl_pagemap *map, unsigned first, unsigned count) {
  if (first + count > SHL_PAGEMAP_PAGES) return false;
  return shl_pagemap_next(map, first, true) >= first + count;
}

uint64_t shl_pagemap_mask(unsigned word, unsigned first, unsigned count) {
  unsigned begin = word * 64;
  unsigned from = first > begin ? first - begin : 0;
  unsigned end = first + count > begin ? first + count - begin : 0;
  if (from >= 64 || end <= from) return 0;
  return shl_low_mask(end) & ~shl_low_mask(from);
}
