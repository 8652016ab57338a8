// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MAPPING_PEER_H
#define SHL_TESTS_MAPPING_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "mapping/process.h"
#include "tests/harness/process.h"
#include "tests/mapping/place.h"

// A helper process that has a heap open, and what others think of its life.

/// Private to the parent. All zero before peer_hire.
struct peer {
  struct test_child child;
  uint32_t process;     // its record
  uint32_t generation;  // of the record
  uint64_t pid;         // as it sees itself
  uint64_t start_time;
};

/// Starts `role` with the place's kind and name as its arguments, and waits for peer_introduce
/// there.
bool peer_hire(struct peer *peer, const char *role, const struct place *place);

/// Stops it, and returns when it stands still. returns: false iff it ended instead.
bool peer_stop(struct peer *peer);

/// Waits until it has stopped itself or ended. returns: whether it stands still.
bool peer_has_stopped(const struct peer *peer);

/// Hears where a process that says so (peer_introduce) stands.
bool peer_hear(struct peer *peer);

/// In a role: tells the parent what this process is in the heap.
void peer_introduce(const shoal_heap *heap);

/// In a role: opens the place of the role's arguments for writing, creating it where it is not, and
/// introduces itself. Ends the process where that fails.
shoal_heap *peer_enter(int argc, char **argv);

/// In a role: has nothing to do until it is killed.
void peer_stay(void);

/// Whether `heap` takes the peer for dead; asked of the record and of the byte, which must agree.
bool peer_is_dead(const shoal_heap *heap, const struct peer *peer);

/// A peer's record in the region.
struct shl_process_rec *peer_record(const shoal_heap *heap, const struct peer *peer);

#endif
