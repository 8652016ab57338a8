// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_CHUNK_H
#define SHL_ALLOC_CHUNK_H

#include "alloc/handle.h"

// Chunk words and claims. A chunk is changed by one slot at a time: the one its word names. Claims
// are taken by one attempt; who fails goes elsewhere, nobody waits.

struct shl_chunk_word {
  unsigned state;
  uint32_t slot;
  uint32_t x;
  unsigned last;  // HEAD: units of the last chunk that the block has, 1 to 32; others: 32
};

static inline uint64_t shl_chunk_encode(unsigned state, uint32_t slot, uint32_t x) {
  return (uint64_t)state | (uint64_t)slot << 4 | (uint64_t)x << 20;
}

static inline struct shl_chunk_word shl_chunk_decode(uint64_t word) {
  return (struct shl_chunk_word){.state = (unsigned)(word & 15),
                                 .slot = (uint32_t)(word >> 4 & 0xffff),
                                 .x = (uint32_t)(word >> 20 & 0x3fffff),
                                 .last = SHL_UNITS_PER_CHUNK - (unsigned)(word >> 42 & 31)};
}

/// The word of a run of whole chunks that is allocated: of `count`, the last one as far as `last`
/// units. One store of it says how long the block is.
static inline uint64_t shl_chunk_encode_head(uint32_t slot, uint32_t count, unsigned last) {
  return shl_chunk_encode(SHL_CHUNK_HEAD, slot, count) |
         (uint64_t)(SHL_UNITS_PER_CHUNK - last) << 42;
}

static inline struct shl_chunk_word shl_chunk_read(const shoal_heap *heap, uint32_t chunk) {
  return shl_chunk_decode(shl_load_acquire_u64(&shl_chunk_row(heap, chunk)->word));
}

/// Whether the chunk is the head of a run of whole chunks or a further one of it, be it that
/// somebody takes it into the run or out of it.
static inline bool shl_chunk_is_of_run(struct shl_chunk_word word) {
  return word.state == SHL_CHUNK_HEAD || word.state == SHL_CHUNK_CONT ||
         (word.state == SHL_CHUNK_CLAIM && word.x != 0);
}

enum { SHL_ROOM_FREE = 0xffff };  // room of a FREE chunk; others: pages, 0 to 512

enum shl_claim {
  SHL_CLAIM_TAKEN,
  SHL_CLAIM_BUSY,     // another slot has it now
  SHL_CLAIM_OTHER,    // part of a huge run
  SHL_CLAIM_NO_SPACE  // its run page could not be backed
};

/// Claims `chunk` for runs: MIXED and unclaimed, or FREE. Runs freed meanwhile are collected first.
/// J is CHUNK afterwards, and 0 where it was not taken.
enum shl_claim shl_chunk_claim(struct shl_seat seat, uint32_t chunk);

/// Lets a claimed chunk go; one without runs becomes FREE. J is left as it is: set it to 0, then
/// call shl_chunk_settle.
void shl_chunk_release(struct shl_seat seat, uint32_t chunk);

/// Collects runs that were freed while the chunk was claimed. J is 0 before and after.
void shl_chunk_settle(struct shl_seat seat, uint32_t chunk);

/// Makes row `chunk`, the one after the high-water mark, readable and raises the mark past it.
/// returns: SHOAL_OK, also where another was first; FULL iff there is no further chunk; NO_SPACE.
shoal_status shl_chunk_raise(shoal_heap *heap, uint32_t chunk);

/// Backs metadata pages `pages` (bits as shl_chunk_rec.meta) of a chunk that the caller holds.
shoal_status shl_chunk_back_meta(shoal_heap *heap, uint32_t chunk, unsigned pages);

/// Backs data units [first, first + count) of a chunk claimed for runs, and more ahead, so that few
/// system calls are made.
shoal_status shl_chunk_back_units(struct shl_seat seat, uint32_t chunk, unsigned first,
                                  unsigned count);

/// Backs the data units of `bits`, which are not backed; `committed` is for the caller to store,
/// and the quota to settle after it.
/// returns: SHOAL_OK; FULL iff limit_bytes forbids it; NO_SPACE; and then nothing has changed.
shoal_status shl_chunk_back_bits(struct shl_seat seat, uint32_t chunk, uint32_t bits);

/// Gives a FREE chunk's memory back to the system unless a pin covers it. J is 0 before and after.
/// returns: whether it held any and no pin kept it.
bool shl_chunk_trim(struct shl_seat seat, uint32_t chunk);

/// The part of a trim after the word is TRIM, up to FREE again; recovery runs it again.
/// returns: whether no pin kept the memory.
bool shl_chunk_trim_steps(struct shl_seat seat, uint32_t chunk);

/// Gives back chunks that have been FREE for a second, a few at a time, at most every quarter of a
/// second in a process. J is 0 before and after.
void shl_chunk_decay(struct shl_seat seat);

/// Gives back all chunks that are FREE now. J is 0 before and after.
void shl_chunk_trim_all(struct shl_seat seat);

/// Marks the chunk's room as FREE and the time. Before its word becomes FREE.
void shl_chunk_note_free(shoal_heap *heap, uint32_t chunk);

#endif
