// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_WISH_H
#define SHL_ALLOC_WISH_H

#include "alloc/record.h"

// What an allocation asks for. Private to the process.
struct shl_wish {
  uint64_t bytes;
  uint64_t alignment;        // a power of two, 16 to 2 MiB
  unsigned flags;            // SHOAL_ZERO, SHOAL_NO_GROW, SHOAL_TAGGED
  uint64_t tag;              // to be kept in the block; 0: none. With a record always 0
  struct shl_record record;  // of a call with a caller's word, but for the new block; NONE: no such
};

/// Reads the arguments of shoal_alloc and its kin.
/// returns: false iff a flag is unknown or the alignment no power of two up to 2 MiB.
bool shl_wish_read(size_t size, unsigned flags, struct shl_wish *out);

static inline bool shl_wish_may_grow(const struct shl_wish *wish) {
  return (wish->flags & SHOAL_NO_GROW) == 0;
}

/// Bytes of a slab's block or of a run that serves the wish: its tag lies behind what is asked.
static inline uint64_t shl_wish_room(const struct shl_wish *wish) {
  return wish->bytes + (wish->tag != 0 ? SHL_TAG_BYTES : 0);
}

static inline bool shl_wish_has_record(const struct shl_wish *wish) {
  return wish->record.op != SHL_JA_NONE;
}

#endif
