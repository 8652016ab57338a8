// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_CENSUS_H
#define SHL_ALLOC_CENSUS_H

#include <shoal/inspect.h>

#include "alloc/class.h"
#include "alloc/handle.h"

// The one read-only way through a heap's data, for check, walk and stats: the data cut into parts,
// ascending and without gaps. Every number read from the region is tested before it leads anywhere,
// and no row is read that may not be backed.

enum shl_part_kind {
  SHL_PART_FREE,     // a FREE chunk
  SHL_PART_PASSING,  // on its way from one state to another, by somebody's journal
  SHL_PART_PAGES,    // free pages of a chunk cut into runs
  SHL_PART_RUN,      // a run that is a block
  SHL_PART_SLAB,
  SHL_PART_HUGE,
  SHL_PART_BROKEN    // `text` says what contradicts
};

// A part of the data. Private to the process.
struct shl_part {
  enum shl_part_kind kind;
  uint32_t chunk;    // first
  uint32_t chunks;   // 0: less than one
  unsigned page;     // first, of that chunk
  unsigned pages;    // where chunks is 0
  uint64_t desc;     // of a slab's first unit
  bool tagged;       // a slab or run whose blocks keep a tag
  const char *text;  // of BROKEN
};

// A walk. Private to the process.
struct shl_census {
  shoal_heap *heap;
  uint32_t chunk;
  unsigned page;
  uint32_t high;    // chunks below it are walked
  unsigned broken;  // parts found broken so far
};

/// Starts at the first data chunk and ends at the high-water mark as of now.
void shl_census_begin(struct shl_census *census, shoal_heap *heap);

/// The next part. What looks broken is looked at again, so that a change in the middle of the look
/// is not taken for a contradiction.
/// returns: false at the end.
bool shl_census_next(struct shl_census *census, struct shl_part *out);

/// Whether the journal of `slot`, one below the mark, names `chunk` or a unit of it.
bool shl_census_slot_names(const shoal_heap *heap, uint32_t slot, uint32_t chunk);

/// Whether some slot's journal names `chunk` or a unit of it: a step on it is under way, or was cut
/// short and not recovered yet.
bool shl_census_is_journalled(const shoal_heap *heap, uint32_t chunk);

// A slab, its cells tested to be readable. Private to the process.
struct shl_slab_view {
  uint32_t unit;
  uint32_t owner;
  unsigned class_byte;
  const struct shl_class_info *info;
  uint32_t bytes;  // that a block can hold
  const struct shl_chunk_rec *row;
  const struct shl_hot_rec *hot;
  const struct shl_remote_rec *remote;
  const struct shl_hand_rec *hand;  // the owner's for the class; null: blocks are tagged ones
};

/// returns: null, or what contradicts.
const char *shl_slab_look(shoal_heap *heap, uint32_t unit, uint64_t desc,
                          struct shl_slab_view *out);

// A word of a slab. Private to the process.
struct shl_word_view {
  uint64_t blocks;   // bits that stand for blocks
  uint64_t free;     // F
  uint64_t hand;     // A
  uint64_t pending;  // RB
};

/// Reads a word so that a block that moves from one of the sets to another meanwhile is in one.
struct shl_word_view shl_slab_word(const struct shl_slab_view *slab, unsigned word);

/// Whether the slab that was described by `desc` still is: what was read of it before was its own.
bool shl_slab_stands(const shoal_heap *heap, uint32_t unit, uint64_t desc);

static inline uint64_t shl_word_allocated(const struct shl_word_view *word) {
  return word->blocks & ~(word->free | word->hand | word->pending);
}

/// The allocated block that byte `off` lies in. returns: whether there is one.
bool shl_block_find(shoal_heap *heap, uint64_t off, shoal_block *out);

#endif
