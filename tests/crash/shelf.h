// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_CRASH_SHELF_H
#define SHL_TESTS_CRASH_SHELF_H

#include <stdbool.h>

#include <shoal/inspect.h>

// Shelves: words in the heap that hold all that the doomed allocate. Each shelf is one process's at
// a time; what it holds outlives that process, and the next frees it. So at any time when the dead
// are recovered, the words of all shelves together name each allocated block once: the account is
// exact.

enum { SHELF_WORDS = 24, SHELVES_MAX = 8 };

// In the heap, one block for all of them.
struct shelves {
  shoal_off words[SHELVES_MAX][SHELF_WORDS];
};

/// Makes the shelves of a new heap, named by a root. Expectations of the running test.
void shelves_make(shoal_heap *heap);

/// Finds them. returns: null, and fails the test, where they are not.
struct shelves *shelves_find(shoal_heap *heap);

// What an audit found. Private to the process.
struct shelf_audit {
  uint64_t blocks;       // named by words
  uint64_t lost;         // allocated, named by none
  uint64_t lost_bytes;
  uint64_t twice;        // named by two words
  uint64_t twice_bytes;
  uint64_t unallocated;  // named, and no block starts there
};

/// Compares words and blocks, of a heap in which nobody else works and the dead are recovered.
/// returns: whether they agree, and shoal_check finds nothing.
bool shelves_audit(shoal_heap *heap, struct shelf_audit *out);

#endif
