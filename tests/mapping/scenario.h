// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MAPPING_SCENARIO_H
#define SHL_TESTS_MAPPING_SCENARIO_H

#include <stdbool.h>

#include <shoal/heap.h>

// A heap's whole life: made, used in every way, closed, removed. Each call may fail for want of
// something, and then must leave things as they were; what was allocated keeps its bytes.

enum { SCENARIO_NAME_BYTES = 1024 };

/// Private to the process.
struct scenario {
  shoal_kind kind;
  char name[SCENARIO_NAME_BYTES];  ///< Of NAMED and FILE.
  unsigned flags;                  ///< Of the first open, beside CREATE.
  uint64_t base;                   ///< Of the region; 0: chosen by name.
  bool strict;                     ///< Every call must work.
  bool opened;                     ///< Out: the first open worked.
  bool unlinked;                   ///< Out: the name was removed.
  unsigned failures;               ///< Out: calls that failed cleanly.
};

/// Plays it once. Expectations of the running test.
void scenario_play(struct scenario *scenario);

/// Whether the name exists, and how long the object is; false for nameless kinds.
bool scenario_has_name(const struct scenario *scenario, uint64_t *bytes);

/// Removes the name, whatever it stands for, without the library.
void scenario_clear(const struct scenario *scenario);

#endif
