// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_CRASH_ACTS_H
#define SHL_TESTS_CRASH_ACTS_H

#include "tests/crash/stage.h"

// What an actor does: calls, one after the other. A death in the middle of one must leave what a
// death before or after it leaves.
struct act {
  const char *name;
  void (*prepare)(struct stage *stage);  // null: nothing
  shoal_status (*call)(struct stage *stage, unsigned index);
  unsigned calls;   // as act_calls says
  bool moves;       // a death may leave a block and what it was to become
  bool ends_other;  // its preparation ends the other actor
  bool by_slab;     // there are as many calls more as make more than a slab
};

extern const struct act acts[];
extern const unsigned act_count;

/// The act of that name; null where there is none.
const struct act *act_named(const char *name);

/// returns: how many calls it has with blocks of that size.
unsigned act_calls(const struct act *act, size_t bytes);

/// Brings the stage to where the act begins, but for the end of the other actor.
void act_open(const struct act *act, const struct opening *opening, struct stage *stage);

/// Ends the other where the act is about that. Last of all, of all actors: whoever needs a slot
/// before the act would take the one that is left.
void act_end_other(const struct act *act, struct stage *stage);

/// Whether an act played alone was what it is called: where it is about the other one's end it has
/// come upon it, his slot is as he left it no more; a resize in place has moved nothing.
bool act_is_as_named(const struct act *act, const struct stage *stage);

#endif
