// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_ALLOC_STAND_H
#define SHL_TESTS_ALLOC_STAND_H

#include <shoal/inspect.h>

#include "alloc/slot.h"

// A small PRIVATE heap for tests of single modules, and other processes played by owner words: what
// a process does is done under a slot that is said to be its own, what its death leaves is written
// by hand.

enum {
  STAND_CAPACITY = 64 << 20,
  STAND_DEAD = 3,     // a process that is dead
  STAND_STOPPED = 4,  // one that lives and does not move
  STAND_PROCESSES = 4,
  STAND_THREADS = 60
};

/// Opens the heap; `limit_bytes` as in the options. Null, and fails the test, where that did not
/// work. A small one has 6 thread slots and 5 chunks of data, a tiny one 2.
shoal_heap *stand_open(uint64_t limit_bytes);
shoal_heap *stand_open_small(void);
shoal_heap *stand_open_tiny(void);

/// Tells every finding of a check. returns: whether there was none.
bool stand_is_clean(shoal_heap *heap);

/// Closes the heap, which must be clean.
void stand_close(shoal_heap *heap);

/// The calling thread's seat, its slot taken if it had none.
struct shl_seat stand_here(shoal_heap *heap);

/// Another slot, not the calling thread's, owned by `process`, which is this one's for 0.
struct shl_seat stand_other(shoal_heap *heap, uint32_t process);

/// Says that the slot belongs to `process`.
void stand_give(struct shl_seat seat, uint32_t process);

/// Says that the slot's owner has died, and recovers it.
void stand_die(struct shl_seat seat);

/// A copy of the seat's J, taken apart is the reader's matter; 0: between steps.
uint64_t stand_journal(struct shl_seat seat);

/// Makes a slab, the first on its list then. returns: its unit.
uint32_t stand_slab(struct shl_seat seat, unsigned class_index);

/// Allocates under a seat. returns: the offset; 0, and fails the test, where there is no memory.
shoal_off stand_alloc(struct shl_seat seat, size_t size);

/// Frees under a seat, or by nobody where its slot is null.
void stand_free(struct shl_seat seat, shoal_off off);

/// Frees a run as a thread does under a seat. returns: whether it was allocated.
bool stand_free_run(struct shl_seat seat, shoal_off off);

/// The bit of a block in its word of F or RB, and where that is. Private to the process.
struct stand_bit {
  uint32_t unit;
  unsigned class_index;
  unsigned word;
  uint64_t bit;
  struct shl_hot_rec *hot;
  struct shl_remote_rec *remote;
  struct shl_chunk_rec *row;
};

/// Of a block of a slab.
struct stand_bit stand_bit_of(shoal_heap *heap, shoal_off off);

/// Statistics, or their allocated blocks alone.
shoal_heap_stats stand_stats(shoal_heap *heap);
uint64_t stand_live(shoal_heap *heap);

/// Allocated blocks that have a tag.
uint64_t stand_tagged(shoal_heap *heap);

/// Where the tag of an allocated block stands; null, and fails the test, where it has none.
uint64_t *stand_tag_of(shoal_heap *heap, shoal_off off);

/// A misuse handler that counts what it is told: its context is an unsigned.
void stand_count_misuse(shoal_heap *heap, shoal_misuse what, shoal_off off, const char *text,
                        void *context);

/// Runs `work` in a thread of its own, to its end.
void stand_in_thread(void *(*work)(void *), void *argument);

/// Frees in a thread of its own. returns: what the free said.
shoal_status stand_free_in_thread(shoal_heap *heap, shoal_off off);

#endif
