// SPDX-License-Identifier: MIT
#ifndef SHL_BASE_ALIGN_H
#define SHL_BASE_ALIGN_H

#include <stdbool.h>
#include <stdint.h>

/// Whether `n` is 1, 2, 4, 8, ...
static inline bool shl_is_power_of_two(uint64_t n) {
  return n != 0 && (n & (n - 1)) == 0;
}

/// `n` rounded up to a multiple of `alignment`, a power of two. Wraps to 0 past UINT64_MAX.
static inline uint64_t shl_align_up(uint64_t n, uint64_t alignment) {
  return (n + alignment - 1) & ~(alignment - 1);
}

/// `n` rounded down to a multiple of `alignment`, a power of two.
static inline uint64_t shl_align_down(uint64_t n, uint64_t alignment) {
  return n & ~(alignment - 1);
}

/// Whether `n` is a multiple of `alignment`, a power of two.
static inline bool shl_is_aligned(uint64_t n, uint64_t alignment) {
  return (n & (alignment - 1)) == 0;
}

#endif
