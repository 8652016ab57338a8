// SPDX-License-Identifier: MIT
#ifndef BENCH_BLOCK_H
#define BENCH_BLOCK_H

#include <stdio.h>
#include <stdlib.h>

#include "bench/adapter.h"

/// A block of `bytes` from the allocator under test; ends the process where there is none.
static inline void *bench_take(size_t bytes) {
  void *block = bench_adapter.alloc(bytes);
  if (block == NULL) {
    fprintf(stderr, "%s: no block of %zu bytes\n", bench_adapter.name, bytes);
    exit(1);
  }
  return block;
}

#endif
