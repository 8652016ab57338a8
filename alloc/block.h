// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_BLOCK_H
#define SHL_ALLOC_BLOCK_H

#include "alloc/class.h"
#include "alloc/handle.h"

// From an offset to the block that starts there.

enum shl_block_kind { SHL_BLOCK_SLAB = 1, SHL_BLOCK_RUN = 2, SHL_BLOCK_HUGE = 3 };

// Where a block lies. Private to the process.
struct shl_place {
  enum shl_block_kind kind;
  uint32_t chunk;
  uint64_t bytes;     // that it can hold
  bool tagged;        // SLAB, RUN: it keeps a tag behind them
  uint64_t desc;      // SLAB
  uint32_t unit;      // SLAB: first of the slab
  unsigned word;      // SLAB: of F and RB
  uint64_t bit;       // SLAB
  unsigned page;      // RUN
};

/// Finds what starts at `off`. That it is allocated is not looked at, but for runs of pages that
/// nobody holds.
/// returns: 0 and *out; otherwise what is wrong with `off`.
unsigned shl_block_at(shoal_heap *heap, uint64_t off, struct shl_place *out);

/// Whether the block is freed already, as far as `seat` can see: in F, in RB, or in the seat's own
/// hand; for a run, pending.
bool shl_block_is_free(struct shl_seat seat, const struct shl_place *place);

#endif
