// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_CRASH_TURNS_H
#define SHL_TESTS_CRASH_TURNS_H

#include "tests/crash/weave.h"

// Who has the turn: acts as coroutines of one thread. One play at a time in a process.

// When the turn is taken from whoever has it. Ahead of which access, counted since he got it; and
// to whom it goes: the `next`-th of the others, from 1.
struct turn {
  uint64_t access;
  unsigned next;
};

// A play to be given, and how it went. Private to the process.
struct turns {
  shoal_heap *heap;
  size_t bytes;  // of its region
  unsigned actors;
  struct actor *actor[WEAVE_ACTORS];
  struct stage stage[WEAVE_ACTORS];
  const struct act *act[WEAVE_ACTORS];
  unsigned first;  // who begins
  struct turn turn[WEAVE_CHANGES];
  unsigned changes;       // of these, as many
  const unsigned *calls;  // not null: the turn changes between calls alone; whose each next one is

  // How it went.
  shoal_status status[WEAVE_ACTORS][STAGE_BLOCKS];  // of each call
  unsigned changed;                                 // changes that took place
  uint64_t longest;                                 // accesses of the longest turn that nobody took
  bool hung;
};

/// Makes room for the coroutines' stacks, which undo.h is told of, and takes it back.
bool turns_begin(void);
void turns_end(void);

/// Gives the play once.
void turns_play(struct turns *turns);

#endif
