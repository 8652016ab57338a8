// SPDX-License-Identifier: MIT
#ifndef BENCH_HEIRLOOM_H
#define BENCH_HEIRLOOM_H

#include "base/atomic.h"
#include "bench/block.h"

// Blocks of processes that are killed: their addresses stand in a table in the heap, which the next
// process goes on with. A block is taken out of it before it is freed and put in after it was
// allocated, so a death loses one at most.

/// Frees the block at `place`, where 0 is none, and puts one of `size` bytes there.
static inline void bench_replace(shl_a64 *place, size_t size) {
  uint64_t block = shl_load_relaxed_u64(place);
  shl_store_release_u64(place, 0);
  if (block != 0) bench_adapter.release((void *)(uintptr_t)block);
  uint64_t *fresh = (uint64_t *)bench_take(size);
  *fresh = size;
  shl_store_release_u64(place, (uint64_t)(uintptr_t)fresh);
}

#endif
