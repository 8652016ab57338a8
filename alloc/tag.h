// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_TAG_H
#define SHL_ALLOC_TAG_H

#include "alloc/block.h"
#include "alloc/wish.h"

// Tags: who has allocated a block and not said yet that it is linked from anywhere. One word, the
// last of a slab's block or a run or, of a huge run, in its head chunk's row: {process 14, process
// generation 24, 0}; 0: nobody's. Of a block that is free it means nothing.

enum { SHL_TAG_PROCESS_BITS = 14, SHL_TAG_GENERATION_BITS = 24 };

static inline uint64_t shl_tag_encode(uint32_t process, uint32_t generation) {
  return (uint64_t)process | (uint64_t)(generation & 0xffffff) << SHL_TAG_PROCESS_BITS;
}

static inline uint32_t shl_tag_process(uint64_t tag) {
  return (uint32_t)tag & 0x3fff;
}

static inline uint32_t shl_tag_generation(uint64_t tag) {
  return (uint32_t)(tag >> SHL_TAG_PROCESS_BITS) & 0xffffff;
}

/// This process's.
static inline uint64_t shl_tag_here(const shoal_heap *heap) {
  return shl_tag_encode(heap->region->process, heap->region->process_generation);
}

/// Whether some process may have it: a block's end may have been written over.
bool shl_tag_may_be(const shoal_heap *heap, uint64_t tag);

/// Whether its process has died, or closed the heap.
bool shl_tag_is_dead(const shoal_heap *heap, uint64_t tag);

/// Where the tag of the block at `off`, found at `place`, stands.
/// returns: null where the block has no room for one.
shl_a64 *shl_tag_word(const shoal_heap *heap, uint64_t off, const struct shl_place *place);

/// The tag of the block at `off`; 0 where it has none.
uint64_t shl_tag_read(const shoal_heap *heap, uint64_t off, const struct shl_place *place);

/// Takes the lowest free block of the first slab on the list of the class byte, which is one of
/// tagged blocks', for the wish. J is not touched.
/// returns: its offset; 0 where that slab has none.
uint64_t shl_tag_pop(struct shl_seat seat, unsigned class_byte, const struct shl_wish *wish);

#endif
