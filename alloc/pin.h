// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_PIN_H
#define SHL_ALLOC_PIN_H

#include "alloc/handle.h"

// Pins: records that keep chunks from being given back to the system.

enum { SHL_PIN_FREE = 0, SHL_PIN_PINNED = 1, SHL_PIN_CHANGING = 2 };

// A record's op, taken apart: {state 2, process 14, process generation 24, use 24}; 0 is free.
// `use` counts the pins of one record, so that a stale name of an earlier one is known.
struct shl_pin_op {
  unsigned state;
  uint32_t process;
  uint32_t generation;
  uint32_t use;
};

static inline uint64_t shl_pin_encode(struct shl_pin_op op) {
  return (uint64_t)op.state | (uint64_t)op.process << 2 |
         (uint64_t)(op.generation & 0xffffff) << 16 | (uint64_t)(op.use & 0xffffff) << 40;
}

static inline struct shl_pin_op shl_pin_decode(uint64_t word) {
  return (struct shl_pin_op){.state = (unsigned)(word & 3),
                             .process = (uint32_t)(word >> 2 & 0x3fff),
                             .generation = (uint32_t)(word >> 16 & 0xffffff),
                             .use = (uint32_t)(word >> 40 & 0xffffff)};
}

/// Whether a pin of a living process covers `chunk`. To be asked after the compare and swap that
/// makes the chunk's word TRIM.
/// cost: reads max_pins records.
bool shl_pin_covers(const shoal_heap *heap, uint32_t chunk);

/// Claims a free record, of the dead's where none is.
/// returns: whether there was one; it is CHANGING, in this process's name.
bool shl_pin_take(shoal_heap *heap, uint32_t *index);

/// Pins chunks [first, first + count) by a claimed record. returns: its op.
uint64_t shl_pin_write(shoal_heap *heap, uint32_t index, uint32_t first, uint32_t count);

/// Empties a record whose op is `word`, unless another does.
/// returns: whether it was done here.
bool shl_pin_release(shoal_heap *heap, uint32_t index, uint64_t word);

/// Whether the record of that op belongs to `process` in `generation`.
bool shl_pin_is_of(struct shl_pin_op op, uint32_t process, uint32_t generation);

/// Drops the pins of `process` in `generation`: this one at close. Any number of callers at once.
void shl_pins_drop(shoal_heap *heap, uint32_t process, uint32_t generation);

/// Drops the pins of all processes that are dead. Any number of callers at once.
void shl_pins_drop_dead(shoal_heap *heap);

#endif
