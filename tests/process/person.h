// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_PROCESS_PERSON_H
#define SHL_TESTS_PROCESS_PERSON_H

#include <shoal/inspect.h>

#include "base/atomic.h"
#include "tests/random/draw.h"

// Someone who allocates and frees at random and keeps a list that tells at any moment what it
// holds: also to a forked child, which finds a copy of it. Blocks carry marks, at their start and
// in each 64 KiB of them, by which it shows when two hold the same memory. Marks are put on and
// taken off by atomic exchanges, so that a clash is seen and is no data race.

enum { PERSON_ENTRIES = 400 };

/// An entry is set after the block was allocated and marked, and cleared before the marks are taken
/// off and the block is freed; `busy` stands around both. Private to the process; used by one
/// thread.
struct person {
  shoal_heap *heap;
  struct draw draw;
  uint64_t size_least;  ///< Of a request, bytes.
  uint64_t size_most;
  unsigned entries_count;  ///< Used of the entries.
  unsigned small_percent;  ///< Of the requests are for 64 bytes.
  uint64_t refused_count;
  shl_a64 busy;
  shl_a64 entries[PERSON_ENTRIES];
};

/// Fills or empties a random entry, `count` times.
/// returns: how many blocks had someone else's mark or lost their own.
uint64_t person_change(struct person *person, uint64_t count);

/// Frees all. returns: as person_change.
uint64_t person_give_all(struct person *person);

/// Blocks that the person holds.
uint64_t person_count(const struct person *person);

#endif
