// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_RANDOM_MODEL_H
#define SHL_TESTS_RANDOM_MODEL_H

#include <shoal/inspect.h>

#include <stdbool.h>

// What a heap must hold, by the plainest means: an array of the live blocks, ascending, each filled
// with a pattern of its own, beside the roots and pins that were set. An audit compares the heap
// with it to the byte.

enum { MODEL_BLOCKS_MAX = 4096, MODEL_ROOTS = 6, MODEL_PINS = 6 };

/// A live block. Private to the process.
struct model_block {
  shoal_off off;
  uint64_t asked;      ///< Bytes.
  uint64_t alignment;  ///< As asked, at least 16.
  uint64_t bytes;      ///< What it can hold, all of it filled with the pattern of `mark`.
  uint64_t mark;
};

/// Private to the process; used by one thread at a time.
struct model {
  shoal_heap *heap;
  uint64_t data;      ///< Where the heap's data begins: its metadata bytes.
  uint64_t capacity;  ///< Where it ends.
  uint64_t marks;     ///< Patterns given out.
  uint64_t bytes;     ///< In the blocks.
  uint64_t count;
  struct model_block blocks[MODEL_BLOCKS_MAX];
  shoal_off roots[MODEL_ROOTS];   ///< 0: not set.
  shoal_pin_id pins[MODEL_PINS];  ///< 0: none.
};

/// Begins with an empty heap, which is audited.
void model_begin(struct model *model, shoal_heap *heap);

/// Takes note of a block that the heap has just granted for `asked` bytes, aligned to `alignment`,
/// and fills it. Fails the test where it is too small, not aligned, outside the data, or overlaps a
/// live one. returns: whether it was noted.
bool model_add(struct model *model, shoal_off off, uint64_t asked, uint64_t alignment);

/// Takes block `index` out before it is freed or resized, and fails the test where it does not hold
/// its pattern any more.
struct model_block model_take(struct model *model, uint64_t index);

/// Puts a block that was taken back unchanged.
void model_put_back(struct model *model, const struct model_block *block);

/// Fails the test where a live block does not hold its pattern.
void model_verify(const struct model *model);

/// Compares the heap with the model: shoal_check, the sums of shoal_stats and each block of
/// shoal_walk. Exact while no thread is inside a call.
void model_audit(const struct model *model);

/// As model_audit for a heap that was emptied and trimmed: nothing is cached or committed, and all
/// data is one block's if it is asked for.
void model_audit_empty(const struct model *model);

#endif
