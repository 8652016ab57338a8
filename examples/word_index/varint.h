// SPDX-License-Identifier: MIT
#ifndef WORD_INDEX_VARINT_H
#define WORD_INDEX_VARINT_H

#include <stddef.h>
#include <stdint.h>

// Numbers as bytes of seven bits, the lowest first; the eighth bit says that more follow.

enum { VARINT_BYTES_MAX = 10 };

/// Stores `n` at `out`, which has room for VARINT_BYTES_MAX.
/// returns: how many bytes it took.
static inline size_t varint_put(uint8_t *out, uint64_t n) {
  size_t used = 0;
  while (n >= 0x80) {
    out[used++] = (uint8_t)(n | 0x80);
    n >>= 7;
  }
  out[used++] = (uint8_t)n;
  return used;
}

/// Reads a number from *at, which moves on but not past `end`; 0 where the bytes end too early.
static inline uint64_t varint_get(const uint8_t **at, const uint8_t *end) {
  uint64_t n = 0;
  for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
    uint8_t byte = *(*at)++;
    n |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) return n;
  }
  return 0;
}

#endif
