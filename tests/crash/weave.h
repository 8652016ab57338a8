// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_CRASH_WEAVE_H
#define SHL_TESTS_CRASH_WEAVE_H

#include "tests/crash/acts.h"

// E3, systematic interleavings: two or three acts, of a process or a thread each, played at once by
// one thread that goes from one to another ahead of the accesses it is told. All ways to do so with
// a given number of changes are gone through, and what comes of each must be clean, and what comes
// of the acts' calls in some order, one call after the other.

enum { WEAVE_ACTORS = 3, WEAVE_CHANGES = 3 };

struct weave_plan {
  const struct act *acts[WEAVE_ACTORS];
  unsigned actors;  // 2 or 3
  const struct opening *opening;
  bool threads;        // of one process, instead of processes
  unsigned changes;    // at most, from an act that could go on
  uint64_t schedules;  // at most for each number of changes: above that, each how manieth is taken
  bool any_bytes;      // allocated in the end: as many blocks, but of any size
  bool any_end;        // need not be one that an order of the calls leads to, if it is clean
  bool quiet;          // failures are counted and not told: a seeded bug is to be caught
};

// What came of it; added to.
struct weave_sum {
  uint64_t schedules;
  uint64_t endings;  // different regions, each looked at in full
  uint64_t orders;   // of whole calls
  uint64_t lost_bytes;
  uint64_t hangs;
  uint64_t failures;
};

/// Plays the plan, as far as the first ending that no order of the calls has.
/// returns: whether there was none.
bool weave_all(const struct weave_plan *plan, struct weave_sum *sum);

#endif
