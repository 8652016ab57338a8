// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_PARTIAL_H
#define SHL_ALLOC_PARTIAL_H

#include "alloc/handle.h"

// A slot's lists of slabs with free blocks, one for each class byte, linked both ways by unit
// numbers in the hot rows. Only who acts as the slot touches them, always under its J. Slabs
// without free blocks (FULL) are on no list.

/// The word that holds the first slab of the class byte's list.
shl_a32 *shl_partial_list(struct shl_seat seat, unsigned class_byte);

/// First slab of the class byte's list; 0: none.
uint32_t shl_partial_head(struct shl_seat seat, unsigned class_byte);

/// Puts the slab first on its list, state PARTIAL. Run again after a crash inside, it ends
/// the same.
void shl_partial_push(struct shl_seat seat, unsigned class_byte, uint32_t unit);

/// Takes the slab off, state FULL; one that is FULL already is on no list. Run again it ends the
/// same, as long as its own prev and next stand: they do until J names another step.
void shl_partial_unlink(struct shl_seat seat, unsigned class_byte, uint32_t unit);

/// Whether the slab is its list's only one.
bool shl_partial_is_only(struct shl_seat seat, unsigned class_byte, uint32_t unit);

#endif
