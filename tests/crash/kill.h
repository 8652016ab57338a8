// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_CRASH_KILL_H
#define SHL_TESTS_CRASH_KILL_H

#include "tests/crash/acts.h"

// E1, real kills: a process attaches to a named heap, plays an act, and kills itself with SIGKILL
// ahead of an access, of the region's or of its own memory, each in turn. While it is a zombie the
// one who started it recovers it, by what the kernel says of it, looks at the heap, and frees all
// there is; then the heap is put back for the next. Whose end an act is about was a process that
// attached and was killed before.
//
// The recoverer is killed likewise: he attaches, has a victim killed at an access, recovers it, and
// dies ahead of an access of that, each in turn. Both are zombies as the next one recovers both.

// What a recoverer is made to do wrong, for seeded bugs. Who comes after him does it right.
enum kill_bug {
  KILL_NO_BUG,
  KILL_SKIPS_HAND,      // takes every hand of the dead for empty
  KILL_FORGETS_JOURNAL  // clears J as soon as he has read it: wrong where he dies after that
};

struct kill_plan {
  const struct act *act;
  const struct opening *opening;
  size_t bytes;         // of the opening's blocks
  unsigned recoveries;  // for kill_recoverers: accesses of the act that its victims die at
  unsigned step;        // of these: each how manieth access of a recovery is died at
  enum kill_bug bug;    // of recoverers
  bool quiet;           // failures are counted and not told: a seeded bug is to be caught
};

// What came of it; added to.
struct kill_sum {
  uint64_t points;  // accesses of the acts
  uint64_t kills;
  uint64_t kills_in_recovery;
  uint64_t lost_bytes;
  uint64_t doubled_bytes;
  uint64_t hangs;
  uint64_t failures;
};

/// Plays the plan, as far as the first heap that is not right.
/// returns: whether there was none.
bool kill_everywhere(const struct kill_plan *plan, struct kill_sum *sum);

/// Plays the plan with recoverers that are killed, and with one each that is not.
/// returns: whether every heap was right.
bool kill_recoverers(const struct kill_plan *plan, struct kill_sum *sum);

#endif
