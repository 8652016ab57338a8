// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_SLAB_H
#define SHL_ALLOC_SLAB_H

#include "alloc/class.h"
#include "alloc/handle.h"

// A slab: a run of units cut into blocks of one class, with one owner for as long as it is a slab.
// Its class byte says whether its blocks are tagged ones (alloc/tag.h), too.

/// Carves a slab and puts it first on the owner's list. `grow`: whether more data may be backed for
/// it. J is 0 before and after.
/// returns: SHOAL_OK; otherwise as shl_run_find.
shoal_status shl_slab_new(struct shl_seat seat, unsigned class_byte, bool grow);

/// Gives the pages of a wholly free slab back, where it is one: every block in F, none pending, the
/// hand elsewhere or empty, and none named by the slot's own standing record. J is 0 before and
/// after. `keep_only`: not if it is its class's only listed one.
/// returns: whether it was released.
bool shl_slab_examine(struct shl_seat seat, uint32_t unit, bool keep_only);

/// Whether all blocks are in F and none is pending. Cheap where not.
bool shl_slab_is_empty(const shoal_heap *heap, uint32_t unit, const struct shl_class_info *info);

/// N, computed again from F.
void shl_slab_recount(shoal_heap *heap, uint32_t unit, const struct shl_class_info *info);

/// Frees a block of the seat's own slab whose word in F is empty: N, then F, then the list.
/// J is 0 before and after.
void shl_slab_free_first(struct shl_seat seat, uint32_t unit, unsigned word, uint64_t bit);

/// The steps of a release under the chunk's claim, which recovery runs again: J is FREESLAB.
void shl_slab_release_steps(struct shl_seat seat, unsigned class_byte, uint32_t unit);

#endif
