// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_CRASH_STORM_H
#define SHL_TESTS_CRASH_STORM_H

#include <stdbool.h>
#include <stdint.h>

// E6, the storm: processes that work on one heap and are killed by timers of their own, at random
// times and truly at once, one of them excepted, which must go on all the while. Now and then all
// stop, and what the words of the dead and the living say is compared with the heap, exactly.

// What to do. Private to the process.
struct storm_plan {
  unsigned seats;        // processes at a time, 2 to 8; the first is not killed
  uint64_t kills;        // to reach
  uint64_t kills_an_audit;
  uint64_t kill_us_max;  // of a process's life
  uint64_t seed;
};

// What came of it.
struct storm_sum {
  uint64_t kills;
  uint64_t audits;
  uint64_t calls;             // completed, by all
  uint64_t blocks;            // named by words at audits
  uint64_t lost_bytes;
  uint64_t duplicated_bytes;
  uint64_t hangs;
};

/// Plays the plan. Expectations of the running test.
/// returns: whether every audit was exact and nobody hung or failed.
bool storm_play(const struct storm_plan *plan, struct storm_sum *out);

#endif
