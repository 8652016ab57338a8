// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_HANDOVER_H
#define SHL_ALLOC_HANDOVER_H

#include "alloc/block.h"
#include "alloc/wish.h"

// Blocks handed to a word of the caller's, or taken back from one, under a standing record.

/// Takes the lowest block of the seat's hand of the class for the wish, and hands it over where the
/// wish has a record. Of the class byte of tagged blocks: as shl_tag_pop.
/// returns: its offset; 0 where the hand is empty.
uint64_t shl_handover_block(struct shl_seat seat, unsigned class_byte,
                            const struct shl_wish *wish);

/// Hands over `off`, which the seat has just allocated under the wish's record: the caller's word
/// names it from then on. For a realloc its content is copied and the old block freed. Nothing
/// where the wish has no record. J is 0 before and after.
void shl_handover(struct shl_seat seat, const struct shl_wish *wish, uint64_t off);

/// Says that a record will name the block: collectors ask from now on. Before the record stands.
void shl_handover_mark(shoal_heap *heap, const struct shl_place *place);

/// Frees the block `off`, found at `place`, that the word at `dest` names, and clears the word. J
/// is 0 before and after; no record stands.
/// returns: false iff the block was free already.
bool shl_handover_back(struct shl_seat seat, uint64_t dest, uint64_t off,
                       const struct shl_place *place);

/// Publishes the block that the seat's reservation `cell` holds by storing `value`, which stands
/// for it, in the word at `dest`, and empties the cell. J is not touched.
void shl_handover_publish(struct shl_seat seat, uint64_t dest, uint64_t value, shl_a64 *cell);

/// Publishes the block `off` by storing it in the word at `dest`, and ends its tag, which stands in
/// `word`. J is not touched.
void shl_handover_untag(struct shl_seat seat, uint64_t dest, uint64_t off, shl_a64 *word);

/// What a standing record of the seat, whose owner is dead or has left the call, leaves to do; none
/// stands afterwards. J is 0 before and after.
void shl_handover_recover(struct shl_seat seat);

/// The same for a record whose call was taking a run of `chunk`, which the seat still claims: it
/// must not stand any more when others can take the pages.
void shl_handover_recover_run(struct shl_seat seat, uint32_t chunk);

#endif
