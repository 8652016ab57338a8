// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_WATCH_UNDO_H
#define SHL_TESTS_WATCH_UNDO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What the watched library overwrites, so that it can be put back: the shared words, of a region,
// and the process's own, apart. A death takes back the own ones only: the memory of the dead is
// gone, what they stored in the region is not.
//
// Private to the process; for one thread.

// A place in both logs.
struct undo_mark {
  size_t shared;
  size_t own;
};

/// Begins to log. [base, base + bytes) is the region. Nothing on the stacks is logged.
void undo_begin(const void *base, size_t bytes);

/// Logs no more, and forgets.
void undo_end(void);

/// A further stack, with nothing on it that must be put back. returns: whether there was room.
bool undo_add_stack(const void *base, size_t bytes);

struct undo_mark undo_mark(void);

/// Puts everything back that was overwritten since.
void undo_back_to(struct undo_mark mark);

/// Puts the process's own words back, and leaves the region as it is.
void undo_own_back_to(struct undo_mark mark);

/// What of a word of the region counts in undo_sum. `offset`: of the word in the region.
typedef uint64_t undo_view(void *context, size_t offset, uint64_t value);

/// A sum over how the region differs from what it was at the mark, 0 where it does not. Equal
/// regions have equal sums; different ones have different sums, but for one case in 2^64.
uint64_t undo_sum(struct undo_mark mark, undo_view *view, void *context);

/// For watch.c: a store to come.
void undo_note(uintptr_t address, size_t bytes);

enum { UNDO_PAGE = 4096 };

/// The same where it is known what will be stored: what is equal already is not logged.
void undo_note_change(uintptr_t address, const void *bytes_to_come, size_t bytes);

/// Stores a word of the region itself, logged.
void undo_store(uint64_t *word, uint64_t value);

#endif
