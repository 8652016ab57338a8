// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_CRASH_STORM_WORKER_H
#define SHL_TESTS_CRASH_STORM_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/crash/shelf.h"

// What all processes of a storm share besides the heap: a mapping from before they were forked.
struct storm_board {
  char name[128];  // of the heap
  uint32_t stop;   // asks all to close and end
  uint64_t calls[SHELVES_MAX];  // completed, by seat
  uint64_t kill_us_max;
};

/// A process's life in the storm, from just after its fork: opens the heap, works on shelf `shelf`
/// until it is told to stop or, where it is doomed, killed by a timer of its own.
_Noreturn void storm_work(struct storm_board *board, unsigned seat, unsigned shelf, uint64_t seed,
                          bool doomed);

#endif
