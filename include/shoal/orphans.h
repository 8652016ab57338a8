// SPDX-License-Identifier: MIT
#ifndef SHOAL_ORPHANS_H
#define SHOAL_ORPHANS_H

#include <shoal/heap.h>

#ifdef __cplusplus
extern "C" {
#endif

// Blocks that say whose they are. One allocated with SHOAL_TAGGED keeps its process's tag until it
// is published: linked from where others find it. What a process that is gone has tagged and never
// published, nobody else knows of: shoal_orphans finds all of it, the block that the process had in
// flight when it was killed included.
//
// shoal_publish links a block by a word and takes its tag off as one step. Who links it otherwise
// calls shoal_untag afterwards; a death between the two leaves a block that is both linked and
// found by shoal_orphans, whose visitor has to look.
//
// A tagged block is freed, resized, pinned and marked like any other. While it is tagged it is its
// process's: who hands it to another process publishes it first.

/// Takes the tag off the block at `off`: it is linked from the program's data now. A block without
/// one stays as it is.
/// returns: SHOAL_OK; ARGUMENT for a null heap; MISUSE iff no allocated block starts at `off` and
///   on_misuse returned; READ_ONLY; STALE in a forked child.
/// safe: any thread of any process that may use the block. What was stored before is seen by who
///   sees the tag gone.
/// crash: the block is tagged or it is not; one store decides.
/// cost: a look at the block's slab or run, a store.
shoal_status shoal_untag(shoal_heap *heap, shoal_off off);

/// A block that a process has tagged and left.
typedef struct shoal_orphan {
  shoal_off off;   ///< Its start.
  uint64_t bytes;  ///< What it can hold.
  uint64_t owner;  ///< Stands for the process that tagged it; no other open of the heap has it.
} shoal_orphan;

/// What is to become of a block: returned by the visitor.
enum {
  SHOAL_ORPHAN_KEEP = 0,   ///< It stays as it is, for the next call.
  SHOAL_ORPHAN_ADOPT = 1,  ///< Its tag is the caller's process's from now on.
  SHOAL_ORPHAN_FREE = 2    ///< It is freed.
};

/// Is given a block that is nobody else's: while it runs the block has the caller's tag. It may
/// call what it likes. Where it has published, resized or freed the block it returns ADOPT.
typedef int shoal_orphan_visitor(void *context, const shoal_orphan *orphan);

/// Gives to `visit`, by ascending offset, each block whose tag is that of a process that has died,
/// or has closed the heap.
/// returns: SHOAL_OK; ARGUMENT for a null; LIMIT iff max_pins pins stand, of which one is needed
///   for the time of the call; BUSY iff another live process has stood still for 2 s holding a
///   chunk with such a block, or in the middle of recovering the dead: what it kept was left out;
///   CORRUPT as shoal_walk; MISUSE iff a block to be freed was none any more; READ_ONLY; STALE in
///   a forked child.
/// owns: the caller's process, of what it adopts, until it is published.
/// safe: any thread, while others work; of several calls at once, of whatever processes, one is
///   given a block. What the dead left is recovered first, as by shoal_reap.
/// crash: each block is still the dead process's, or is the caller's, who is as dead: the next call
///   finds it; or free.
/// cost: a walk over tagged blocks, which reads the end of each; for each process with tags what
///   shoal_reap takes; for each block given a microsecond more.
shoal_status shoal_orphans(shoal_heap *heap, shoal_orphan_visitor *visit, void *context);

#ifdef __cplusplus
}
#endif

#endif
