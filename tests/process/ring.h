// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_PROCESS_RING_H
#define SHL_TESTS_PROCESS_RING_H

#include <shoal/offset.h>

#include "base/atomic.h"

// A queue of blocks from any actors to any others, in the heap under test. Each cell's turn word
// says whose move it is: position p may be written at turn 2 * lap, read at 2 * lap + 1.

enum { RING_CELLS = 4096 };

/// A block on its way: enough for the taker to tell whether it is the one that was sent.
struct parcel {
  shoal_off off;
  uint64_t stamp;
  uint64_t bytes;
};

/// In shared memory.
struct ring_cell {
  shl_a64 turn;
  struct parcel parcel;
};

/// In shared memory. All zero is an empty ring.
struct ring {
  shl_a64 tail;  ///< Positions given to putters.
  uint64_t pad0[15];
  shl_a64 head;  ///< Positions given to takers.
  uint64_t pad1[15];
  struct ring_cell cells[RING_CELLS];
};

/// returns: false iff the ring is full.
bool ring_put(struct ring *ring, const struct parcel *parcel);

/// returns: false iff the ring is empty.
bool ring_take(struct ring *ring, struct parcel *out);

/// Wait for room, for a parcel. returns: false after half a minute.
bool ring_wait_put(struct ring *ring, const struct parcel *parcel);
bool ring_wait_take(struct ring *ring, struct parcel *out);

#endif
