// SPDX-License-Identifier: MIT
#ifndef SHOAL_INSPECT_H
#define SHOAL_INSPECT_H

#include <shoal/heap.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Is told of each contradiction that shoal_check finds: where, and a sentence.
typedef void shoal_check_reporter(void *context, shoal_off off, const char *text);

/// Walks all metadata and tells what contradicts the heap's invariants.
/// `report` may be null.
/// returns: SHOAL_OK iff nothing contradicts; CORRUPT and `report` called for each finding;
///   ARGUMENT for a null heap; NO_SPACE iff there is no memory for the check itself.
/// safe: exact while nobody works on the heap; while others do, a suspect is read again before it
///   is reported. Stores nothing: READ_ONLY heaps too.
/// crash: reads only.
/// cost: proportional to the metadata committed.
shoal_status shoal_check(shoal_heap *heap, shoal_check_reporter *report, void *context);

/// A block met by shoal_walk.
typedef struct shoal_block {
  shoal_off off;   ///< Its start.
  uint64_t bytes;  ///< What it can hold: its class or run, less a tag.
} shoal_block;

/// Is given each allocated block; a non-zero return ends the walk.
typedef int shoal_walk_visitor(void *context, const shoal_block *block);

/// Visits each allocated block once, by ascending offset.
/// returns: SHOAL_OK; ARGUMENT for a null visitor; CORRUPT iff the data cannot be followed further.
/// safe: a block that lives through the walk is visited, one that is allocated or freed meanwhile
///   may be. The visitor may not free other blocks than the one it is given.
/// crash: reads only.
/// cost: proportional to the blocks.
shoal_status shoal_walk(shoal_heap *heap, shoal_walk_visitor *visit, void *context);

/// Counters and sums, all in bytes where not said. The sums add up to `capacity`:
/// metadata + live + cached + free + uncommitted.
typedef struct shoal_heap_stats {
  size_t size;                  ///< In: sizeof(shoal_heap_stats).
  uint64_t capacity;            ///< Of the region.
  uint64_t limit;               ///< Committed data bytes allowed.
  uint64_t metadata;            ///< Header, tables and per-chunk metadata, committed or not.
  uint64_t metadata_committed;  ///< Of it, what is backed.
  uint64_t committed;           ///< Data bytes backed by the system.
  uint64_t live;                ///< In allocated blocks, by their class or run.
  uint64_t live_blocks;         ///< Count.
  uint64_t cached;              ///< In threads' hands, and freed by others but not yet collected.
  uint64_t free;                ///< Committed, and in no block, hand or pending free: with it what
                                ///< is backed behind a block of whole chunks in its last chunk,
                                ///< which nobody can have until the block is freed or grows.
  uint64_t uncommitted;         ///< Data bytes not backed.
  uint64_t slabs;               ///< Count.
  uint64_t runs;                ///< Count of runs that are blocks of their own.
  uint64_t huge_runs;           ///< Count of runs of whole chunks.
  uint64_t chunks_mixed;        ///< Count of chunks cut into slabs and runs.
  uint64_t chunks_free;         ///< Count of chunks given back by the allocator, below high water.
  uint64_t chunks_high_water;   ///< One past the highest chunk ever used, from the region's start.
  uint64_t thread_slots;        ///< Count in use by live threads.
  uint64_t thread_slots_orphan;  ///< Count given back with their blocks, to be adopted.
  uint64_t thread_slots_dead;   ///< Count whose owner died inside.
  uint64_t reservations;        ///< Count open, in all threads.
  uint64_t deaths;              ///< Count of thread slots recovered after a death, since the heap
                                ///< was made: each thread can have stranded the one block that a
                                ///< plain allocation had just given it, and no other.
  uint64_t processes;           ///< Count attached for writing.
  uint64_t roots;               ///< Count.
  uint64_t pins;                ///< Count.
} shoal_heap_stats;

/// Fills *stats from one walk over the metadata.
/// returns: SHOAL_OK; ARGUMENT iff stats is null or stats->size unknown.
/// safe: exact while nobody works on the heap, otherwise each figure is one that was near.
///   READ_ONLY heaps too.
/// crash: reads only.
/// cost: proportional to the metadata committed.
shoal_status shoal_stats(shoal_heap *heap, shoal_heap_stats *stats);

/// Flags of shoal_trim.
enum {
  SHOAL_TRIM_CHUNKS = 0,  ///< Give wholly free chunks back to the system.
  SHOAL_TRIM_ALL = 1      ///< First recover the dead, hand back the caller's and all orphans'
                          ///< hands, collect what others freed, release empty slabs and chunks.
};

/// Returns memory to the system now.
/// returns: SHOAL_OK; ARGUMENT for unknown flags; READ_ONLY; STALE in a forked child that must open
///   the heap itself.
/// safe: any thread; what other live threads hold in their hands stays theirs. Pinned chunks stay.
/// crash: each step is done or not, nothing is lost.
/// cost: proportional to the chunks; system calls.
shoal_status shoal_trim(shoal_heap *heap, unsigned flags);

/// Recovers what dead threads and processes have left, all of it, now: steps and calls cut short
/// are finished or undone, reservations freed, slots put up for adoption, pins dropped. Afterwards
/// the words that the dead had handed to shoal_alloc_to and its kin are settled.
/// returns: SHOAL_OK; ARGUMENT for null; READ_ONLY; STALE as shoal_trim; BUSY iff another live
///   process has stood still for 2 s in the middle of a step for the dead, or for its own threads
///   that have no slot.
/// safe: any thread, several at a time. Who inherits no words of the dead need not call it: opening
///   a heap and running short of slots or memory recover too.
/// crash: each slot is recovered or not; the next to look does the rest.
/// cost: a probe for each process attached, and up to some ten microseconds for each dead thread.
shoal_status shoal_reap(shoal_heap *heap);

/// Gives the calling thread's slot back whole: hands, slabs and lists can be adopted by another
/// thread of any process. The thread's next allocation takes a slot again.
/// returns: SHOAL_OK, also where the thread has no slot; BUSY iff the thread has reservations open.
/// crash: the slot is this thread's or it can be adopted.
shoal_status shoal_thread_idle(shoal_heap *heap);

/// Names a pin; 0 is none.
typedef uint64_t shoal_pin_id;

/// Keeps the pages under [off, off + len), which must lie in one allocated block, from being given
/// back to the system, even after the block is freed: for memory handed to io_uring or a device.
/// returns: SHOAL_OK and *out; ARGUMENT iff the range is no allocated memory; LIMIT iff the table
///   is full (the text names max_pins); READ_ONLY; STALE as shoal_trim.
/// owns: the process; a pin is dropped when its process dies.
/// crash: pinned or not; a death drops it.
shoal_status shoal_pin(shoal_heap *heap, shoal_off off, size_t len, shoal_pin_id *out);

/// Drops a pin.
/// returns: SHOAL_OK; ARGUMENT iff `pin` is not one of this process's; READ_ONLY; STALE.
/// crash: pinned or not.
shoal_status shoal_unpin(shoal_heap *heap, shoal_pin_id pin);

#ifdef __cplusplus
}
#endif

#endif
