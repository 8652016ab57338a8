// SPDX-License-Identifier: MIT
#ifndef BENCH_RING_H
#define BENCH_RING_H

#include "base/atomic.h"

// A ring from one producer to one consumer, in memory that both processes see at one address. Each
// end publishes how far it is every BENCH_RING_BURST entries and when it has to wait, and looks at
// the other's word only when it has used up what it knows, so that the two words change hands
// seldom: the ring is to cost little beside what is handed over.

enum { BENCH_RING_ENTRIES = 4096, BENCH_RING_BURST = 32 };

/// In shared memory. Every word has one writer; those of different writers are on different lines.
struct bench_ring {
  shl_a64 tail;  ///< Entries published; written by the producer, release.
  uint64_t pad0[15];
  shl_a64 head;  ///< Entries taken and done with; written by the consumer, release.
  uint64_t pad1[15];
  shl_a64 ready;  ///< 1: the consumer has started.
  uint64_t pad2[15];
  shl_a64 entries[BENCH_RING_ENTRIES];
};

/// One end. Private to the process.
struct bench_ring_end {
  struct bench_ring *ring;
  uint64_t position;  ///< Entries put or taken at this end.
  uint64_t limit;     ///< Entries known to be possible.
};

/// Makes the ring empty; nobody else uses it yet.
void bench_ring_init(struct bench_ring *ring);

/// The producer waits for its consumer, the consumer says that it is there.
void bench_ring_meet(struct bench_ring_end *end, int is_consumer);

/// The producer publishes all and waits until the consumer has done with all.
void bench_ring_drain(struct bench_ring_end *end);

/// The consumer says that it has done with all it took.
void bench_ring_finish(struct bench_ring_end *end);

/// Waits for room, having published all; the slow path of bench_ring_put.
void bench_ring_wait_room(struct bench_ring_end *end);

/// Waits for an entry, having published all; the slow path of bench_ring_take.
void bench_ring_wait_entry(struct bench_ring_end *end);

/// Puts a value; waits where the ring is full.
static inline void bench_ring_put(struct bench_ring_end *end, uint64_t value) {
  if (end->position == end->limit) bench_ring_wait_room(end);
  shl_store_relaxed_u64(&end->ring->entries[end->position % BENCH_RING_ENTRIES], value);
  end->position++;
  // Pairs with bench_ring_wait_entry.
  if (end->position % BENCH_RING_BURST == 0) shl_store_release_u64(&end->ring->tail, end->position);
}

/// Takes a value; waits where the ring is empty. What the caller took before is done with.
static inline uint64_t bench_ring_take(struct bench_ring_end *end) {
  // Pairs with bench_ring_wait_room.
  if (end->position % BENCH_RING_BURST == 0) shl_store_release_u64(&end->ring->head, end->position);
  if (end->position == end->limit) bench_ring_wait_entry(end);
  uint64_t value = shl_load_relaxed_u64(&end->ring->entries[end->position % BENCH_RING_ENTRIES]);
  end->position++;
  return value;
}

#endif
