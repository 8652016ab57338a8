// SPDX-License-Identifier: MIT
#ifndef WORD_INDEX_DESK_H
#define WORD_INDEX_DESK_H

#include "examples/word_index/index.h"

// A worker may be killed at any instruction, and one of the same number takes its place: it finds
// on the desk what the dead one was at. The builder starts it when the dead one is gone, so a desk
// is one process's at a time.

/// A worker and its desk. Private to the process.
struct worker {
  shoal_heap *heap;
  struct desk_rec *desk;
  uint32_t number;  ///< Counted from 1.
};

/// The desk of worker `number`.
static inline struct desk_rec *desk_at(const struct index *index, uint32_t number) {
  return (struct desk_rec *)shoal_ptr(index->heap, index->rec->desks) + (number - 1);
}

/// Notes that something is done for good.
static inline void desk_step(struct desk_rec *desk) {
  uint64_t steps = atomic_load_explicit(&desk->steps, memory_order_relaxed);
  atomic_store_explicit(&desk->steps, steps + 1, memory_order_relaxed);
}

#endif
