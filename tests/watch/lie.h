// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_WATCH_LIE_H
#define SHL_TESTS_WATCH_LIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/watch/watch.h"

// Seeded bugs, switched at run time: the watched library runs as it is, and its memory lies to it.
// A journal store is dropped or comes late, a load says something else, an atomic change is made
// of two accesses. An engine that does not notice is no proof.
//
// Private to the process; for one heap, the last one opened.

enum lie {
  LIE_NONE,
  LIE_JOURNAL_DROPPED,  // J is never set
  LIE_JOURNAL_LATE,     // J is set after the store that follows it
  LIE_CHANGE_FIRST,     // J is set after the atomic change that follows: free before journal
  LIE_RECORD_DROPPED,   // JA never stands
  LIE_HAND_SKIPPED,     // recovery finds every hand empty
  LIE_FALSE_DEAD,       // every other process is said to be dead
  LIE_GENERATION_KEPT,  // an owner word changes hands under the same generation
  LIE_TORN_CHANGE,      // or, and, add, exchange: a load, then a store
  LIE_TORN_SWAP,        // compare and swap: a comparison, then a store
  LIE_COPY_LATE,        // a block is copied after the store that follows
  LIE_COUNT
};

/// Says which from now on. SHOAL_SEEDED_BUG, a number, does so at the start of a process.
void lie_tell(enum lie lie);

enum lie lie_told(void);
bool lie_is(enum lie lie);

/// Notes, for who adds counts up, whether an engine has seen the bug. returns: `seen`.
bool lie_note(enum lie lie, const char *engine, bool seen);

/// After a call that was left in its middle.
void lie_forget(void);

/// For accesses.c and copies.c. lie_before comes ahead of each access, what is late is made there;
/// the others give the value to be used, and whether a store or a copy is not to be made now.
void lie_before(enum watch_kind kind);
uint64_t lie_of_load(const volatile void *word, uint64_t value);
bool lie_takes_store(volatile void *word, uint64_t value);
bool lie_takes_copy(void *to, const void *from, size_t bytes);
uint64_t lie_of_swap(const volatile void *word, uint64_t expected, uint64_t value);

#endif
