// SPDX-License-Identifier: MIT
#ifndef SHOAL_OFFSET_H
#define SHOAL_OFFSET_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Names a block in every process: bytes from the region's base. 0 is null.
typedef uint64_t shoal_off;

/// A process's private view of a heap. Opaque but for its first member.
typedef struct shoal_heap shoal_heap;

/// The first member of every shoal_heap. Private to the process, constant while the heap is open.
struct shoal_heap_view {
  char *base;         ///< Where offset 0 is mapped in this process.
  uint64_t capacity;  ///< Bytes of the region from `base`.
};

/// The address of offset `off` in this process; null for 0.
/// returns: an address without a check: any `off` below the capacity is accepted.
/// cost: one add (and a select, which vanishes where the caller has tested `off` already).
static inline void *shoal_ptr(const shoal_heap *heap, shoal_off off) {
  const struct shoal_heap_view *view = (const struct shoal_heap_view *)(const void *)heap;
  return off == 0 ? NULL : (void *)(view->base + off);
}

/// The offset of address `ptr`; 0 for null.
/// returns: an offset without a check: `ptr` must lie in the region.
/// cost: one subtraction (and a select).
static inline shoal_off shoal_offset(const shoal_heap *heap, const void *ptr) {
  const struct shoal_heap_view *view = (const struct shoal_heap_view *)(const void *)heap;
  return ptr == NULL ? 0 : (shoal_off)((const char *)ptr - view->base);
}

#ifdef __cplusplus
}
#endif

#endif
