// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_RANDOM_PATTERN_H
#define SHL_TESTS_RANDOM_PATTERN_H

#include <stdint.h>

// What blocks are filled with: every word is a function of the block's mark and of its place, so
// that a byte written by or read from another block shows. The highest bit of each word is 0.

/// Fills `bytes` bytes at `start`, which is 8-aligned, with the pattern of `mark`.
void pattern_fill(void *start, uint64_t bytes, uint64_t mark);

/// returns: the first of `bytes` bytes that is not of the pattern; `bytes` where all are.
uint64_t pattern_differs(const void *start, uint64_t bytes, uint64_t mark);

/// returns: the first of `bytes` bytes that is not 0; `bytes` where all are.
uint64_t pattern_nonzero(const void *start, uint64_t bytes);

#endif
