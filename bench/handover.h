// SPDX-License-Identifier: MIT
#ifndef BENCH_HANDOVER_H
#define BENCH_HANDOVER_H

#include "bench/role_process.h"
#include "bench/ring.h"

/// What goes through the ring.
enum bench_cargo {
  BENCH_CARGO_NUMBERS,  ///< Numbers: the ring alone.
  BENCH_CARGO_KEPT,     ///< Blocks of a fixed set, written and read: the ring and the memory.
  BENCH_CARGO_BLOCKS    ///< Blocks allocated here and freed there.
};

/// The producer's side of a heap shared with a consumer process. Private to the process.
struct bench_handover {
  char heap_name[64];
  struct bench_ring_end end;
  struct bench_role_process consumer;
};

/// Makes the heap and the ring in it.
/// returns: 0, or -1 after a message.
int bench_handover_open(struct bench_handover *handover, const char *tag);

/// Starts the consumer process of `count` entries and waits until it is there.
/// returns: 0, or -1 after a message.
int bench_handover_begin(struct bench_handover *handover, enum bench_cargo cargo, uint64_t count);

/// Waits for the consumer to end, after bench_ring_drain.
/// returns: 0 iff it found every entry as it had been sent.
int bench_handover_end(struct bench_handover *handover);

void bench_handover_close(void);

#endif
