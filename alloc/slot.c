// SPDX-License-Identifier: MIT
// Owner words of thread slots: taken, given back whole, taken over.
//
//   FREE <-> OWNED(process) <-> ORPHAN        OWNED(dead) -> OWNED(recoverer) -> ORPHAN or FREE
//
// Every change of an owner word is a compare and swap with generation + 1, so that of several who
// want a slot one gets it. A slot given back keeps its hands, slabs and lists: the next owner, of
// whatever process, goes on with them.
//
// Invariants
//   I1  J, JA and the reservations of a slot that is not OWNED are 0.
//   I2  `thread` is 0 from before an owner word becomes OWNED until its owner has stored its own
//       id: a process judges its own slots by it, and 0 is never dead. Late zeros only delay.
//       `thread_start` is stored before `thread`, and read after it.
//   I3  A slot's page and owner row are backed before slot_high_water covers it.
//   I4  A slot that has never found a place for a run owns no slab: its cursor is 0. Given back it
//       is FREE, any other ORPHAN.
// A crash leaves the slot FREE, ORPHAN or OWNED by a dead process: the last is recovered.
#include "alloc/slot.h"

#include "alloc/recover.h"
#include "alloc/reservation.h"
#include "base/align.h"
#include "base/fail.h"
#include "mapping/os.h"

static bool change_owner(const shoal_heap *heap, uint32_t id, uint64_t before, unsigned state) {
  struct shl_owner_word word = shl_owner_decode(before);
  bool owned = state == SHL_OWNER_OWNED;
  word.state = state;
  word.process = owned ? heap->region->process : 0;
  word.process_generation = owned ? heap->region->process_generation : 0;
  word.generation++;
  struct shl_owner_rec *row = shl_owner_row(heap, id);
  if (owned) shl_store_release_u64(&row->thread, 0);
  return shl_cas_seq_cst_u64(&row->word, before, shl_owner_encode(word));
}

void shl_slot_let_go(struct shl_seat seat) {
  if (!shl_recover_is_done(seat.slot)) shl_recover(seat);
  shl_reservation_cancel_all(seat);
  uint32_t id = shl_slot_id(seat.heap, seat.slot);
  struct shl_owner_rec *row = shl_owner_row(seat.heap, id);
  bool empty = shl_load_relaxed_u32(&seat.slot->cursor) == 0;
  shl_store_release_u64(&row->thread, 0);
  (void)change_owner(seat.heap, id, shl_load_acquire_u64(&row->word),
                     empty ? SHL_OWNER_FREE : SHL_OWNER_ORPHAN);
}

void shl_slot_sign(struct shl_seat seat) {
  struct shl_owner_rec *row = shl_owner_row(seat.heap, shl_seat_id(seat));
  uint64_t thread = shl_os_thread_id();
  shl_store_release_u64(&row->thread_start, shl_os_thread_start(thread));
  shl_store_release_u64(&row->thread, thread);
}

void shl_slot_disown(struct shl_seat seat) {
  struct shl_owner_rec *row = shl_owner_row(seat.heap, shl_seat_id(seat));
  uint64_t thread = shl_os_thread_id();
  // A thread of this id that started at another time is none that lives.
  shl_store_release_u64(&row->thread_start, shl_os_thread_start(thread) + 1);
  shl_store_release_u64(&row->thread, thread);
}

static bool is_ours(const shoal_heap *heap, struct shl_owner_word word) {
  const struct shl_region *region = heap->region;
  return word.state == SHL_OWNER_OWNED && word.process == region->process &&
         word.process_generation == region->process_generation;
}

bool shl_slot_is_ours(const shoal_heap *heap, uint32_t id) {
  return is_ours(heap, shl_owner_read(heap, id));
}

bool shl_owner_is_dead(const shoal_heap *heap, uint32_t id, struct shl_owner_word word) {
  if (word.state != SHL_OWNER_OWNED) return false;
  const struct shl_region *region = heap->region;
  if (!is_ours(heap, word)) return region->is_dead(region, word.process, word.process_generation);
  const struct shl_owner_rec *row = shl_owner_row(heap, id);
  uint64_t thread = shl_load_acquire_u64(&row->thread);  // pairs with shl_slot_sign
  uint64_t start = shl_load_acquire_u64(&row->thread_start);
  if (thread == 0 || !shl_os_thread_is_gone(thread, start)) return false;
  return shl_load_acquire_u64(&row->thread) == thread &&
         shl_load_acquire_u64(&row->word) == shl_owner_encode(word);
}

static bool take_if(shoal_heap *heap, uint32_t id, unsigned state) {
  uint64_t word = shl_load_acquire_u64(&shl_owner_row(heap, id)->word);
  if (shl_owner_decode(word).state != state) return false;
  return change_owner(heap, id, word, SHL_OWNER_OWNED);
}

bool shl_slot_take_orphan(shoal_heap *heap, uint32_t id, struct shl_seat *out) {
  if (!take_if(heap, id, SHL_OWNER_ORPHAN)) return false;
  *out = shl_seat_of(heap, id);
  return true;
}

// Counts the death of a thread: of the slot's own, or of one that may have allocated from it.
static void count_death(shoal_heap *heap, uint32_t id, uint64_t thread) {
  bool unused = shl_load_relaxed_u32(&shl_slot_page(heap, id)->cursor) == 0;
  if (thread != 0 || !unused) (void)shl_add_relaxed_u64(&heap->words->deaths, 1);
}

bool shl_slot_recover(shoal_heap *heap, uint32_t id) {
  struct shl_owner_rec *row = shl_owner_row(heap, id);
  uint64_t thread = shl_load_acquire_u64(&row->thread);
  uint64_t before = shl_load_acquire_u64(&row->word);
  if (!shl_owner_is_dead(heap, id, shl_owner_decode(before))) return false;
  if (!change_owner(heap, id, before, SHL_OWNER_OWNED)) return false;
  count_death(heap, id, thread);
  shl_slot_let_go(shl_seat_of(heap, id));
  return true;
}

static shoal_status back_rows(shoal_heap *heap, uint32_t id) {
  uint64_t owner = shl_region_offset(heap, shl_owner_row(heap, id));
  uint64_t begin = shl_align_down(owner, SHL_PAGE_BYTES);
  uint64_t end = shl_align_up(owner + sizeof(struct shl_owner_rec), SHL_PAGE_BYTES);
  shoal_status status = shl_region_commit(heap->region, begin, end - begin);
  if (status != SHOAL_OK) return status;
  uint64_t page = shl_region_offset(heap, shl_slot_page(heap, id));
  return shl_region_commit(heap->region, page, sizeof(struct shl_slot_rec));
}

// Takes a slot above the high-water mark.
static shoal_status take_new(shoal_heap *heap, uint32_t *out) {
  uint32_t high = shl_slot_high_water(heap);
  for (; high < heap->slot_count; high = shl_slot_high_water(heap)) {
    uint32_t id = high + 1;
    shoal_status status = back_rows(heap, id);
    if (status != SHOAL_OK) return status;
    (void)shl_cas_seq_cst_u64(&heap->words->slot_high_water, high, id);
    if (take_if(heap, id, SHL_OWNER_FREE)) {
      *out = id;
      return SHOAL_OK;
    }
  }
  return shl_fail(SHOAL_E_LIMIT, 0, "All %u thread slots are in use (max_threads, max_processes).",
                  heap->slot_count);
}

static bool take_used(shoal_heap *heap, unsigned state, uint32_t *out) {
  uint32_t high = shl_slot_high_water(heap);
  for (uint32_t id = 1; id <= high; id++) {
    if (!take_if(heap, id, state)) continue;
    *out = id;
    return true;
  }
  return false;
}

bool shl_slot_take_any_orphan(shoal_heap *heap, struct shl_seat *out) {
  uint32_t id = 0;
  if (!take_used(heap, SHL_OWNER_ORPHAN, &id)) return false;
  *out = shl_seat_of(heap, id);
  return true;
}

shoal_status shl_slot_take(shoal_heap *heap, enum shl_slot_order order, struct shl_seat *out) {
  uint32_t id = 0;
  bool orphan_first = order == SHL_SLOT_ORPHAN_FIRST;
  shoal_status status = SHOAL_OK;
  bool taken = orphan_first && take_used(heap, SHL_OWNER_ORPHAN, &id);
  taken = taken || take_used(heap, SHL_OWNER_FREE, &id);
  if (!taken) status = take_new(heap, &id);
  if (status != SHOAL_OK && take_used(heap, SHL_OWNER_ORPHAN, &id)) status = SHOAL_OK;
  if (status == SHOAL_OK) *out = shl_seat_of(heap, id);
  return status;
}
