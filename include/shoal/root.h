// SPDX-License-Identifier: MIT
#ifndef SHOAL_ROOT_H
#define SHOAL_ROOT_H

#include <shoal/heap.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What a root says of the block it names. The heap stores it and does not interpret it.
typedef struct shoal_root {
  shoal_off off;          ///< The block; 0 is allowed.
  uint64_t size;          ///< Bytes, as the user means it.
  uint64_t type_id;       ///< The user's type.
  uint32_t type_version;  ///< The user's version of it.
  uint32_t flags;         ///< The user's.
} shoal_root;

/// Creates the root `name`, or moves an existing one of the same type id to root->off.
/// `name` is 1 to 63 bytes without a NUL.
/// returns: SHOAL_OK; NAME; ARGUMENT iff an existing root has another type id, type version, size
///   or flags (after creation only `off` changes: remove it first); LIMIT iff the table is full
///   (the text names max_roots); BUSY iff another live process kept the record for 2 s; READ_ONLY;
///   STALE in a forked child that must open the heap itself.
/// safe: any thread of any process; readers see the old root or the new one.
/// crash: the root is there as told, or as it was before; a creation cut short is no root.
/// cost: expected O(1) probes by hash.
shoal_status shoal_root_set(shoal_heap *heap, const char *name, const shoal_root *root);

/// Reads the root `name`.
/// returns: SHOAL_OK and *out; NOT_FOUND; NAME; ARGUMENT for a null.
/// safe: any thread, READ_ONLY heaps too; one consistent record, never a mixture.
/// crash: reads only.
shoal_status shoal_root_get(shoal_heap *heap, const char *name, shoal_root *out);

/// Builds the block of a root that is being created: `object`, of the root's size, reads as zero.
/// It may use the heap, but for this root. returns: SHOAL_OK, or what the creation fails with.
typedef shoal_status shoal_root_constructor(shoal_heap *heap, void *object, void *context);

/// How a root that is not there is built.
typedef struct shoal_root_builder {
  shoal_root_constructor *construct;
  void *context;        ///< Handed to `construct`.
  unsigned timeout_ms;  ///< To wait for another thread that is building the root.
} shoal_root_builder;

/// Finds the root `name`, or creates it: allocates root->size bytes and has the constructor build
/// them, once, however many ask at the same time and whoever of them dies. In: size, type_id,
/// type_version and flags of *root. Out: root->off too.
/// returns: SHOAL_OK and *root; what the constructor returned, where that was not OK: no root then;
///   ARGUMENT iff the root exists with another type id, type version, size or flags; BUSY iff
///   another live thread was still at it after builder->timeout_ms; LIMIT iff the table is full, or
///   no second thread slot is left; FULL, NO_SPACE; NAME; READ_ONLY; STALE as shoal_root_set.
/// owns: the root; who removes it frees the block.
/// safe: any thread of any process. Where the constructor's process dies, the next caller, or one
///   that waits, builds it anew.
/// crash: no root and no block, or the root and its block as built. Other blocks that the
///   constructor allocated are allocated.
/// cost: a thread slot taken and given back, and as shoal_root_set.
shoal_status shoal_root_find_or_create(shoal_heap *heap, const char *name, shoal_root *root,
                                       const shoal_root_builder *builder);

/// Removes the root `name`; the block it named stays allocated.
/// returns: SHOAL_OK; NOT_FOUND; NAME; BUSY, READ_ONLY, STALE as shoal_root_set.
/// crash: the root is there or it is not.
shoal_status shoal_root_remove(shoal_heap *heap, const char *name);

#ifdef __cplusplus
}
#endif

#endif
