// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_CLASS_H
#define SHL_ALLOC_CLASS_H

#include <stddef.h>

#include "alloc/layout.h"
#include "base/bits.h"

enum {
  SHL_CLASS_MAX_BYTES = 32768,  // larger blocks are runs of their own
  SHL_CLASS_TABLE = 256         // every byte is an index, so that a broken descriptor reads zeros
};

// What follows from a block size. Private to the process, constant.
struct shl_class_info {
  uint32_t bytes;       // of a block
  uint32_t reciprocal;  // 2^32 / bytes, rounded up
  uint16_t blocks;      // of a slab
  uint8_t units;        // of a slab
  uint8_t words;        // 64-block words of a slab
};

extern const struct shl_class_info shl_classes[SHL_CLASS_TABLE];
extern const uint8_t shl_small_class[65];  // of size 16 * i, up to 1024

/// The smallest class whose blocks hold `size` bytes, 0 to SHL_CLASS_MAX_BYTES.
static inline unsigned shl_class_of(size_t size) {
  if (size <= 1024) return shl_small_class[(size + 15) / 16];
  unsigned octave = shl_highest_bit(size - 1);
  return 8 * (octave - 6) + (unsigned)((size - 1) >> (octave - 3) & 7) + 1;
}

/// The smallest class that holds `size` bytes and whose blocks are all aligned to `alignment`, a
/// power of two up to 4096; 0 where there is none.
unsigned shl_class_of_aligned(size_t size, size_t alignment);

/// The block that starts `bytes` after the slab's start.
/// returns: its index; SIZE_MAX where no block starts there.
/// Exact for every multiple: with r = 2^32/size + e, e < 1, and i < 2^12 the product i*size*r is
/// i*2^32 + i*size*e, less than (i + 1) * 2^32; a quotient of anything else fails the product.
static inline size_t shl_class_block(const struct shl_class_info *info, uint32_t bytes) {
  size_t index = (size_t)(((uint64_t)bytes * info->reciprocal) >> 32);
  return index * info->bytes == bytes && index < info->blocks ? index : SIZE_MAX;
}

/// The bits of word `word` that stand for blocks: all ones but in the last word.
static inline uint64_t shl_class_word_mask(const struct shl_class_info *info, unsigned word) {
  return word + 1U < info->words ? ~UINT64_C(0) : shl_low_mask(info->blocks - 64U * word);
}

#endif
