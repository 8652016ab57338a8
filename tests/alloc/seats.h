// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_ALLOC_SEATS_H
#define SHL_TESTS_ALLOC_SEATS_H

#include "tests/alloc/stand.h"

// What the suites of single modules play with: a heap and two slots of it, one the test's own and
// one of somebody else.

extern shoal_heap *heap;
extern struct shl_seat here;   // the calling thread's
extern struct shl_seat other;  // another's

/// Sits down in a heap just opened; `process` is whose the other slot is, as in stand_other.
void seats_open(shoal_heap *opened, uint32_t process);

/// Closes the heap, which must be clean.
void seats_close(void);

#endif
