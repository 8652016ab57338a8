// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_PROCESS_ACTOR_H
#define SHL_TESTS_PROCESS_ACTOR_H

#include "tests/process/ledger.h"
#include "tests/process/ring.h"
#include "tests/random/draw.h"

// Someone who makes and drops blocks and keeps the books: one a thread. What it makes is stamped,
// entered and filled; what it drops is compared with all three. Any difference fails the test.

enum { ACTOR_KEEPS = 64 };

/// Private to the process; used by one thread at a time. A block that another process has had
/// between two actors of this one is handed over in order, but a race detector, which sees its own
/// process alone, cannot tell: to it the order is that of changes to *order.
struct actor {
  shoal_heap *heap;
  struct ledger *ledger;
  struct ring *ring;
  unsigned number;  ///< In the ledger, from 0; nobody else has it.
  uint64_t sequence;
  struct draw draw;
  shl_a64 *order;      ///< Of this process's actors; null where no other process has a part.
  uint64_t size_most;  ///< Of the sizes it draws, bytes; 0: mostly small, some runs.
  uint64_t budget;     ///< Bytes that all actors may hold together; 0: any. Where there is one, the
                       ///< heap may refuse.
  uint64_t refused_count;
  unsigned kept_count;
  struct parcel kept[ACTOR_KEEPS];  ///< By actor_trade.
};

/// Allocates a block of `size` bytes, at least 8. returns: false where the heap refuses, which
/// fails the test unless there is a budget.
bool actor_make(struct actor *actor, uint64_t size, struct parcel *out);

/// Frees a block, whoever made it.
void actor_drop(struct actor *actor, const struct parcel *parcel);

/// Makes `count` blocks of random sizes and puts them into the ring.
void actor_feed(struct actor *actor, uint64_t count);

/// Takes `count` blocks out of the ring and drops them.
void actor_eat(struct actor *actor, uint64_t count);

/// `count` random moves: makes blocks and hands them on, takes others' and drops them, keeps some
/// for a while, gives its thread slot back or trims now and then. Holds nothing afterwards.
void actor_trade(struct actor *actor, uint64_t count);

/// Drops what is in the ring, until it is empty.
void actor_clear(struct actor *actor);

#endif
