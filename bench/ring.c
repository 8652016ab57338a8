// SPDX-License-Identifier: MIT
#include "bench/ring.h"

#include <sched.h>

// Polls before the cpu is offered to others: on a machine with one cpu left the two ends take turns
// instead of burning whole time slices.
enum { POLLS = 512 };

static uint64_t wait_beyond(const shl_a64 *word, uint64_t seen) {
  for (unsigned polls = 1;; polls++) {
    uint64_t value = shl_load_acquire_u64(word);
    if (value > seen) return value;
    if (polls % POLLS == 0) sched_yield();
  }
}

void bench_ring_init(struct bench_ring *ring) {
  shl_store_relaxed_u64(&ring->tail, 0);
  shl_store_relaxed_u64(&ring->head, 0);
  shl_store_release_u64(&ring->ready, 0);
}

void bench_ring_meet(struct bench_ring_end *end, int is_consumer) {
  end->position = 0;
  end->limit = is_consumer ? 0 : BENCH_RING_ENTRIES;
  if (is_consumer) {
    shl_store_release_u64(&end->ring->ready, 1);
  } else {
    wait_beyond(&end->ring->ready, 0);
  }
}

void bench_ring_wait_room(struct bench_ring_end *end) {
  shl_store_release_u64(&end->ring->tail, end->position);
  end->limit = BENCH_RING_ENTRIES +
               wait_beyond(&end->ring->head, end->position - BENCH_RING_ENTRIES);
}

void bench_ring_wait_entry(struct bench_ring_end *end) {
  shl_store_release_u64(&end->ring->head, end->position);
  end->limit = wait_beyond(&end->ring->tail, end->position);
}

void bench_ring_drain(struct bench_ring_end *end) {
  shl_store_release_u64(&end->ring->tail, end->position);
  if (end->position > 0) wait_beyond(&end->ring->head, end->position - 1);
}

void bench_ring_finish(struct bench_ring_end *end) {
  shl_store_release_u64(&end->ring->head, end->position);
}
