// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_HANDLE_H
#define SHL_ALLOC_HANDLE_H

#include <shoal/heap.h>

#include "alloc/layout.h"
#include "mapping/region.h"

// The process's handle of a heap, and the one place that turns a number (slot, chunk, unit) into
// the address of its row. Rows of chunks and units are found by the number itself: the areas' addresses
// kept here are those that row 0 would have had, had the metadata chunks rows too.

enum { SHL_HEAPS_MAX = 64, SHL_CHUNK_SHIFT = 21, SHL_UNIT_SHIFT = 16, SHL_PAGE_SHIFT = 12 };

// Private to the process. Constant while open, but for the words marked.
struct shoal_heap {
  struct shoal_heap_view view;
  unsigned index;           // of this heap among those open in the process, below SHL_HEAPS_MAX
  bool read_only;
  uint32_t first_chunk;     // first data chunk
  uint32_t chunk_end;       // data chunks are [first_chunk, chunk_end)
  shl_a32 known_chunks;     // chunks [first_chunk, first_chunk + this) were below high water: the
                            // rows that may be read; grows
  uint32_t slot_count;      // slots are [1, slot_count]
  uint32_t root_count;
  uint32_t pin_count;
  uint64_t limit_bytes;     // 0: none
  struct shl_region *region;
  uintptr_t owners;         // row of slot 0, had it one
  uintptr_t slots;
  uintptr_t chunks;         // row of chunk 0, had it one
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
  bool inherited;           // in a forked child that has not opened this heap again
  shl_a32 tend_cursor;      // slot that this process looks at next for an orphan to tend
  shl_a64 last_decay_ns;    // when this process last looked for chunks to give back
  shoal_misuse_handler *on_misuse;
  void *on_misuse_context;
};

// Whom a piece of code acts as: a thread slot and its number. By value, private to the thread.
struct shl_seat {
  shoal_heap *heap;
  struct shl_slot_rec *slot;
  uint32_t id;
};

static inline struct shl_owner_rec *shl_owner_row(const shoal_heap *heap, uint32_t slot) {
  return (struct shl_owner_rec *)(heap->owners + (uintptr_t)slot * sizeof(struct shl_owner_rec));
}

static inline struct shl_slot_rec *shl_slot_page(const shoal_heap *heap, uint32_t slot) {
  return (struct shl_slot_rec *)(heap->slots + (uintptr_t)slot * sizeof(struct shl_slot_rec));
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

static inline shl_a64 *shl_unit_desc(const shoal_heap *heap, uint32_t unit) {
  struct shl_chunk_rec *row = shl_chunk_row(heap, shl_unit_chunk(unit));
  return &row->desc[unit % SHL_UNITS_PER_CHUNK].word;
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

static inline uint32_t shl_desc_class(uint64_t desc) {
  return (uint32_t)(desc >> 16) & 0xff;
}

static inline uint32_t shl_desc_back(uint64_t desc) {
  return (uint32_t)(desc >> 24) & 0xff;
}

static inline bool shl_desc_journalled(uint64_t desc) {
  return ((desc >> 32) & 0xff) != 0;
}

static inline uint64_t shl_desc_make(uint32_t owner, uint32_t class_index, uint32_t back) {
  return (uint64_t)owner | (uint64_t)class_index << 16 | (uint64_t)back << 24;
}

// Whether `chunk` is a data chunk whose row may be read: below the high-water mark.
bool shl_chunk_known(shoal_heap *heap, uint32_t chunk);

#endif
