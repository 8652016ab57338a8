// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_ROOT_H
#define SHL_ALLOC_ROOT_H

#include <shoal/root.h>

#include "alloc/handle.h"

enum { SHL_ROOT_UNUSED = 0, SHL_ROOT_REMOVED = 1, SHL_ROOT_WORDS = SHL_ROOT_NAME_BYTES / 8 };

// A record's version, taken apart: {busy 1, slot 16, count 47}.
struct shl_root_version {
  bool busy;
  uint32_t slot;
  uint64_t count;
};

static inline uint64_t shl_root_encode(struct shl_root_version version) {
  return (version.busy ? UINT64_C(1) : 0) | (uint64_t)version.slot << 1 | version.count << 17;
}

static inline struct shl_root_version shl_root_decode(uint64_t word) {
  return (struct shl_root_version){
      .busy = (word & 1) != 0, .slot = (uint32_t)(word >> 1 & 0xffff), .count = word >> 17};
}

// A consistent copy of a record and its name. Private to the process.
struct shl_root_copy {
  shoal_root root;
  uint64_t hash;
  uint64_t generation;
  uint64_t check;
  uint64_t name[SHL_ROOT_WORDS];
};

/// Copies record `index`, below root_count, while it stands unchanged. Never waits.
/// returns: whether a root stands there.
bool shl_root_copy(const shoal_heap *heap, uint32_t index, struct shl_root_copy *out);

/// The sum over what never changes after creation; not 0.
uint64_t shl_root_check(const struct shl_root_copy *copy);

/// A name as stored: zero-filled words. returns: false iff no root can have that name.
bool shl_root_name(const char *name, uint64_t words[SHL_ROOT_WORDS]);

/// The hash that places a name, never SHL_ROOT_UNUSED or SHL_ROOT_REMOVED.
uint64_t shl_root_hash(const uint64_t words[SHL_ROOT_WORDS]);

/// Where the root of that name stands, as a reader finds it. returns: root_count where it does not.
uint32_t shl_root_find(const shoal_heap *heap, uint64_t hash, const uint64_t name[SHL_ROOT_WORDS],
                       struct shl_root_copy *out);

// For who holds a record busy.

/// Removes what stands there: the first store is the commit.
void shl_root_empty(shoal_heap *heap, uint32_t index);

/// Ends the hold.
void shl_root_let_go(shoal_heap *heap, uint32_t index);

/// Takes a record, busy by `version`, over from an owner who is dead, finishes what it did and lets
/// it go. The new owner's journal names the record before. returns: whether it was still so.
bool shl_root_take_over(shoal_heap *heap, uint32_t index, uint64_t version, uint32_t slot_id);

/// Finishes what slot `slot_id`, whose journal named record `index`, was doing there: a root that
/// was complete stands, anything else is none. For a dead slot's recoverer, or for the slot itself.
void shl_root_recover(shoal_heap *heap, uint32_t index, uint32_t slot_id);

#endif
