// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_RECORD_H
#define SHL_ALLOC_RECORD_H

#include "alloc/handle.h"

// JA: the standing record of a call that changes the heap and a word of the caller's as one step.
// It stands in the slot that is acted as from before the first change until after the last; who
// finds it in a dead slot can tell from the word and the blocks how far the call had come
// (docs/RECOVERY.md has the table). While it stands, collectors leave the bits of the blocks that
// it names, so that "not pending" goes on to mean "not freed yet".

// JA.op: what call it belongs to.
enum {
  SHL_JA_NONE = 0,
  SHL_JA_ALLOC_TO = 1,    // block: the new one
  SHL_JA_FREE_FROM = 2,   // block: the one that dies
  SHL_JA_REALLOC_TO = 3,  // block: the old one; second: the new one
  SHL_JA_PUBLISH = 4,     // block: the one reserved until now; second: what the word says then
  SHL_JA_UNTAG = 5,       // block: the tagged one that the word says then; second: its tag
  SHL_JA_LAST = 5
};

// A copy. Private to the process.
struct shl_record {
  unsigned op;
  uint64_t dest;  // offset of the caller's word
  uint64_t block;
  uint64_t second;
};

/// Stands the record in the slot, op last.
void shl_record_stand(struct shl_slot_rec *slot, const struct shl_record *record);

/// The same for a call that allocates, whose new block is now known to be `off`. Nothing where no
/// call asked for a record (op is NONE).
void shl_record_stand_for(struct shl_slot_rec *slot, const struct shl_record *record, uint64_t off);

/// Ends it.
static inline void shl_record_clear(struct shl_slot_rec *slot) {
  shl_store_release_u64(&slot->record.op, SHL_JA_NONE);
}

/// The same where one may stand: by the free of whole chunks, or by the undoing of their claim,
/// before what it names can be another's.
static inline void shl_record_end(struct shl_slot_rec *slot) {
  if (shl_load_relaxed_u64(&slot->record.op) != SHL_JA_NONE) shl_record_clear(slot);
}

/// The same before a look at what the record's bits have kept others from collecting: who collects
/// after that look sees the record gone.
static inline void shl_record_clear_and_look(struct shl_slot_rec *slot) {
  shl_store_seq_cst_u64(&slot->record.op, SHL_JA_NONE);
}

static inline bool shl_record_is_clear(const struct shl_slot_rec *slot) {
  return shl_load_relaxed_u64(&slot->record.op) == SHL_JA_NONE;
}

/// A copy of a slot's record; all 0 where none stands.
struct shl_record shl_record_read(const struct shl_slot_rec *slot);

/// The block that a record's call allocates; 0 where it allocates none.
uint64_t shl_record_new_block(const struct shl_record *record);

/// The caller's word. `dest` was tested with shl_record_may_be.
static inline shl_a64 *shl_record_word(const shoal_heap *heap, uint64_t dest) {
  return (shl_a64 *)(void *)(heap->view.base + dest);
}

/// Whether a caller's word can stand at `dest`: 8-aligned, in data that is backed, among the
/// reservations of a slot, or the check of a root.
bool shl_record_may_be(shoal_heap *heap, uint64_t dest);

/// Whether `dest` is a cell of some slot's reservations.
bool shl_record_is_reservation(const shoal_heap *heap, uint64_t dest);

/// Of the blocks `bits` of word `word` of the slab at `unit`, those that some slot's standing
/// record names.
/// cost: reads a line of each slot ever taken.
uint64_t shl_records_naming_blocks(const shoal_heap *heap, uint32_t unit, unsigned word,
                                   uint64_t bits);

/// The same for runs: of the pages `bits` of word `word` of a chunk's remote pages.
uint64_t shl_records_naming_runs(const shoal_heap *heap, uint32_t chunk, unsigned word,
                                 uint64_t bits);

#endif
