// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_ROOT_CLAIM_H
#define SHL_ALLOC_ROOT_CLAIM_H

#include "alloc/root.h"

// Holding root records: who wants to create, move or remove a root finds its record or claims one.

enum { SHL_ROOT_WAIT_MS = 2000 };  // at most for a record that a living owner holds

// One call. Private to the process.
struct shl_root_change {
  struct shl_seat seat;  // whom records are held for; one that does nothing else meanwhile
  uint64_t name[SHL_ROOT_WORDS];
  uint64_t hash;
  uint64_t deadline_ns;
};

// What a call has found: a root, or a record that is held and filled for it. Private to the
// process.
struct shl_root_claim {
  bool found;
  uint32_t index;
  uint64_t version;  // of the root found, read before the rest
  shoal_root root;   // found
  uint64_t check;    // of the record held: its store is the commit
};

/// Reads a call's name, and starts its time. The seat is for the caller to fill in.
/// returns: SHOAL_OK; ARGUMENT; NAME; READ_ONLY.
shoal_status shl_root_begin(struct shl_root_change *change, shoal_heap *heap, const char *name,
                            unsigned wait_ms);

/// Finds the root of the name, or holds a record for it that is filled with `root`. J is ROOT where
/// one is held, 0 otherwise.
/// returns: SHOAL_OK and *out; LIMIT iff no record is left; BUSY.
shoal_status shl_root_find_or_claim(const struct shl_root_change *change, const shoal_root *root,
                                    struct shl_root_claim *out);

/// Finds the root of the name alone. returns: whether there is one.
bool shl_root_find_only(const struct shl_root_change *change, struct shl_root_claim *out);

/// Holds the record, if its version is still `version` and nobody does. J is ROOT then, else 0.
bool shl_root_take(const struct shl_root_change *change, uint32_t index, uint64_t version);

/// Ends the hold; J is 0.
void shl_root_end(const struct shl_root_change *change, uint32_t index);

/// The same, with the record emptied.
void shl_root_withdraw(const struct shl_root_change *change, uint32_t index);

/// One step of waiting for a record that another holds; nothing is held meanwhile. What a dead
/// owner has left in it is finished.
/// returns: SHOAL_OK, look again; BUSY iff the time is over.
shoal_status shl_root_wait_for(const struct shl_root_change *change, uint32_t index);

/// Whether the two say the same of their blocks.
bool shl_root_is_same_kind(const shoal_root *a, const shoal_root *b);

#endif
