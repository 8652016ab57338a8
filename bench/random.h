// SPDX-License-Identifier: MIT
#ifndef BENCH_RANDOM_H
#define BENCH_RANDOM_H

#include <stdint.h>

// The same numbers in every run and for every allocator: xorshift64 (Marsaglia 2003).

/// The next number; `*state` is not 0.
static inline uint64_t bench_random_next(uint64_t *state) {
  uint64_t x = *state;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return *state = x;
}

/// The next number below `bound`, which is below 2^32.
static inline uint32_t bench_random_below(uint64_t *state, uint32_t bound) {
  return (uint32_t)(((bench_random_next(state) >> 32) * bound) >> 32);
}

#endif
