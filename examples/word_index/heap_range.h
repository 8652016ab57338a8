// SPDX-License-Identifier: MIT
#ifndef WORD_INDEX_HEAP_RANGE_H
#define WORD_INDEX_HEAP_RANGE_H

#include <shoal/offset.h>

/// The address of `bytes` at `off`, or null iff they do not lie in the heap. For offsets that may
/// be wrong, since another process changes what they were read from, or has damaged it.
static inline void *heap_range(const shoal_heap *heap, shoal_off off, uint64_t bytes) {
  const struct shoal_heap_view *view = (const struct shoal_heap_view *)(const void *)heap;
  if (off == 0 || off > view->capacity || bytes > view->capacity - off) return NULL;
  return view->base + off;
}

#endif
