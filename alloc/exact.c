// SPDX-License-Identifier: MIT
// The public calls with a caller's word: arguments, and whom to act as. What happens under the
// record is handover.c's.
#include <shoal/exact.h>

#include "alloc/free_block.h"
#include "alloc/grant.h"
#include "alloc/handover.h"
#include "alloc/misuse.h"
#include "alloc/reservation.h"
#include "alloc/seat.h"
#include "alloc/tag.h"
#include "base/fail.h"

// The offset of a caller's word. returns: false, with the text, iff it cannot be one.
static bool find_word(shoal_heap *heap, const shoal_off *slot, uint64_t *out) {
  if (heap == NULL || slot == NULL) {
    (void)shl_fail(SHOAL_E_ARGUMENT, 0, "`%s` is null.", heap == NULL ? "heap" : "slot");
    return false;
  }
  uint64_t dest = shl_region_offset(heap, slot);
  *out = dest;
  if (dest >= heap->data_begin && shl_record_may_be(heap, dest)) return true;
  (void)shl_fail(SHOAL_E_ARGUMENT, 0,
                 "The slot at %p is no 8-aligned place in the heap's data [%p, %p).",
                 (const void *)slot, (const void *)(heap->view.base + heap->data_begin),
                 (const void *)(heap->view.base + heap->view.capacity));
  return false;
}

static shoal_status read_wish(size_t size, unsigned flags, struct shl_wish *out) {
  if (shl_wish_read(size, flags, out)) return SHOAL_OK;
  return shl_fail(SHOAL_E_ARGUMENT, 0,
                  "Flags %#x: unknown, or an alignment that is no power of two up to 2 MiB.",
                  flags);
}

static shoal_status alloc_to(shoal_heap *heap, uint64_t dest, struct shl_wish *wish) {
  shoal_status status = shl_handle_may_store(heap);
  if (status != SHOAL_OK) return status;
  wish->record = (struct shl_record){.op = SHL_JA_ALLOC_TO, .dest = dest};
  shl_store_release_u64(shl_record_word(heap, dest), 0);
  uint64_t off = 0;
  return shl_grant(heap, wish, &off);
}

shoal_status shoal_alloc_to(shoal_heap *heap, shoal_off *slot, size_t size, unsigned flags) {
  uint64_t dest;
  struct shl_wish wish;
  if (!find_word(heap, slot, &dest)) return SHOAL_E_ARGUMENT;
  shoal_status status = read_wish(size, flags, &wish);
  return status == SHOAL_OK ? alloc_to(heap, dest, &wish) : status;
}

// A block that keeps a tag moves to where blocks keep none: shortened where it stands, its tag
// would be stored over bytes that it has until then.
static bool resize(shoal_heap *heap, uint64_t off, const struct shl_place *place, size_t size) {
  if (place->tagged || !shl_resize(heap, off, size)) return false;
  if (shl_tag_read(heap, off, place) != 0) {
    shl_store_release_u64(shl_tag_word(heap, off, place), 0);
  }
  return true;
}

shoal_status shoal_realloc_to(shoal_heap *heap, shoal_off *slot, size_t size) {
  uint64_t dest;
  struct shl_wish wish = {.bytes = size, .alignment = 16};
  if (!find_word(heap, slot, &dest)) return SHOAL_E_ARGUMENT;
  uint64_t off = shl_load_relaxed_u64(shl_record_word(heap, dest));
  if (off == 0) return alloc_to(heap, dest, &wish);
  shoal_status status = shl_handle_may_store(heap);
  if (status != SHOAL_OK) return status;
  struct shl_place place;
  status = shl_block_allocated(shl_seat_here(heap), off, &place);
  if (status != SHOAL_OK || resize(heap, off, &place, size)) return status;
  shl_handover_mark(heap, &place);
  wish.record = (struct shl_record){.op = SHL_JA_REALLOC_TO, .dest = dest, .block = off};
  return shl_grant(heap, &wish, &off);
}

// A seat that has a journal: the process's spare one where no thread slot is left.
static shoal_status enter(shoal_heap *heap, struct shl_seat *out) {
  shoal_status status = shl_seat_enter_to_free(heap, out);
  if (status == SHOAL_OK && out->slot == NULL) *out = shl_seat_enter_spare(heap);
  return status;
}

shoal_status shoal_free_from(shoal_heap *heap, shoal_off *slot) {
  uint64_t dest;
  if (!find_word(heap, slot, &dest)) return SHOAL_E_ARGUMENT;
  uint64_t off = shl_load_relaxed_u64(shl_record_word(heap, dest));
  struct shl_seat seat;
  shoal_status status = enter(heap, &seat);
  if (status != SHOAL_OK) return status;
  struct shl_place place;
  bool freed = true;
  if (off != 0) status = shl_block_allocated(seat, off, &place);
  if (off != 0 && status == SHOAL_OK) freed = shl_handover_back(seat, dest, off, &place);
  shl_seat_leave(seat);
  return freed ? status : shl_misuse(heap, SHOAL_MISUSE_DOUBLE_FREE, off);
}

// Reservations stand in the calling thread's own slot.
static shoal_status enter_own(shoal_heap *heap, struct shl_seat *out) {
  shoal_status status = shl_seat_enter(heap, out);
  if (status != SHOAL_OK || shl_seat_id(*out) != heap->spare_slot) return status;
  shl_seat_leave(*out);
  return shl_fail(SHOAL_E_LIMIT, 0,
                  "All %u thread slots are in use (max_threads, max_processes): a thread without "
                  "one cannot reserve.",
                  heap->slot_count);
}

static shoal_status reserve(struct shl_seat seat, struct shl_wish *wish, uint64_t *out) {
  unsigned cell = shl_reservation_find(seat.slot, 0);
  if (cell == SHL_NO_RESERVATION) {
    return shl_fail(SHOAL_E_LIMIT, 0, "%d reservations are open in this thread.",
                    SHL_RESERVATIONS);
  }
  wish->record =
      (struct shl_record){.op = SHL_JA_ALLOC_TO, .dest = shl_reservation_dest(seat, cell)};
  return shl_grant_in(seat, wish, out);
}

shoal_status shoal_reserve(shoal_heap *heap, size_t size, unsigned flags, shoal_off *out) {
  if (heap == NULL || out == NULL) {
    return shl_fail(SHOAL_E_ARGUMENT, 0, "`%s` is null.", heap == NULL ? "heap" : "out");
  }
  *out = 0;
  struct shl_wish wish;
  struct shl_seat seat;
  shoal_status status = read_wish(size, flags, &wish);
  if (status == SHOAL_OK) status = enter_own(heap, &seat);
  if (status != SHOAL_OK) return status;
  status = reserve(seat, &wish, out);
  shl_seat_leave(seat);
  return status;
}

// Sits down where the reservation `off` is open.
static shoal_status enter_reserved(shoal_heap *heap, shoal_off off, struct shl_seat *out,
                                   unsigned *cell) {
  shoal_status status = shl_seat_enter_to_free(heap, out);
  if (status != SHOAL_OK) return status;
  bool found = off != 0 && out->slot != NULL;
  *cell = found ? shl_reservation_find(out->slot, off) : SHL_NO_RESERVATION;
  if (*cell != SHL_NO_RESERVATION) return SHOAL_OK;
  shl_seat_leave(*out);
  return shl_fail(SHOAL_E_ARGUMENT, 0, "Offset 0x%llx is no open reservation of this thread.",
                  (unsigned long long)off);
}

// The tag of the block at `off`, where it is this process's; null otherwise.
static shl_a64 *find_own_tag(shoal_heap *heap, shoal_off off) {
  struct shl_place place;
  if (shl_block_at(heap, off, &place) != 0) return NULL;
  if (shl_block_is_free(shl_seat_here(heap), &place)) return NULL;
  bool own = shl_tag_read(heap, off, &place) == shl_tag_here(heap);
  return own ? shl_tag_word(heap, off, &place) : NULL;
}

static shoal_status publish_tagged(shoal_heap *heap, uint64_t dest, shoal_off off, shl_a64 *tag) {
  struct shl_seat seat;
  shoal_status status = enter(heap, &seat);
  if (status != SHOAL_OK) return status;
  shl_handover_untag(seat, dest, off, tag);
  shl_seat_leave(seat);
  return SHOAL_OK;
}

shoal_status shoal_publish(shoal_heap *heap, shoal_off *slot, shoal_off off) {
  uint64_t dest;
  if (!find_word(heap, slot, &dest)) return SHOAL_E_ARGUMENT;
  shl_a64 *tag = find_own_tag(heap, off);
  if (tag != NULL) return publish_tagged(heap, dest, off, tag);
  struct shl_seat seat;
  unsigned cell;
  shoal_status status = enter_reserved(heap, off, &seat, &cell);
  if (status != SHOAL_OK) return status;
  shl_handover_publish(seat, dest, off, &seat.slot->reservations[cell]);
  shl_seat_leave(seat);
  return SHOAL_OK;
}

shoal_status shoal_cancel(shoal_heap *heap, shoal_off off) {
  if (heap == NULL) return shl_fail(SHOAL_E_ARGUMENT, 0, "`heap` is null.");
  struct shl_seat seat;
  unsigned cell;
  shoal_status status = enter_reserved(heap, off, &seat, &cell);
  if (status != SHOAL_OK) return status;
  shl_reservation_cancel(seat, cell);
  shl_seat_leave(seat);
  return SHOAL_OK;
}
