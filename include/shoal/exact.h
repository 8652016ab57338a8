// SPDX-License-Identifier: MIT
#ifndef SHOAL_EXACT_H
#define SHOAL_EXACT_H

#include <shoal/heap.h>

#ifdef __cplusplus
extern "C" {
#endif

// Calls that strand nothing. A thread that dies between a plain allocation and its own store of the
// offset leaves a block that nobody knows. These calls change the heap and a word of the caller's
// as one step: after any death the word names an allocated block, or it is 0 (for shoal_realloc_to:
// it names the old block) or untouched, and no other block has come or gone.
//
// The word is an 8-aligned shoal_off inside a block of the heap. It belongs to the caller alone
// until the call returns, and to the heir of a dead caller once shoal_reap has said OK. Who links a
// block into a structure that others change at the same time reserves it, fills it, publishes it
// into a word of its own, links it by its own compare and swap, and clears that word: an heir finds
// in the word what was not yet, or just, linked.

/// Allocates as shoal_alloc and stores the offset in *slot, as one step. What *slot held before is
/// overwritten by 0 first, and a block that it named is not freed: whoever needs it has the offset
/// elsewhere. Where the call fails *slot is 0, but with ARGUMENT, READ_ONLY and STALE as it was.
/// units: as shoal_alloc, `flags` too; SHOAL_TAGGED does nothing, since the word names the block.
/// returns: SHOAL_OK; ARGUMENT iff `slot` is no 8-aligned place in the heap's data or a flag is
///   unknown; SIZE iff `size` is above PTRDIFF_MAX; FULL, NO_SPACE, BUSY iff the heap, the system,
///   or what others claim at the moment leaves no room; READ_ONLY; STALE in a forked child that
///   must open the heap itself.
/// owns: who owns the word.
/// safe: any thread, each with a word of its own; not in a signal handler. Other threads that read
///   the word with acquire order see the block's content as SHOAL_ZERO left it.
/// crash: nothing is allocated, and *slot is as it was before the first store, 0 after it; or *slot
///   names the block, with the last.
/// cost: the complete way of an allocation, and seven stores.
shoal_status shoal_alloc_to(shoal_heap *heap, shoal_off *slot, size_t size, unsigned flags);

/// Makes the block that *slot names hold `size` bytes, in place or by a new block, a copy and a
/// free, and *slot name the result, as one step. *slot 0 allocates. The result has no tag.
/// returns: as shoal_alloc_to, and the old block and *slot stay then; MISUSE iff *slot names no
///   allocated block and on_misuse returned.
/// safe: as shoal_alloc_to. Nobody else may use the old block meanwhile.
/// crash: *slot names the old block, as it was, or the new one; the other is free. In place: *slot
///   names the block, with the old size or the new. A block of whole chunks that has a tag loses it
///   last: until then shoal_orphans offers it, linked as it is, as before the call.
/// cost: as realloc, and seven stores.
shoal_status shoal_realloc_to(shoal_heap *heap, shoal_off *slot, size_t size);

/// Frees the block that *slot names and stores 0 there, as one step. *slot 0 does nothing.
/// returns: SHOAL_OK; ARGUMENT iff `slot` is no 8-aligned place in the heap's data; MISUSE iff
///   *slot names no allocated block and on_misuse returned; READ_ONLY; STALE in a forked child.
/// safe: as shoal_alloc_to; the block may be anybody's.
/// crash: *slot names the block, untouched, or is 0 and the block is free.
/// cost: the complete way of a free, and seven stores, one of them a locked one.
shoal_status shoal_free_from(shoal_heap *heap, shoal_off *slot);

/// Allocates a block that is the calling thread's reservation until it is published or cancelled:
/// up to 32 a thread at a time. A thread that ends first, in whatever way, has it freed, whence
/// SHOAL_TAGGED does nothing.
/// returns: SHOAL_OK and the offset in *out; LIMIT iff 32 are open or no thread slot is left;
///   otherwise as shoal_alloc_to; *out is 0 then.
/// safe: any thread; not in a signal handler.
/// crash: the block is freed when the dead thread is recovered.
/// cost: as shoal_alloc_to.
shoal_status shoal_reserve(shoal_heap *heap, size_t size, unsigned flags, shoal_off *out);

/// Stores the offset `off` in *slot and ends its reservation, or takes its tag off, as one step.
/// returns: SHOAL_OK; ARGUMENT iff `slot` is no 8-aligned place in the heap's data, or `off` is no
///   open reservation of the calling thread and no block with this process's tag; READ_ONLY; STALE
///   in a forked child.
/// safe: by the thread that reserved; a tagged block by one thread of its process. Other threads
///   that read the word with acquire order see the block's content as the caller left it.
/// crash: *slot names the block, or is as before and the block is freed in recovery, or still
///   tagged. Recovery takes the tag off where *slot names it.
/// cost: seven stores, and a look through up to 32 words.
shoal_status shoal_publish(shoal_heap *heap, shoal_off *slot, shoal_off off);

/// Frees a reserved block.
/// returns: SHOAL_OK; ARGUMENT iff `off` is no open reservation of the calling thread; READ_ONLY;
///   STALE in a forked child.
/// safe: by the thread that reserved.
/// crash: the block is free, or is freed in recovery.
/// cost: as shoal_free_from.
shoal_status shoal_cancel(shoal_heap *heap, shoal_off off);

#ifdef __cplusplus
}
#endif

#endif
