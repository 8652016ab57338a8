// SPDX-License-Identifier: MIT
// Up to 32 KiB a block of a class; up to 1 MiB a run of pages; above, whole chunks. A tag takes 8
// bytes of a slab's block or a run. An alignment up to 4 KiB is met by a class whose size is a
// multiple of it (slabs start on units), up to 1 MiB by an aligned run, above by chunks: no block
// ever lies inside another, so free needs no flag for it.
//
// Before the answer is no, everything that can be given back is: the seat's own hands and empty
// slabs, the process's spare slot's, all orphans' and the dead's, and chunks that are backed but
// FREE, since memory may be backed in one place and wanted in another. Then it is tried again.
#include "alloc/grant.h"

#include <stdint.h>

#include "alloc/chunk.h"
#include "alloc/handover.h"
#include "alloc/huge.h"
#include "alloc/misuse.h"
#include "alloc/orphan.h"
#include "alloc/refill.h"
#include "alloc/run.h"
#include "alloc/seat.h"
#include "base/align.h"
#include "base/fail.h"

enum { RUN_MAX_BYTES = 1048576 };

static shoal_status grant_block(struct shl_seat seat, unsigned class_byte,
                                const struct shl_wish *wish, uint64_t *out) {
  *out = shl_handover_block(seat, class_byte, wish);
  return *out != 0 ? SHOAL_OK : shl_refill_pop(seat, class_byte, wish, out);
}

static shoal_status grant_run(struct shl_seat seat, const struct shl_wish *wish, uint64_t *out) {
  struct shl_run_request request = {
      .pages = (unsigned)((shl_wish_room(wish) + SHL_PAGE_BYTES - 1) / SHL_PAGE_BYTES),
      .align_pages = wish->alignment <= SHL_PAGE_BYTES ? 1 : (unsigned)(wish->alignment >> 12),
      .backed = !shl_wish_may_grow(wish),
      .tag = wish->tag,
      .record = &wish->record};
  if (request.pages == 0) request.pages = 1;
  return shl_run_alloc(seat, request, (wish->flags & SHOAL_ZERO) != 0, out);
}

// returns: the class byte; 0: no class holds the wish.
static unsigned class_for(const struct shl_wish *wish) {
  uint64_t room = shl_wish_room(wish);
  if (room > SHL_CLASS_MAX_BYTES || wish->alignment > SHL_PAGE_BYTES) return 0;
  unsigned class_index = shl_class_of_aligned((size_t)room, (size_t)wish->alignment);
  return class_index != 0 && wish->tag != 0 ? SHL_CLASS_TAGGED + class_index : class_index;
}

static shoal_status grant_once(struct shl_seat seat, const struct shl_wish *wish, uint64_t *out) {
  unsigned class_byte = class_for(wish);
  if (class_byte != 0) return grant_block(seat, class_byte, wish, out);
  bool as_run = shl_wish_room(wish) <= RUN_MAX_BYTES && wish->alignment <= RUN_MAX_BYTES;
  shoal_status status = as_run ? grant_run(seat, wish, out) : shl_huge_alloc(seat, wish, out);
  if (status == SHOAL_OK) shl_handover(seat, wish, *out);
  return status;
}

static shoal_status refuse(shoal_heap *heap, const struct shl_wish *wish, shoal_status status) {
  unsigned long long bytes = (unsigned long long)wish->bytes;
  unsigned long long capacity = (unsigned long long)heap->view.capacity;
  int os_code = shoal_os_code();
  if (status == SHOAL_E_FULL) {
    return shl_fail(status, 0, "No room for %llu bytes: the capacity is %llu, limit_bytes %llu.",
                    bytes, capacity, (unsigned long long)heap->limit_bytes);
  }
  if (status == SHOAL_E_NO_SPACE) {
    return shl_fail(status, os_code, "The system gives no more memory (%llu bytes wanted).", bytes);
  }
  if (status == SHOAL_E_BUSY) {
    return shl_fail(status, 0, "All room for %llu bytes is claimed by other threads.", bytes);
  }
  return status;
}

// Where nothing new may be backed, what is stays: it is all there is to use.
static void gather(struct shl_seat seat, bool grow) {
  shl_seat_drain(seat);
  shl_spare_drain(seat);
  (void)shl_orphan_tend_all(seat.heap);
  if (grow) shl_chunk_trim_all(seat);
}

shoal_status shl_grant_in(struct shl_seat seat, const struct shl_wish *wish, uint64_t *out) {
  shoal_heap *heap = seat.heap;
  if (wish->bytes > PTRDIFF_MAX) {
    return shl_fail(SHOAL_E_SIZE, 0, "%llu bytes are more than PTRDIFF_MAX.",
                    (unsigned long long)wish->bytes);
  }
  uint64_t most = (uint64_t)(heap->chunk_end - heap->first_chunk) * SHL_CHUNK_BYTES;
  shoal_status status = wish->bytes <= most ? grant_once(seat, wish, out) : SHOAL_E_FULL;
  if (status != SHOAL_OK && wish->bytes <= most) {
    gather(seat, shl_wish_may_grow(wish));
    status = grant_once(seat, wish, out);
  }
  return status == SHOAL_OK ? SHOAL_OK : refuse(heap, wish, status);
}

shoal_status shl_grant(shoal_heap *heap, const struct shl_wish *wish, uint64_t *out) {
  struct shl_seat seat;
  shoal_status status = shl_seat_enter(heap, &seat);
  if (status != SHOAL_OK) return status;
  status = shl_grant_in(seat, wish, out);
  shl_seat_leave(seat);
  return status;
}

shoal_status shl_block_allocated(struct shl_seat seat, uint64_t off, struct shl_place *out) {
  unsigned wrong = shl_block_at(seat.heap, off, out);
  if (wrong == 0 && shl_block_is_free(seat, out)) wrong = SHOAL_MISUSE_DOUBLE_FREE;
  return wrong == 0 ? SHOAL_OK : shl_misuse(seat.heap, (shoal_misuse)wrong, off);
}

shoal_status shl_block_bytes(shoal_heap *heap, uint64_t off, uint64_t *out) {
  struct shl_place place;
  shoal_status status = shl_block_allocated(shl_seat_here(heap), off, &place);
  if (status == SHOAL_OK) *out = place.bytes;
  return status;
}

// `room`: the bytes wanted, and the tag's.
static bool resize_run(struct shl_seat seat, const struct shl_place *place, uint64_t room) {
  unsigned pages = (unsigned)((room + SHL_PAGE_BYTES - 1) / SHL_PAGE_BYTES);
  bool shrinks = (uint64_t)pages * SHL_PAGE_BYTES <= place->bytes;
  bool done = shl_run_resize(seat, place->chunk, place->page, pages);
  return done || shrinks;
}

bool shl_resize(shoal_heap *heap, uint64_t off, uint64_t bytes) {
  struct shl_place place;
  if (bytes > PTRDIFF_MAX || heap->read_only || shl_block_at(heap, off, &place) != 0) return false;
  uint64_t room = bytes + (place.tagged ? SHL_TAG_BYTES : 0);
  bool slab_size = room <= SHL_CLASS_MAX_BYTES;
  if (place.kind == SHL_BLOCK_SLAB) {
    unsigned class_index = shl_desc_class(place.desc) % SHL_CLASS_TAGGED;
    return slab_size && shl_class_of((size_t)room) == class_index;
  }
  bool run_size = !slab_size && room <= RUN_MAX_BYTES;
  bool fits = place.kind == SHL_BLOCK_RUN ? run_size : bytes > RUN_MAX_BYTES;
  struct shl_seat seat;
  if (!fits || shl_seat_enter(heap, &seat) != SHOAL_OK) return false;
  bool done = place.kind == SHL_BLOCK_RUN ? resize_run(seat, &place, room)
                                          : shl_huge_resize(seat, place.chunk, bytes);
  shl_seat_leave(seat);
  return done;
}
