// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_HANDLE_H
#define SHL_ALLOC_HANDLE_H

#include <shoal/heap.h>

#include "alloc/layout.h"
#include "mapping/region.h"

// The process's handle of a heap, and the one place that turns a number (slot, chunk, unit) into
// the address of its row. Rows of chunks and units are found by the number itself: the areas'
// addresses kept here are those that row 0 would have had, had the metadata chunks rows too.

// SHL_HEAPS_MAX: open in a process at once. Each takes 16 bytes of every thread's static storage,
// of which a library loaded late finds little left.
enum { SHL_HEAPS_MAX = 32, SHL_CHUNK_SHIFT = 21, SHL_UNIT_SHIFT = 16, SHL_PAGE_SHIFT = 12 };

// Private to the process. Constant while open, but for the words marked.
struct shoal_heap {
  struct shoal_heap_view view;
  unsigned index;           // of this heap among those open in the process, below SHL_HEAPS_MAX
  uintptr_t seat_bytes;     // the same, as an offset in shl_thread_seats
  bool read_only;
  uint32_t first_chunk;     // first data chunk
  uint32_t chunk_end;       // data chunks are [first_chunk, chunk_end)
  uint64_t data_begin;      // offset of the first data chunk
  shl_a64 known_bytes;      // data [data_begin, data_begin + this) was below high water: its rows
                            // may be read; grows
  uint32_t slot_count;      // slots are [1, slot_count]
  uint32_t root_count;
  uint32_t pin_count;
  uint64_t limit_bytes;     // 0: none
  struct shl_region *region;
  uintptr_t owners;         // row of slot 0, had it one
  uintptr_t slots;
  uintptr_t chunks;         // row of chunk 0, had it one
  uintptr_t descs;          // of unit 0, had it one
  uintptr_t room;
  uintptr_t hot;            // row of unit 0, had it one
  uintptr_t remote;
  uintptr_t runs;           // row of chunk 0, had it one
  struct shl_heap_rec *words;
  struct shl_root_rec *roots;
  struct shl_root_name_rec *root_names;
  struct shl_pin_rec *pins;
  shl_a32 spare_lock;       // of the process's spare slot, for threads without one
  uint32_t spare_slot;      // 0: none (READ_ONLY)
  uint32_t opener;          // the process that opened it
  bool inherited;           // in a forked child that has not opened this heap again
  shl_a32 notice_cursor;    // slot whose owner this process asks about next, if it is another's
  shl_a32 own_cursor;       // the same, if it is this process's own
  shl_a32 notice_turn;      // counts the looks for the dead in passing
  shl_a32 tend_cursor;      // slot that it looks at next for an orphan to tend
  shl_a64 table_full_ns;    // when this process last found every thread slot in use
  shl_a64 last_decay_ns;    // when this process last looked for chunks to give back
  shoal_misuse_handler *on_misuse;
  void *on_misuse_context;
};

// Whom a piece of code acts as: a thread slot, null for none. By value, private to the thread: two
// words, which travel in registers.
struct shl_seat {
  shoal_heap *heap;
  struct shl_slot_rec *slot;
};

static inline struct shl_owner_rec *shl_owner_row(const shoal_heap *heap, uint32_t slot) {
  return (struct shl_owner_rec *)(heap->owners + (uintptr_t)slot * sizeof(struct shl_owner_rec));
}

static inline struct shl_slot_rec *shl_slot_page(const shoal_heap *heap, uint32_t slot) {
  return (struct shl_slot_rec *)(heap->slots + (uintptr_t)slot * sizeof(struct shl_slot_rec));
}

static inline uint32_t shl_slot_id(const shoal_heap *heap, const struct shl_slot_rec *slot) {
  return (uint32_t)(((uintptr_t)slot - heap->slots) / sizeof(struct shl_slot_rec));
}

// The number of the slot; 0 where there is none.
static inline uint32_t shl_seat_id(struct shl_seat seat) {
  return seat.slot == NULL ? 0 : shl_slot_id(seat.heap, seat.slot);
}

static inline struct shl_chunk_rec *shl_chunk_row(const shoal_heap *heap, uint32_t chunk) {
  return (struct shl_chunk_rec *)(heap->chunks + (uintptr_t)chunk * sizeof(struct shl_chunk_rec));
}

static inline shl_a16 *shl_room(const shoal_heap *heap, uint32_t chunk) {
  return (shl_a16 *)(heap->room + (uintptr_t)chunk * sizeof(shl_a16));
}

static inline struct shl_hot_rec *shl_hot_row(const shoal_heap *heap, uint32_t unit) {
  return (struct shl_hot_rec *)(heap->hot + (uintptr_t)unit * sizeof(struct shl_hot_rec));
}

static inline struct shl_remote_rec *shl_remote_row(const shoal_heap *heap, uint32_t unit) {
  return (struct shl_remote_rec *)(heap->remote + (uintptr_t)unit * sizeof(struct shl_remote_rec));
}

static inline struct shl_run_rec *shl_run_page(const shoal_heap *heap, uint32_t chunk) {
  return (struct shl_run_rec *)(heap->runs + (uintptr_t)chunk * sizeof(struct shl_run_rec));
}

static inline uint32_t shl_unit_chunk(uint32_t unit) {
  return unit / SHL_UNITS_PER_CHUNK;
}

static inline union shl_desc_rec *shl_desc_row(const shoal_heap *heap, uint32_t unit) {
  return (union shl_desc_rec *)heap->descs + unit;
}

static inline shl_a64 *shl_unit_desc(const shoal_heap *heap, uint32_t unit) {
  return &shl_desc_row(heap, unit)->word;
}

static inline uint64_t shl_chunk_offset(uint32_t chunk) {
  return (uint64_t)chunk << SHL_CHUNK_SHIFT;
}

static inline uint64_t shl_unit_offset(uint32_t unit) {
  return (uint64_t)unit << SHL_UNIT_SHIFT;
}

// An offset in the region of an address inside it.
static inline uint64_t shl_region_offset(const shoal_heap *heap, const void *address) {
  return (uint64_t)((uintptr_t)address - (uintptr_t)heap->view.base);
}

// A descriptor taken apart.
static inline uint32_t shl_desc_owner(uint64_t desc) {
  return (uint32_t)(desc & 0xffff);
}


// The class byte: the class, and SHL_CLASS_TAGGED where the slab is of tagged blocks.
static inline uint32_t shl_desc_class(uint64_t desc) {
  return (uint32_t)(desc >> 16) & 0xff;
}

static inline uint32_t shl_desc_back(uint64_t desc) {
  return (uint32_t)(desc >> 32) & 0xff;
}

/// Bytes that are the user's of `bytes` in a slab or a run.
static inline uint64_t shl_block_room(uint64_t bytes, bool tagged) {
  return tagged ? bytes - SHL_TAG_BYTES : bytes;
}

/// The word that keeps the tag of a block in a slab or a run: behind the `room` that is the user's.
static inline shl_a64 *shl_tag_behind(const shoal_heap *heap, uint64_t off, uint64_t room) {
  return (shl_a64 *)(void *)(heap->view.base + off + room);
}

static inline bool shl_desc_pending(uint64_t desc) {
  return (desc >> 24 & 0xff) != 0;
}

// The bytes of a descriptor that are stored apart: `pending`, `journalled`.
#define SHL_DESC_FLAGS (UINT64_C(0xff) << 24 | UINT64_C(0xff) << 40)

// Equal to a slot's number iff the unit is of a slab of that slot's and RB need not be looked at.
#define SHL_DESC_OWNER_AND_PENDING (UINT64_C(0xffff) | UINT64_C(0xff) << 24)

static inline uint64_t shl_desc_make(uint32_t owner, uint32_t class_index, uint32_t back) {
  return (uint64_t)owner | (uint64_t)class_index << 16 | (uint64_t)back << 32;
}

/// Fills in what follows from an open region: numbers and addresses.
void shl_handle_fill(shoal_heap *heap, struct shl_region *region);

/// Whether this process may store through the handle.
/// returns: SHOAL_OK; READ_ONLY; STALE in a forked child that must open again.
shoal_status shl_handle_may_store(const shoal_heap *heap);

/// The high-water mark: chunks [heap->first_chunk, this) have rows.
uint32_t shl_chunk_high_water(shoal_heap *heap);

/// Whether `chunk` is a data chunk whose row may be read: below the high-water mark.
static inline bool shl_chunk_known(shoal_heap *heap, uint32_t chunk) {
  uint64_t known = shl_load_relaxed_u64(&heap->known_bytes);
  if (shl_chunk_offset(chunk) - heap->data_begin < known) return true;
  return chunk >= heap->first_chunk && chunk < shl_chunk_high_water(heap);
}

/// Whether `unit` lies in such a chunk: what stands in shared memory is not trusted.
static inline bool shl_unit_known(shoal_heap *heap, uint32_t unit) {
  return shl_chunk_known(heap, shl_unit_chunk(unit));
}

/// Slots [1, this] have rows and pages that may be read.
uint32_t shl_slot_high_water(const shoal_heap *heap);

#endif
