// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_PROCESS_STAMP_H
#define SHL_TESTS_PROCESS_STAMP_H

#include <stdbool.h>
#include <stdint.h>

// What a block's first word says: who holds it, by a name that is given once. An allocation
// exchanges it for a live stamp, a free for a free one; a live stamp found by an allocation, or
// another than one's own by a free, is a block that two hold. The payload's words have their
// highest bit 0 (pattern.h), so that old bytes of any other block are never taken for a live stamp.

enum { STAMP_ACTOR_SHIFT = 48, STAMP_ACTORS = 256 };

#define STAMP_LIVE (UINT64_C(1) << 63)

/// The stamp of the `sequence`-th block of actor `actor`, below STAMP_ACTORS; sequence is not 0.
static inline uint64_t stamp_live(unsigned actor, uint64_t sequence) {
  return STAMP_LIVE | (uint64_t)actor << STAMP_ACTOR_SHIFT | sequence;
}

/// What a block freed by the holder of `live` is left with.
static inline uint64_t stamp_free(uint64_t live) {
  return live & ~STAMP_LIVE;
}

static inline bool stamp_is_live(uint64_t word) {
  return (word & STAMP_LIVE) != 0;
}

#endif
