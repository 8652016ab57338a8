// SPDX-License-Identifier: MIT
// Thread slots: taken, given back whole, taken over.
//
//   FREE -> OWNED(process) <-> ORPHAN        OWNED(dead) -> OWNED(recoverer) -> ORPHAN
//
// Every change of an owner word is a compare and swap with generation + 1, so that of several who
// want a slot one gets it. A slot given back keeps its hands, slabs and lists: the next owner, of
// whatever process, goes on with them.
//
// Invariants
//   I1  J and JA of a slot that is not OWNED are 0.
//   I2  `thread` is 0 from before an owner word becomes OWNED until its owner has stored its own id:
//       a process judges its own slots by it, and 0 is never dead. Late zeros only delay.
//   I3  A slot's page and owner row are backed before slot_high_water covers it.
// A crash leaves the slot FREE, ORPHAN or OWNED by a dead process: the last is recovered.
//
// A heap's slots of the calling thread are found by the heap's index in a thread-local array: one
// load. Closing a heap clears its entry in all threads, which is why they are on a list; an exiting
// thread leaves the list, and what it allocates after that comes from the process's spare slot.
#include "alloc/slot.h"

#include "alloc/orphan.h"
#include "alloc/recover.h"
#include "base/align.h"
#include "base/fail.h"
#include "mapping/os.h"

_Thread_local struct shl_slot_rec *shl_thread_slots[SHL_HEAPS_MAX];

// Private to the process, one a thread that has or had a slot.
struct thread_node {
  struct thread_node *prev;
  struct thread_node *next;
  struct shl_slot_rec **slots;
  bool listed;
  bool ended;  // its exit hook has run
};

static _Thread_local struct thread_node this_thread;
static struct thread_node *threads;
static shoal_heap *heaps[SHL_HEAPS_MAX];
static shl_a32 lists_lock;  // of threads and heaps
static shl_a32 hooks_set;

static struct shl_seat seat_of(shoal_heap *heap, uint32_t id) {
  return (struct shl_seat){.heap = heap, .slot = shl_slot_page(heap, id), .id = id};
}

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

static void let_go(struct shl_seat seat) {
  struct shl_owner_rec *row = shl_owner_row(seat.heap, seat.id);
  shl_store_release_u64(&row->thread, 0);
  (void)change_owner(seat.heap, seat.id, shl_load_acquire_u64(&row->word), SHL_OWNER_ORPHAN);
}

static void sign(struct shl_seat seat) {
  struct shl_owner_rec *row = shl_owner_row(seat.heap, seat.id);
  uint64_t thread = shl_os_thread_id();
  shl_store_release_u64(&row->thread_start, shl_os_thread_start(thread));
  shl_store_release_u64(&row->thread, thread);
}

bool shl_owner_is_dead(const shoal_heap *heap, uint32_t id, struct shl_owner_word word) {
  if (word.state != SHL_OWNER_OWNED) return false;
  const struct shl_region *region = heap->region;
  bool ours = word.process == region->process &&
              word.process_generation == region->process_generation;
  if (!ours) return region->is_dead(region, word.process, word.process_generation);
  const struct shl_owner_rec *row = shl_owner_row(heap, id);
  uint64_t start = shl_load_acquire_u64(&row->thread_start);
  uint64_t thread = shl_load_acquire_u64(&row->thread);
  if (thread == 0 || !shl_os_thread_is_gone(thread, start)) return false;
  return shl_load_acquire_u64(&row->thread) == thread &&
         shl_load_acquire_u64(&row->word) == shl_owner_encode(word);
}

static uint32_t high_water(const shoal_heap *heap) {
  uint64_t high = shl_load_acquire_u64(&heap->words->slot_high_water);
  return high < heap->slot_count ? (uint32_t)high : heap->slot_count;
}

static bool take_if(shoal_heap *heap, uint32_t id, unsigned state) {
  uint64_t word = shl_load_acquire_u64(&shl_owner_row(heap, id)->word);
  if (shl_owner_decode(word).state != state) return false;
  return change_owner(heap, id, word, SHL_OWNER_OWNED);
}

bool shl_orphan_enter(shoal_heap *heap, uint32_t id, struct shl_seat *out) {
  if (!take_if(heap, id, SHL_OWNER_ORPHAN)) return false;
  *out = seat_of(heap, id);
  return true;
}

void shl_orphan_leave(struct shl_seat seat) {
  let_go(seat);
}

bool shl_slot_recover(shoal_heap *heap, uint32_t id) {
  struct shl_owner_rec *row = shl_owner_row(heap, id);
  uint64_t before = shl_load_acquire_u64(&row->word);
  if (!shl_owner_is_dead(heap, id, shl_owner_decode(before))) return false;
  if (!change_owner(heap, id, before, SHL_OWNER_OWNED)) return false;
  struct shl_seat seat = seat_of(heap, id);
  shl_recover(seat);
  let_go(seat);
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
  for (uint32_t high = high_water(heap); high < heap->slot_count; high = high_water(heap)) {
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
  uint32_t high = high_water(heap);
  for (uint32_t id = 1; id <= high; id++) {
    if (!take_if(heap, id, state)) continue;
    *out = id;
    return true;
  }
  return false;
}

static bool take_dead(shoal_heap *heap, uint32_t *out) {
  uint32_t high = high_water(heap);
  for (uint32_t id = 1; id <= high; id++) {
    if (!shl_slot_recover(heap, id) || !take_if(heap, id, SHL_OWNER_ORPHAN)) continue;
    *out = id;
    return true;
  }
  return false;
}

static shoal_status take_slot(shoal_heap *heap, struct shl_seat *out) {
  uint32_t id = 0;
  shoal_status status = SHOAL_OK;
  bool taken = take_used(heap, SHL_OWNER_ORPHAN, &id) || take_used(heap, SHL_OWNER_FREE, &id);
  if (!taken) status = take_new(heap, &id);
  if (status == SHOAL_E_LIMIT && take_dead(heap, &id)) status = SHOAL_OK;
  if (status == SHOAL_OK) *out = seat_of(heap, id);
  return status;
}

static void leave_list(void) {
  if (!this_thread.listed) return;
  if (this_thread.prev != NULL) this_thread.prev->next = this_thread.next;
  if (this_thread.prev == NULL) threads = this_thread.next;
  if (this_thread.next != NULL) this_thread.next->prev = this_thread.prev;
  this_thread.listed = false;
}

static void join_list(void) {
  if (this_thread.listed) return;
  this_thread = (struct thread_node){.next = threads, .slots = shl_thread_slots, .listed = true};
  if (threads != NULL) threads->prev = &this_thread;
  threads = &this_thread;
}

static void end_thread(void) {
  this_thread.ended = true;
  shl_os_lock(&lists_lock);
  leave_list();
  for (unsigned i = 0; i < SHL_HEAPS_MAX; i++) {
    struct shl_slot_rec *slot = shl_thread_slots[i];
    shl_thread_slots[i] = NULL;
    if (slot != NULL && heaps[i] != NULL) let_go(seat_of(heaps[i], shl_slot_id(heaps[i], slot)));
  }
  shl_os_unlock(&lists_lock);
}

// In a forked child only this thread is left. A PRIVATE heap is its copy, whose other threads' slots
// are dead since their threads are; any other heap is the parent's, and so are the slots in it.
static void enter_child(void) {
  shl_store_relaxed_u32(&lists_lock, 0);
  threads = NULL;
  this_thread.listed = false;
  for (unsigned i = 0; i < SHL_HEAPS_MAX; i++) {
    shoal_heap *heap = heaps[i];
    if (heap == NULL) continue;
    shl_store_relaxed_u32(&heap->spare_lock, 0);
    heap->inherited = heap->region->kind != SHOAL_KIND_PRIVATE;
    if (heap->inherited) shl_thread_slots[i] = NULL;
    struct shl_slot_rec *slot = shl_thread_slots[i];
    if (slot != NULL) sign(seat_of(heap, shl_slot_id(heap, slot)));
  }
  join_list();
}

static void set_hooks(void) {
  if (shl_exchange_acquire_u32(&hooks_set, 1) != 0) return;
  shl_os_on_thread_exit(end_thread);
  shl_os_on_fork_child(enter_child);
}

static struct shl_seat enter_spare(shoal_heap *heap) {
  shl_os_lock(&heap->spare_lock);
  struct shl_seat seat = seat_of(heap, heap->spare_slot);
  if (shl_load_relaxed_u64(&seat.slot->journal) != 0) shl_recover(seat);
  return seat;
}

static shoal_status take_here(shoal_heap *heap, struct shl_seat *out) {
  shoal_status status = take_slot(heap, out);
  if (status != SHOAL_OK) return status;
  sign(*out);
  shl_os_lock(&lists_lock);
  join_list();
  shl_thread_slots[heap->index] = out->slot;
  shl_os_unlock(&lists_lock);
  shl_os_thread_watch();
  return SHOAL_OK;
}

shoal_status shl_seat_enter(shoal_heap *heap, struct shl_seat *out) {
  if (heap->read_only) return shl_fail(SHOAL_E_READ_ONLY, 0, "The heap was opened READ_ONLY.");
  if (heap->inherited) {
    return shl_fail(SHOAL_E_STALE, 0, "This process was forked: it must open the heap itself.");
  }
  struct shl_slot_rec *slot = shl_thread_slots[heap->index];
  if (slot != NULL) {
    *out = seat_of(heap, shl_slot_id(heap, slot));
    if (shl_load_relaxed_u64(&slot->journal) != 0) shl_recover(*out);
    return SHOAL_OK;
  }
  shoal_status status = this_thread.ended ? SHOAL_E_LIMIT : take_here(heap, out);
  if (status != SHOAL_E_LIMIT) return status;
  *out = enter_spare(heap);
  return SHOAL_OK;
}

void shl_seat_leave(struct shl_seat seat) {
  if (seat.id == seat.heap->spare_slot) shl_os_unlock(&seat.heap->spare_lock);
}

void shl_spare_drain(shoal_heap *heap, struct shl_seat seat) {
  if (seat.id == heap->spare_slot) return;
  struct shl_seat spare = enter_spare(heap);
  shl_seat_drain(spare);
  shl_seat_leave(spare);
}

void shl_seat_return(shoal_heap *heap) {
  struct shl_slot_rec *slot = shl_thread_slots[heap->index];
  shl_thread_slots[heap->index] = NULL;
  if (slot != NULL) let_go(seat_of(heap, shl_slot_id(heap, slot)));
}

static bool find_index(shoal_heap *heap) {
  for (unsigned i = 0; i < SHL_HEAPS_MAX; i++) {
    if (heaps[i] != NULL) continue;
    heaps[i] = heap;
    heap->index = i;
    return true;
  }
  return false;
}

shoal_status shl_slots_open(shoal_heap *heap) {
  set_hooks();
  shl_os_lock(&lists_lock);
  bool found = find_index(heap);
  shl_os_unlock(&lists_lock);
  if (!found) return shl_fail(SHOAL_E_LIMIT, 0, "%d heaps are open in this process.", SHL_HEAPS_MAX);
  if (heap->read_only) return SHOAL_OK;
  struct shl_seat spare;
  shoal_status status = take_slot(heap, &spare);
  if (status == SHOAL_OK) heap->spare_slot = spare.id;
  if (status != SHOAL_OK) shl_slots_close(heap);
  return status;
}

static void return_owned(shoal_heap *heap) {
  uint32_t high = high_water(heap);
  for (uint32_t id = 1; id <= high; id++) {
    uint64_t before = shl_load_acquire_u64(&shl_owner_row(heap, id)->word);
    struct shl_owner_word word = shl_owner_decode(before);
    bool ours = word.state == SHL_OWNER_OWNED && word.process == heap->region->process &&
                word.process_generation == heap->region->process_generation;
    if (!ours) continue;
    struct shl_seat seat = seat_of(heap, id);
    if (shl_load_relaxed_u64(&seat.slot->journal) != 0) shl_recover(seat);
    let_go(seat);
  }
}

void shl_slots_close(shoal_heap *heap) {
  shl_os_lock(&lists_lock);
  for (struct thread_node *node = threads; node != NULL; node = node->next) {
    node->slots[heap->index] = NULL;
  }
  heaps[heap->index] = NULL;
  shl_os_unlock(&lists_lock);
  if (!heap->read_only && !heap->inherited) return_owned(heap);
}
