// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_RUN_H
#define SHL_ALLOC_RUN_H

#include "alloc/record.h"

// Runs: contiguous pages of one chunk, the buddy layer. Truth is one word a run, D[first page].

static inline uint32_t shl_run_encode(unsigned pages, unsigned kind) {
  return pages | kind << 10;
}

static inline unsigned shl_run_pages(uint32_t word) {
  return word & 0x3ff;
}

static inline unsigned shl_run_kind(uint32_t word) {
  return word >> 10 & 3;
}

// What is wanted of the page layer. Private to the process.
struct shl_run_request {
  unsigned pages;
  unsigned align_pages;  // a power of two
  bool backed;           // only pages that are backed already
  uint64_t tag;          // for the run to keep; 0: none
  const struct shl_record *record;  // to stand before the pages are taken; null: none
};

// A run under its chunk's claim. Private to the process.
struct shl_run_place {
  uint32_t chunk;
  unsigned page;
};

/// Claims a chunk with room for the request and finds the place in it; the pages stay free.
/// returns: SHOAL_OK, the claim held and J = CHUNK; FULL iff no chunk has room; NO_SPACE iff the
///   system refused; BUSY iff what has room stayed claimed by others through three rounds.
shoal_status shl_run_find(struct shl_seat seat, struct shl_run_request request,
                          struct shl_run_place *out);

/// As shl_run_find, and backs the pages; where no more can be backed, pages that are.
shoal_status shl_run_find_backed(struct shl_seat seat, struct shl_run_request request,
                                 struct shl_run_place *out);

/// Releases a chunk claimed by shl_run_find, J = 0, settles what was freed meanwhile, and now and
/// then gives back what has been free for long.
void shl_run_end_claim(struct shl_seat seat, uint32_t chunk);

/// Allocates a run of whole pages as a block. `zeroed` tells whether it must read as zero. The
/// request's record goes on standing.
/// returns: its offset in *out; otherwise as shl_run_find.
shoal_status shl_run_alloc(struct shl_seat seat, struct shl_run_request request, bool zeroed,
                           uint64_t *out);

/// Frees the run that starts at `page`, whoever calls: its pages wait for the next claim of the
/// chunk.
/// returns: false iff it was free already.
bool shl_run_free(shoal_heap *heap, uint32_t chunk, unsigned page);

/// Claims the chunk for a moment, if it is to be had, so that what was freed in it is collected. J
/// is 0 before and after. Nothing where seat.slot is null.
void shl_run_settle(struct shl_seat seat, uint32_t chunk);

/// Makes the run at `page` `pages` long where it stands.
/// returns: false iff the chunk is claimed, the pages behind are taken, no memory backs them, or no
///   run starts there.
bool shl_run_resize(struct shl_seat seat, uint32_t chunk, unsigned page, unsigned pages);

/// D of `page`; 0 where the chunk's run page is not backed.
uint32_t shl_run_word(const shoal_heap *heap, uint32_t chunk, unsigned page);

// Below: under the chunk's claim.

/// Takes pages [page, page + count): D, bitmap, zero.
void shl_run_take(shoal_heap *heap, struct shl_run_place place, unsigned count, unsigned kind);

/// Lets the run at `page` go: D, then bitmap.
void shl_run_drop(shoal_heap *heap, struct shl_run_place place);

/// Collects what RP says, but for runs that a standing record names.
void shl_run_collect(shoal_heap *heap, uint32_t chunk);

/// Pages of the longest free run, 0 to 512.
unsigned shl_run_room(const shoal_heap *heap, uint32_t chunk);

/// Recomputes the bitmap from D.
void shl_run_rebuild(shoal_heap *heap, uint32_t chunk);

/// Notes that the pages of freshly backed units (bits) read as zero.
void shl_run_mark_zero(shoal_heap *heap, uint32_t chunk, uint32_t units);

/// Notes that no page is known to read as zero, where the chunk's run page is backed.
void shl_run_forget_zero(shoal_heap *heap, uint32_t chunk);

// Without the claim.

/// Whether RP has a bit that no standing record names.
bool shl_run_pending(const shoal_heap *heap, uint32_t chunk);

/// Whether the run block at `page` is freed and waits to be collected.
bool shl_run_is_pending(const shoal_heap *heap, uint32_t chunk, unsigned page);

#endif
