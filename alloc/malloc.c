// SPDX-License-Identifier: MIT
// The public allocation calls: arguments, the fast path, errno.
//
// The fast path of an allocation is a pop from the hand of the size's class in the calling thread's
// slot: one load of the slot's address, one of A, one store to A (the commit).
#include <errno.h>
#include <string.h>

#include <shoal/heap.h>

#include "alloc/free.h"
#include "alloc/grant.h"
#include "alloc/hand.h"
#include "alloc/refill.h"
#include "alloc/seat.h"
#include "alloc/tag.h"
#include "base/align.h"
#include "base/cold.h"

static inline uint64_t pop(shoal_heap *heap, size_t size) {
  struct shl_slot_rec *slot = shl_thread_seat(heap)->slot;
  if (slot == NULL || size > SHL_CLASS_MAX_BYTES) return 0;
  unsigned class_index = shl_class_of(size);
  uint64_t off = shl_hand_pop(&slot->hands[class_index]);
  if (off != 0) return off;
  return shl_refill_warm((struct shl_seat){.heap = heap, .slot = slot}, class_index);
}

static int errno_of(shoal_status status) {
  if (status == SHOAL_E_READ_ONLY) return EROFS;
  if (status == SHOAL_E_ARGUMENT || status == SHOAL_E_MISUSE) return EINVAL;
  return ENOMEM;
}

static shoal_off grant(shoal_heap *heap, const struct shl_wish *wish) {
  uint64_t off = 0;
  shoal_status status = shl_grant(heap, wish, &off);
  if (status == SHOAL_OK) return off;
  errno = errno_of(status);
  return 0;
}

SHL_COLD static shoal_off alloc_slow(shoal_heap *heap, size_t size, unsigned flags) {
  struct shl_wish wish;
  if (!shl_wish_read(size, flags, &wish)) {
    errno = EINVAL;
    return 0;
  }
  if ((flags & SHOAL_TAGGED) != 0) wish.tag = shl_tag_here(heap);
  return grant(heap, &wish);
}

static void *grant_pointer(shoal_heap *heap, const struct shl_wish *wish) {
  uint64_t off = grant(heap, wish);
  return off == 0 ? NULL : heap->view.base + off;
}

SHL_COLD static void *malloc_slow(shoal_heap *heap, size_t size, size_t alignment,
                                  unsigned flags) {
  struct shl_wish wish = {.bytes = size, .alignment = alignment, .flags = flags};
  return grant_pointer(heap, &wish);
}

SHL_COLD static void *malloc_tagged(shoal_heap *heap, size_t size, uint64_t tag) {
  struct shl_wish wish = {.bytes = size, .alignment = 16, .flags = SHOAL_TAGGED, .tag = tag};
  return grant_pointer(heap, &wish);
}

shoal_off shoal_alloc(shoal_heap *heap, size_t size, unsigned flags) {
  uint64_t off = flags == 0 ? pop(heap, size) : 0;
  return off != 0 ? off : alloc_slow(heap, size, flags);
}

// The rest of a malloc whose hand is empty.
SHL_WARM static void *malloc_warm(shoal_heap *heap, size_t size, unsigned class_index) {
  uint64_t off = shl_refill_warm(shl_seat_here(heap), class_index);
  if (off != 0) return heap->view.base + off;
  return malloc_slow(heap, size, 16, 0);
}

// The same without a slot, or of a size that stands in no table.
SHL_WARM static void *malloc_other(shoal_heap *heap, size_t size) {
  uint64_t off = pop(heap, size);
  if (off != 0) return heap->view.base + off;
  return malloc_slow(heap, size, 16, 0);
}

void *shoal_malloc(shoal_heap *heap, size_t size) {
  struct shl_slot_rec *slot = shl_thread_seat(heap)->slot;
  if (slot == NULL || size > SHL_CLASS_SMALL_BYTES) return malloc_other(heap, size);
  unsigned class_index = shl_small_class[(size + 15) / 16];
  struct shl_hand_rec *hand = &slot->hands[class_index];
  uint64_t blocks = shl_load_relaxed_u64(&hand->blocks);
  if (blocks == 0) return malloc_warm(heap, size, class_index);
  return heap->view.base + shl_hand_take(hand, blocks);
}

void *shoal_calloc(shoal_heap *heap, size_t count, size_t size) {
  if (size != 0 && count > SIZE_MAX / size) {
    errno = ENOMEM;
    return NULL;
  }
  size_t bytes = count * size;
  uint64_t off = pop(heap, bytes);
  if (off != 0) return memset(heap->view.base + off, 0, shl_classes[shl_class_of(bytes)].bytes);
  return malloc_slow(heap, bytes, 16, SHOAL_ZERO);
}

void *shoal_aligned_alloc(shoal_heap *heap, size_t alignment, size_t size) {
  if (!shl_is_power_of_two(alignment) || alignment > SHL_CHUNK_BYTES) {
    errno = EINVAL;
    return NULL;
  }
  return malloc_slow(heap, size, alignment < 16 ? 16 : alignment, 0);
}

size_t shoal_usable_size(shoal_heap *heap, const void *ptr) {
  if (ptr == NULL) return 0;
  uint64_t bytes = 0;
  if (shl_block_bytes(heap, shl_region_offset(heap, ptr), &bytes) != SHOAL_OK) {
    errno = EINVAL;
    return 0;
  }
  return (size_t)bytes;
}

void *shoal_realloc(shoal_heap *heap, void *ptr, size_t size) {
  if (ptr == NULL) return shoal_malloc(heap, size);
  uint64_t off = shl_region_offset(heap, ptr);
  struct shl_place place;
  shoal_status status = shl_block_allocated(shl_seat_here(heap), off, &place);
  if (status != SHOAL_OK) {
    errno = errno_of(status);
    return NULL;
  }
  if (shl_resize(heap, off, size)) return ptr;
  uint64_t tag = shl_tag_read(heap, off, &place);
  void *moved = tag == 0 ? shoal_malloc(heap, size) : malloc_tagged(heap, size, tag);
  if (moved == NULL) return NULL;
  memcpy(moved, ptr, size < place.bytes ? size : (size_t)place.bytes);
  (void)shl_free(heap, off);
  return moved;
}
