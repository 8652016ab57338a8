// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_ALLOC_RESULT_H
#define SHL_TESTS_ALLOC_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include <shoal/heap.h>

// What a step leaves, to be compared with "==": two heaps with the same result have the same
// blocks, of the same sizes and at the same places, the same roots and the same pins.

// Some blocks: how many, their bytes, and a sum that tells sets of them apart. A difference of two
// such is one, too: counts wrap. All zero: none.
struct tally {
  uint64_t blocks;
  uint64_t bytes;
  uint64_t sum;
};

/// Adds the allocated block at `off`; fails the test where there is none.
void tally_add(struct tally *tally, shoal_heap *heap, shoal_off off);

/// Takes away the allocated block at `off`, which need not have been added.
void tally_take(struct tally *tally, shoal_heap *heap, shoal_off off);

enum result_part {
  RESULT_BLOCKS,
  RESULT_BYTES,
  RESULT_PLACES,  // the tally's sum: offsets, sizes, and whether a tag stands
  RESULT_ROOTS,
  RESULT_NAMED,   // a sum over the roots
  RESULT_PINS,
  RESULT_PINNED,  // a sum over the pins
  RESULT_WORD,    // the caller's
  RESULT_PARTS
};

struct result {
  uint64_t part[RESULT_PARTS];
};

extern const char *const result_names[RESULT_PARTS];

/// The result less the blocks of `others`, with what the caller's word says; null: none.
/// returns: whether walk and statistics agree, and the sums add up to the capacity.
bool result_read(shoal_heap *heap, const struct tally *others, const shoal_off *word,
                  struct result *out);

/// Takes the blocks of a tally out of a result.
void result_less(struct result *result, const struct tally *tally);

bool result_is(const struct result *a, const struct result *b);

/// Stirs a word into a sum.
uint64_t result_stir(uint64_t sum, uint64_t word);

#endif
