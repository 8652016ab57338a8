// SPDX-License-Identifier: MIT
#ifndef SHL_BASE_BITS_H
#define SHL_BASE_BITS_H

#include <stdint.h>

/// Index of the lowest set bit of `n`, which is not 0.
static inline unsigned shl_lowest_bit(uint64_t n) {
  return (unsigned)__builtin_ctzll(n);
}

/// Index of the highest set bit of `n`, which is not 0.
static inline unsigned shl_highest_bit(uint64_t n) {
  return 63U - (unsigned)__builtin_clzll(n);
}

/// A product of 128 bits.
struct shl_product {
  uint64_t high;
  uint64_t low;
};

/// `a` times `b`, whole.
static inline struct shl_product shl_multiply(uint64_t a, uint64_t b) {
  __extension__ unsigned __int128 product = (unsigned __int128)a * b;
  return (struct shl_product){.high = (uint64_t)(product >> 64), .low = (uint64_t)product};
}

/// How many bits of `n` are set.
static inline unsigned shl_count_bits(uint64_t n) {
  return (unsigned)__builtin_popcountll(n);
}

/// A word of which the lowest `count` bits are set, 0 to 64.
static inline uint64_t shl_low_mask(unsigned count) {
  return count >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << count) - 1;
}

/// `n` rounded up to a power of two; `n` from 1 to 2^63.
static inline uint64_t shl_power_of_two_above(uint64_t n) {
  return n <= 1 ? 1 : (uint64_t)1 << (shl_highest_bit(n - 1) + 1);
}

#endif
