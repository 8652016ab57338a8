// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_CRASH_CONTENTS_H
#define SHL_TESTS_CRASH_CONTENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What blocks contain: filled with words that tell each block from all others and each place in it,
// so that it can be said afterwards what has become of it. Of large blocks the first words, a few
// of each 64 KiB, and the last one stand for all.

// What a block contains: one of these, or the number it was filled with.
enum { CONTENTS_OTHER = 0, CONTENTS_ZERO = UINT32_MAX };

/// Fills a block of at least 16 bytes. `number`: none of the two above. `salt`: tells this from
/// what earlier fillings left where the memory is used again.
void contents_fill(void *block, size_t bytes, uint32_t number, uint32_t salt);

/// What a block contains: the number where everything is there that was filled in and has room in
/// it, though the block may be another, smaller or larger; zero where each word is; other.
uint32_t contents_of(const void *block, size_t bytes, uint32_t salt);

/// Whether somebody has filled it.
bool contents_is_number(uint32_t contents);

#endif
