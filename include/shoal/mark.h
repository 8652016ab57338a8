// SPDX-License-Identifier: MIT
#ifndef SHOAL_MARK_H
#define SHOAL_MARK_H

#include <shoal/inspect.h>

#ifdef __cplusplus
extern "C" {
#endif

/// One shoal_mark under way. Opaque.
typedef struct shoal_marker shoal_marker;

/// Is given a block that is reached, once, and names each block that it refers to by
/// shoal_mark_reach. `bytes` is what the block can hold. It may read the heap, but neither allocate
/// nor free.
typedef void shoal_mark_visitor(shoal_marker *marker, const void *object, uint64_t bytes,
                                void *context);

/// What a type of block refers to.
typedef struct shoal_mark_type {
  uint64_t type_id;           ///< As in shoal_root, or as shoal_mark_reach is told.
  shoal_mark_visitor *visit;  ///< Null: blocks of the type refer to none.
} shoal_mark_type;

/// Flags of shoal_mark_options.
enum {
  SHOAL_MARK_FREE = 1  ///< Free what is not reached.
};

/// What to do. All zero but `size` asks for a count alone, of a heap whose roots are 0.
typedef struct shoal_mark_options {
  size_t size;                      ///< sizeof(shoal_mark_options), for later growth.
  unsigned flags;                   ///< SHOAL_MARK_FREE.
  const shoal_mark_type *types;     ///< One for each type id that a root or a visitor names.
  size_t type_count;                ///< Count of `types`.
  shoal_walk_visitor *unreachable;  ///< Is given each block that is not reached, before it is
                                    ///< freed; a non-zero return keeps it. Null: nobody is.
  void *context;                    ///< Handed to all visitors.
} shoal_mark_options;

/// What came of it.
typedef struct shoal_mark_result {
  uint64_t reached;            ///< Blocks that roots lead to, that a thread has reserved (a dead
                               ///< one too, until it is recovered), or that a living process has
                               ///< tagged.
  uint64_t reached_bytes;      ///< That these can hold.
  uint64_t unreachable;        ///< Blocks that nothing leads to.
  uint64_t unreachable_bytes;  ///< That these can hold.
  uint64_t freed;              ///< Of them, those freed.
  uint64_t wild;               ///< References that name no allocated block's start.
} shoal_mark_result;

/// Follows all roots, by the visitors, to every block that is in use, and reports or frees the
/// others: what plain allocations of killed threads have stranded, and what the program has lost.
/// `out` may be null.
///
/// A block that a thread has reserved, or a living process tagged, is kept, but not visited, unless
/// roots lead to it: its type is not known. What only such a block refers to is not reached, and
/// FREE frees it. Publish the block first, or reserve or tag what it refers to as well, or have
/// `unreachable` keep it.
/// returns: SHOAL_OK and *out; ARGUMENT iff options are null or of unknown size or flags, or a root
///   or a visitor named a type id that `types` has not (the text names it; nothing is freed then);
///   NO_SPACE iff there is no memory for the list of blocks; CORRUPT as shoal_walk; with FREE,
///   READ_ONLY, STALE, BUSY as shoal_reap, which it begins with, MISUSE as shoal_free_offset.
/// safe: while nobody else changes the heap, in whatever process. A block reached twice is visited
///   once, as of the type that it was first reached by, so that cycles end.
/// crash: blocks freed until then are free, the others are not; mark again.
/// cost: some 40 bytes a block, and a binary search a reference.
shoal_status shoal_mark(shoal_heap *heap, const shoal_mark_options *options,
                        shoal_mark_result *out);

/// In a visitor: the block at `off`, of type `type_id`, is referred to. 0 is no reference.
/// crash: stores nothing in the heap.
void shoal_mark_reach(shoal_marker *marker, shoal_off off, uint64_t type_id);

#ifdef __cplusplus
}
#endif

#endif
