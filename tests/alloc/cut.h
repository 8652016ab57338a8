// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_ALLOC_CUT_H
#define SHL_TESTS_ALLOC_CUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <shoal/heap.h>

// Deaths at every instruction. A step of the allocator is run once, one instruction at a time;
// after each the metadata is compared with what it was, and a copy is kept where it has changed.
// Each copy is what a death between two instructions leaves: put back, it is looked at and
// recovered.

enum { CUT_WORDS = 2 };

// Private to the process.
struct cut {
  shoal_heap *heap;
  uint64_t *words[CUT_WORDS];  // in the heap's data, part of the state; null: none
  size_t bytes;    // of the metadata
  size_t count;    // of states, the one before the step and the one after it included
  char *states;    // `count` copies
  size_t instructions;
};

/// Runs step(context) so. The metadata is as after the step then. `words` are words of the heap's
/// data that belong to the state too, each null: none; null itself: none at all.
/// returns: false, and `out` is empty, where the machine does not stop after each instruction.
bool cut_run(shoal_heap *heap, uint64_t *const words[CUT_WORDS], void (*step)(void *context),
             void *context, struct cut *out);

/// Runs step(context), and where it stands after `count` instructions meanwhile(context), as if
/// its thread had been stopped there for so long. returns: whether it came that far.
bool cut_stop(void (*step)(void *context), void (*meanwhile)(void *context), void *context,
              size_t count);

/// Puts state `index` back.
void cut_restore(const struct cut *cut, size_t index);

/// Whether the metadata is as in state `index`.
bool cut_is_at(const struct cut *cut, size_t index);

enum { CUT_SEEN_MAX = 16384 };

// States met so far, by a sum over them. Private to the process.
struct cut_seen {
  uint64_t sums[CUT_SEEN_MAX];
};

/// Whether the metadata and the word, if not null, are in a state not met before; from now on it is
/// one that was.
bool cut_is_new(struct cut_seen *seen, const shoal_heap *heap, const uint64_t *word);

/// Adds to the counts "instructions" and "images" what was stepped through.
void cut_count(const struct cut *cut);

void cut_free(struct cut *cut);

#endif
