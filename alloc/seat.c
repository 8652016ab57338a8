// SPDX-License-Identifier: MIT
// Who sits where: thread slots of this process's threads, private to the process but for the slots
// themselves.
//
// A heap's slot of the calling thread is found by the heap's index in a thread-local array: one
// load. Closing a heap clears its entry in all threads, which is why they are on a list; an exiting
// thread gives its slots back and leaves the list, and what it allocates after that comes from the
// process's spare slot. A thread that ends by the bare system call does not leave it: its node
// outlives the array that it leads to, and is dropped by the next close.
//
// In a debug build a thread that enters a seat while it is in one aborts: that is a call out of a
// signal handler (or a misuse handler) into the middle of another, which can hand out blocks twice.
// A crash leaves slots owned by a dead process: others recover them.
#include "alloc/seat.h"

#include <stdlib.h>

#include "alloc/orphan.h"
#include "alloc/reap.h"
#include "alloc/recover.h"
#include "base/fail.h"
#include "base/panic.h"
#include "mapping/os.h"

enum { FULL_NS = 10000000 };  // a full table of slots is not asked again for so long

// Nobody's number is no slot's, not even 0, so that a free need not ask for the slot as well.
#define SHL_NOWHERE {.slot = NULL, .id = UINT64_MAX}
#define SHL_NOWHERE_8                                                                        \
  SHL_NOWHERE, SHL_NOWHERE, SHL_NOWHERE, SHL_NOWHERE, SHL_NOWHERE, SHL_NOWHERE, SHL_NOWHERE, \
      SHL_NOWHERE

_Static_assert(SHL_HEAPS_MAX == 32, "as many as are written out");
_Thread_local struct shl_thread_seat shl_thread_seats[SHL_HEAPS_MAX] = {
    SHL_NOWHERE_8, SHL_NOWHERE_8, SHL_NOWHERE_8, SHL_NOWHERE_8};

// Private to the process, one a thread that has or had a slot. Not in the thread's own memory.
struct thread_node {
  struct thread_node *prev;
  struct thread_node *next;
  struct shl_thread_seat *seats;  // the thread's, which are gone when it is
  uint64_t thread;
  uint64_t thread_start;
};

// Of the thread itself.
struct thread_state {
  struct thread_node *node;  // null: not on the list
  uint64_t freers;  // bit i: the slot in heap i is an empty one, taken to free
  bool ended;       // its exit hook has run
  bool seated;      // it is inside a call, in a debug build
};

_Static_assert(SHL_HEAPS_MAX <= 64, "a bit of a word for each heap");

static const struct shl_thread_seat nowhere = SHL_NOWHERE;

static _Thread_local struct thread_state this_thread;
static struct thread_node *threads;
static shoal_heap *heaps[SHL_HEAPS_MAX];
static shl_a32 lists_lock;  // of threads and heaps
static shl_a32 hooks_set;

static void drop_node(struct thread_node *node) {
  if (node->prev != NULL) node->prev->next = node->next;
  if (node->prev == NULL) threads = node->next;
  if (node->next != NULL) node->next->prev = node->prev;
  free(node);
}

static void leave_list(void) {
  if (this_thread.node != NULL) drop_node(this_thread.node);
  this_thread.node = NULL;
}

// Puts the node first on the list.
static void list_node(struct thread_node *node) {
  node->thread = shl_os_thread_id();
  node->thread_start = shl_os_thread_start(node->thread);
  node->seats = shl_thread_seats;
  node->prev = NULL;
  node->next = threads;
  if (threads != NULL) threads->prev = node;
  threads = node;
  this_thread.node = node;
}

// returns: false iff the process has no memory.
static bool join_list(void) {
  if (this_thread.node != NULL) return true;
  struct thread_node *node = calloc(1, sizeof *node);
  if (node == NULL) return false;
  shl_os_lock(&lists_lock);
  list_node(node);
  shl_os_unlock(&lists_lock);
  return true;
}

static void end_thread(void) {
  this_thread.ended = true;
  shl_os_lock(&lists_lock);
  leave_list();
  for (unsigned i = 0; i < SHL_HEAPS_MAX; i++) {
    struct shl_slot_rec *slot = shl_thread_seats[i].slot;
    shl_thread_seats[i] = nowhere;
    if (slot == NULL || heaps[i] == NULL) continue;
    shl_slot_let_go(shl_seat_of(heaps[i], shl_slot_id(heaps[i], slot)));
  }
  shl_os_unlock(&lists_lock);
}

// Slots that another thread of the parent was taking or acting as have no thread noted: they would
// never count as dead.
static void disown_nameless(shoal_heap *heap) {
  uint32_t high = shl_slot_high_water(heap);
  for (uint32_t id = 1; id <= high; id++) {
    bool nameless = shl_load_relaxed_u64(&shl_owner_row(heap, id)->thread) == 0;
    if (!nameless || id == heap->spare_slot || !shl_slot_is_ours(heap, id)) continue;
    shl_slot_disown(shl_seat_of(heap, id));
  }
}

// In a forked child only this thread is left. A PRIVATE heap is its copy, whose other threads'
// slots are dead since their threads are; any other heap is the parent's, and so are the slots in
// it.
static void enter_child(void) {
  threads = NULL;
  for (unsigned i = 0; i < SHL_HEAPS_MAX; i++) {
    shoal_heap *heap = heaps[i];
    if (heap == NULL || heap->read_only) continue;
    heap->inherited = heap->region->kind != SHOAL_KIND_PRIVATE;
    if (heap->inherited) shl_thread_seats[i] = nowhere;
    struct shl_slot_rec *slot = shl_thread_seats[i].slot;
    if (slot != NULL) shl_slot_sign(shl_seat_of(heap, shl_slot_id(heap, slot)));
    if (!heap->inherited) disown_nameless(heap);
  }
  if (this_thread.node != NULL) list_node(this_thread.node);
}

static void set_hooks(void) {
  if (shl_exchange_acquire_u32(&hooks_set, 1) != 0) return;
  shl_os_on_thread_exit(end_thread);
  shl_os_on_fork_child(enter_child);
}

static void sit_down(void) {
  if (!SHL_DEBUG) return;
  if (this_thread.seated) {
    shl_panic(__FILE__, __LINE__,
              "a call on a heap inside another of the same thread: out of a signal handler?");
  }
  this_thread.seated = true;
}

static void settle(struct shl_seat seat) {
  if (!shl_recover_is_done(seat.slot)) shl_recover(seat);
}

struct shl_seat shl_seat_enter_spare(shoal_heap *heap) {
  shl_os_lock(&heap->spare_lock);
  struct shl_seat seat = shl_seat_of(heap, heap->spare_slot);
  settle(seat);
  return seat;
}

// A slot out of the table; of the dead, where it is full.
static shoal_status take(shoal_heap *heap, enum shl_slot_order order, struct shl_seat *out) {
  shoal_status status = shl_slot_take(heap, order, out);
  if (status != SHOAL_E_LIMIT) return status;
  shl_reap(heap);
  return shl_slot_take(heap, order, out);
}

shoal_status shl_seat_borrow(shoal_heap *heap, struct shl_seat *out) {
  shoal_status status = take(heap, SHL_SLOT_FREE_FIRST, out);
  if (status == SHOAL_OK) shl_slot_sign(*out);
  return status;
}

static void sit_in(struct shl_seat seat, enum shl_slot_order order) {
  uint64_t bit = UINT64_C(1) << seat.heap->index;
  shl_slot_sign(seat);
  shl_os_lock(&lists_lock);
  shl_thread_seats[seat.heap->index] =
      (struct shl_thread_seat){.slot = seat.slot, .id = shl_seat_id(seat)};
  shl_os_unlock(&lists_lock);
  this_thread.freers &= ~bit;
  if (order == SHL_SLOT_FREE_FIRST) this_thread.freers |= bit;
}

// Takes a slot for the calling thread; none where no exit hook or node can be had, since nobody
// would clear its array, or give its slot back. Who takes one looks for the dead.
// returns: whether it got one.
static bool take_here(shoal_heap *heap, enum shl_slot_order order, struct shl_seat *out) {
  uint64_t full = shl_load_relaxed_u64(&heap->table_full_ns);
  bool hopeless = full != 0 && shl_os_now_ns() - full < FULL_NS;
  if (this_thread.ended || hopeless || !shl_os_thread_watch() || !join_list()) return false;
  bool taken = take(heap, order, out) == SHOAL_OK;
  shl_store_relaxed_u64(&heap->table_full_ns, taken ? 0 : shl_os_now_ns());
  if (!taken) return false;
  sit_in(*out, order);
  shl_orphan_notice_next(heap);
  return true;
}

// A thread whose first call was a free has an empty slot. Before it makes slabs of its own it
// changes to an orphan where there is one: or each thread of that kind would leave one orphan more.
static void prefer_orphan(struct shl_seat *seat) {
  uint64_t bit = UINT64_C(1) << seat->heap->index;
  if ((this_thread.freers & bit) == 0) return;
  this_thread.freers &= ~bit;
  struct shl_seat orphan;
  if (!shl_slot_take_any_orphan(seat->heap, &orphan)) return;
  sit_in(orphan, SHL_SLOT_ORPHAN_FIRST);
  shl_slot_let_go(*seat);
  *seat = orphan;
}

// Sits down in the calling thread's slot, where it has one: out->slot is null otherwise.
static shoal_status enter_own(shoal_heap *heap, struct shl_seat *out) {
  shoal_status status = shl_handle_may_store(heap);
  if (status != SHOAL_OK) return status;
  sit_down();
  *out = shl_seat_here(heap);
  if (out->slot != NULL) settle(*out);
  return SHOAL_OK;
}

shoal_status shl_seat_enter(shoal_heap *heap, struct shl_seat *out) {
  shoal_status status = enter_own(heap, out);
  if (status != SHOAL_OK) return status;
  if (out->slot != NULL) {
    prefer_orphan(out);
  } else if (!take_here(heap, SHL_SLOT_ORPHAN_FIRST, out)) {
    *out = shl_seat_enter_spare(heap);
  }
  return SHOAL_OK;
}

shoal_status shl_seat_enter_to_free(shoal_heap *heap, struct shl_seat *out) {
  shoal_status status = enter_own(heap, out);
  if (status != SHOAL_OK || out->slot != NULL) return status;
  struct shl_seat taken;
  if (take_here(heap, SHL_SLOT_FREE_FIRST, &taken)) *out = taken;
  return SHOAL_OK;
}

void shl_seat_leave(struct shl_seat seat) {
  if (SHL_DEBUG) this_thread.seated = false;
  uint32_t id = shl_seat_id(seat);
  if (id != 0 && id == seat.heap->spare_slot) shl_os_unlock(&seat.heap->spare_lock);
}

void shl_seat_return(shoal_heap *heap) {
  struct shl_seat seat = shl_seat_here(heap);
  shl_thread_seats[heap->index] = nowhere;
  if (seat.slot != NULL) shl_slot_let_go(seat);
}

static bool find_index(shoal_heap *heap) {
  for (unsigned i = 0; i < SHL_HEAPS_MAX; i++) {
    if (heaps[i] != NULL) continue;
    heaps[i] = heap;
    heap->index = i;
    heap->seat_bytes = i * sizeof(struct shl_thread_seat);
    return true;
  }
  return false;
}

shoal_status shl_seats_open(shoal_heap *heap) {
  set_hooks();
  shl_os_lock(&lists_lock);
  bool found = find_index(heap);
  shl_os_unlock(&lists_lock);
  if (!found) {
    return shl_fail(SHOAL_E_LIMIT, 0, "%d heaps are open in this process.", SHL_HEAPS_MAX);
  }
  if (heap->read_only) return SHOAL_OK;
  struct shl_seat spare;
  shoal_status status = take(heap, SHL_SLOT_FREE_FIRST, &spare);
  if (status == SHOAL_OK) heap->spare_slot = shl_seat_id(spare);
  if (status != SHOAL_OK) shl_seats_close(heap);
  return status;
}

static void return_owned(shoal_heap *heap) {
  uint32_t high = shl_slot_high_water(heap);
  for (uint32_t id = 1; id <= high; id++) {
    if (shl_slot_is_ours(heap, id)) shl_slot_let_go(shl_seat_of(heap, id));
  }
}

void shl_seats_close(shoal_heap *heap) {
  shl_os_lock(&lists_lock);
  for (struct thread_node *node = threads, *next; node != NULL; node = next) {
    next = node->next;
    bool here = node == this_thread.node;
    bool gone = !here && shl_os_thread_is_gone(node->thread, node->thread_start);
    if (gone) drop_node(node);
    if (!gone) node->seats[heap->index] = nowhere;
  }
  heaps[heap->index] = NULL;
  shl_os_unlock(&lists_lock);
  if (!heap->read_only && !heap->inherited) return_owned(heap);
}
