// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_CLASS_H
#define SHL_ALLOC_CLASS_H

#include <stddef.h>

#include "alloc/layout.h"
#include "base/bits.h"

enum {
  SHL_CLASS_SMALL_BYTES = 8192,  // up to here a table tells the class
  SHL_CLASS_MAX_BYTES = 32768,   // larger blocks are runs of their own
  SHL_CLASS_TABLE = 256          // every byte is an index: a broken descriptor reads zeros, and so
                                 // does the fast path of a free in a slab of tagged blocks
};

// What follows from a block size. Private to the process, constant.
struct shl_class_info {
  uint64_t reciprocal;  // 2^64 / bytes, rounded up
  uint32_t bytes;       // of a block
  uint32_t blocks;      // of a slab
  uint8_t units;        // of a slab
  uint8_t words;        // 64-block words of a slab
  uint16_t hand;        // blocks that a hand takes at most
  uint32_t pad;
  uint64_t last_mask;   // the blocks of the slab's last word
};

extern const struct shl_class_info shl_classes[SHL_CLASS_TABLE];
extern const uint8_t shl_small_class[SHL_CLASS_SMALL_BYTES / 16 + 1];  // of size 16 * i

/// What follows from a class byte: slabs of tagged blocks have the sizes of the others.
static inline const struct shl_class_info *shl_class_info(unsigned class_byte) {
  return &shl_classes[class_byte % SHL_CLASS_TAGGED];
}

static inline bool shl_class_is_tagged(unsigned class_byte) {
  return class_byte >= SHL_CLASS_TAGGED;
}

/// The smallest class whose blocks hold `size` bytes, 0 to SHL_CLASS_MAX_BYTES.
static inline unsigned shl_class_of(size_t size) {
  if (size <= SHL_CLASS_SMALL_BYTES) return shl_small_class[(size + 15) / 16];
  unsigned octave = shl_highest_bit(size - 1);
  return 8 * (octave - 6) + (unsigned)((size - 1) >> (octave - 3) & 7) + 1;
}

/// The smallest class that holds `size` bytes and whose blocks are all aligned to `alignment`, a
/// power of two up to 4096; 0 where there is none.
unsigned shl_class_of_aligned(size_t size, size_t alignment);

/// The block that starts `bytes` after the slab's start.
/// returns: its index; SIZE_MAX where no block starts there.
/// Exact: with the reciprocal c = ceil(2^64 / size) and `bytes` < 2^32, the high word of bytes * c
/// is the quotient, and `bytes` is a multiple of size iff the low word is less than c.
/// see: Lemire, Kaser, Kurz, Faster remainder by direct computation, 2019.
static inline size_t shl_class_block(const struct shl_class_info *info, uint32_t bytes) {
  struct shl_product product = shl_multiply(bytes, info->reciprocal);
  bool starts = product.low < info->reciprocal && product.high < info->blocks;
  return starts ? (size_t)product.high : SIZE_MAX;
}

/// The bits of word `word` that stand for blocks: all ones but in the last word.
static inline uint64_t shl_class_word_mask(const struct shl_class_info *info, unsigned word) {
  return word + 1U < info->words ? ~UINT64_C(0) : info->last_mask;
}

#endif
