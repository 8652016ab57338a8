// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_HUGE_H
#define SHL_ALLOC_HUGE_H

#include "alloc/chunk.h"
#include "alloc/wish.h"

// Blocks above 1 MiB: runs of whole chunks.

/// Allocates the wish's bytes as whole chunks; the tail past the last 64 KiB needed is not backed.
/// J is 0 before and after; the wish's record goes on standing.
/// returns: SHOAL_OK and its offset; FULL iff no chunks in a row are left; NO_SPACE; BUSY.
shoal_status shl_huge_alloc(struct shl_seat seat, const struct shl_wish *wish, uint64_t *out);

/// Frees the huge run whose head is `head`. J is 0 afterwards.
/// returns: false iff it is none (any more).
bool shl_huge_free(struct shl_seat seat, uint32_t head);

/// Writes the journal of that free before a record's commit: recovery goes on from either. Nothing
/// where it is no huge run.
void shl_huge_announce_free(struct shl_seat seat, uint32_t head);

/// Makes the huge run hold `bytes` where it stands.
/// returns: false iff the chunks behind are taken or no memory backs them; the run is as before.
bool shl_huge_resize(struct shl_seat seat, uint32_t head, uint64_t bytes);

/// Bytes that the huge run can hold. 0 where `head` is none.
uint64_t shl_huge_bytes(const shoal_heap *heap, uint32_t head);

// Steps that recovery runs again.

/// Lets the chunks [head + 1, head + count) that are parts of the run go, then the head.
void shl_huge_let_go(shoal_heap *heap, uint32_t head, uint32_t count);

/// Ends a resize: of the chunks [from, end) those that the seat's slot has claimed for the run are
/// parts of it where HEAD counts them, and free where not.
void shl_huge_settle(struct shl_seat seat, uint32_t head, uint32_t from, uint32_t end);

/// Whether a chunk behind `head` belongs to that run, be it that somebody resizes it.
bool shl_huge_is_part(struct shl_chunk_word word, uint32_t head);

#endif
