// SPDX-License-Identifier: MIT
// Tags, and how a tagged block is taken from its slab.
//
//   pop    [zero;] tag = mine; F[w] less the block (the commit); N less w where F[w] is 0
//   untag  tag = 0 (the commit)
//
// Slabs of tagged blocks have a class byte of their own and no hand: what a dead thread had in hand
// would be neither free nor anybody's. Their fast path is the ordinary slow one of a free, since no
// class is known by that byte.
//
// Invariants
//   I1  The tag of a block in F or RB is not looked at, and nobody but the owner has a right to a
//       block in F: so who pops it stores the tag before the pop's commit.
//   I2  What is allocated and tagged by a dead process, none of whose slots is left to recover, was
//       never untagged. Nobody but who claims it by a compare and swap of the tag has it.
//   I3  N may have bits too many in between, never too few.
// A crash before the commit leaves a free block with any tag, after it a block that is found by it.
#include "alloc/tag.h"

#include <string.h>

#include "alloc/partial.h"

bool shl_tag_may_be(const shoal_heap *heap, uint64_t tag) {
  uint32_t process = shl_tag_process(tag);
  return tag >> (SHL_TAG_PROCESS_BITS + SHL_TAG_GENERATION_BITS) == 0 && process != 0 &&
         process <= heap->region->header.max_processes;
}

bool shl_tag_is_dead(const shoal_heap *heap, uint64_t tag) {
  const struct shl_region *region = heap->region;
  return region->is_dead(region, shl_tag_process(tag), shl_tag_generation(tag));
}

shl_a64 *shl_tag_word(const shoal_heap *heap, uint64_t off, const struct shl_place *place) {
  if (place->kind == SHL_BLOCK_HUGE) return &shl_chunk_row(heap, place->chunk)->tag;
  return place->tagged ? shl_tag_behind(heap, off, place->bytes) : NULL;
}

uint64_t shl_tag_read(const shoal_heap *heap, uint64_t off, const struct shl_place *place) {
  const shl_a64 *word = shl_tag_word(heap, off, place);
  return word == NULL ? 0 : shl_load_acquire_u64(word);
}

uint64_t shl_tag_pop(struct shl_seat seat, unsigned class_byte, const struct shl_wish *wish) {
  const struct shl_class_info *info = shl_class_info(class_byte);
  uint32_t unit = shl_partial_head(seat, class_byte);
  if (unit == 0) return 0;
  struct shl_hot_rec *hot = shl_hot_row(seat.heap, unit);
  uint64_t nonempty = shl_load_relaxed_u64(&hot->nonempty);
  if (nonempty == 0) return 0;
  unsigned word = shl_lowest_bit(nonempty);
  uint64_t bits = shl_load_relaxed_u64(&hot->free[word]);
  if (bits == 0) return 0;
  uint64_t index = 64 * (uint64_t)word + shl_lowest_bit(bits);
  uint64_t off = shl_unit_offset(unit) + index * info->bytes;
  uint64_t room = shl_block_room(info->bytes, true);
  if ((wish->flags & SHOAL_ZERO) != 0) memset(seat.heap->view.base + off, 0, (size_t)room);
  shl_store_release_u64(shl_tag_behind(seat.heap, off, room), wish->tag);
  shl_store_release_u64(&hot->free[word], bits & (bits - 1));
  if ((bits & (bits - 1)) == 0) shl_store_release_u64(&hot->nonempty, nonempty & (nonempty - 1));
  return off;
}
