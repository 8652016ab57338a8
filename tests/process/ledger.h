// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_PROCESS_LEDGER_H
#define SHL_TESTS_PROCESS_LEDGER_H

#include <shoal/inspect.h>

#include "base/atomic.h"

// The books on a heap under test, kept in a heap of their own where the one under test cannot
// reach: for each place where a block may start, who holds the block there; for each actor, what it
// made and dropped. Every process opens it by name.

enum { LEDGER_ACTORS = 128, LEDGER_PLACE_BYTES = 16 };

/// In shared memory, a line of its own: stored by its actor, read by any.
struct ledger_actor {
  shl_a64 made;
  shl_a64 dropped;
  shl_a64 made_bytes;
  shl_a64 dropped_bytes;
  uint64_t pad[4];
};

/// In shared memory.
struct ledger {
  uint64_t places;
  struct ledger_actor actors[LEDGER_ACTORS];
  shl_a64 holders[];  ///< Of the block that starts at 16 * index: its live stamp; 0: no block.
};

/// Makes the heap `name` with a ledger for a heap of `capacity` bytes in it.
/// returns: the ledger, and its heap in *out; null, and fails the test, where that did not work.
struct ledger *ledger_create(const char *name, uint64_t capacity, shoal_heap **out);

/// Opens the one that is there.
struct ledger *ledger_open(const char *name, shoal_heap **out);

/// The word for the block at `off`; null where no block may start there.
shl_a64 *ledger_holder(struct ledger *ledger, shoal_off off);

/// What all actors have made or dropped so far.
struct ledger_sum {
  uint64_t made;
  uint64_t dropped;
  uint64_t held_bytes;
};
struct ledger_sum ledger_sum(const struct ledger *ledger);

/// Compares the heap with the books: each block that shoal_walk meets is held, but for those at
/// `own`[0, own_count), which are the test's; each that is held is met; counts and bytes agree with
/// shoal_stats. Nobody is inside a call. Fails the test at each difference.
void ledger_audit(struct ledger *ledger, shoal_heap *heap, const shoal_off *own,
                  unsigned own_count);

#endif
