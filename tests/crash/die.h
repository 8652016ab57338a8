// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_CRASH_DIE_H
#define SHL_TESTS_CRASH_DIE_H

#include "tests/crash/acts.h"

// E2, deaths inside the process: an act is left for ever ahead of each of its accesses to the
// region, the dead one's own memory put back to what it was, and the region, as the death left it,
// recovered by another process. That recovery dies ahead of each of its accesses, too, and so does
// the recovery after it, until no death leaves a region that was not seen before: after any number
// of deaths, anywhere, what the last recovery leaves has been looked at.

// One act in one opening.
struct die_plan {
  const struct act *act;
  const struct opening *opening;
  size_t bytes;  // of the opening's blocks
  bool busy;     // a living process takes blocks of each kind after some death, too
  bool quiet;    // failures are counted and not told: a seeded bug is to be caught
};

// What came of it; added to.
struct die_sum {
  uint64_t points;  // accesses of the acts, each a death
  uint64_t images;  // different regions recovered from
  uint64_t deaths_in_recovery;
  uint64_t endings;  // different regions after recovery, each looked at in full
  uint64_t lost_bytes;
  uint64_t doubled_bytes;
  uint64_t hangs;
  uint64_t failures;
};

/// Plays the plan, as far as the first ending that is not right.
/// returns: whether there was none.
bool die_everywhere(const struct die_plan *plan, struct die_sum *sum);

#endif
