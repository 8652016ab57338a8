// SPDX-License-Identifier: MIT
// shoal_mark: from the roots to all that they lead to; the rest is lost.
//
// One walk lists the blocks, by ascending offset, in memory of this process's own. What is reached
// is marked in the list and put on a stack once, so that the stack is never longer than the list
// and nothing recurses. Only the last part, the frees, stores in the heap.
#include <shoal/mark.h>

#include <stdlib.h>

#include "alloc/free.h"
#include "alloc/reservation.h"
#include "alloc/root.h"
#include "alloc/slot.h"
#include "alloc/tag.h"
#include "alloc/walk.h"
#include "base/fail.h"

enum { FIRST_ROOM = 1024 };

// A block of the list. Private to the process.
struct block {
  shoal_off off;
  uint64_t bytes;
  bool reached;
};

// What is still to be visited: a block and its type's place among the options' types.
struct visit {
  size_t block;
  size_t type;
};

struct shoal_marker {
  shoal_heap *heap;
  const shoal_mark_options *options;
  shoal_mark_result result;
  struct block *blocks;
  size_t count;
  size_t room;
  struct visit *stack;
  size_t depth;
  bool out_of_memory;
  uint64_t unknown_type;
  bool has_unknown_type;
};

static int add_block(void *context, const shoal_block *block) {
  shoal_marker *marker = context;
  if (marker->count == marker->room) {
    size_t room = marker->room == 0 ? FIRST_ROOM : 2 * marker->room;
    struct block *grown = realloc(marker->blocks, room * sizeof *grown);
    marker->out_of_memory = grown == NULL;
    if (grown == NULL) return 1;
    marker->blocks = grown;
    marker->room = room;
  }
  marker->blocks[marker->count++] = (struct block){.off = block->off, .bytes = block->bytes};
  return 0;
}

static shoal_status list_blocks(shoal_marker *marker) {
  shoal_status status = shoal_walk(marker->heap, add_block, marker);
  if (status != SHOAL_OK) return status;
  if (!marker->out_of_memory) marker->stack = calloc(marker->count + 1, sizeof *marker->stack);
  if (marker->stack != NULL) return SHOAL_OK;
  return shl_fail(SHOAL_E_NO_SPACE, 0, "No memory to list the heap's blocks.");
}

// The block that starts at `off`; null where none does.
static struct block *find(const shoal_marker *marker, shoal_off off) {
  size_t begin = 0, end = marker->count;
  while (begin < end) {
    size_t middle = begin + (end - begin) / 2;
    if (marker->blocks[middle].off == off) return &marker->blocks[middle];
    if (marker->blocks[middle].off < off) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return NULL;
}

// Marks the block. returns: it, the first time; otherwise null.
static struct block *reach(shoal_marker *marker, shoal_off off) {
  struct block *block = find(marker, off);
  if (block == NULL) {
    marker->result.wild++;
    return NULL;
  }
  if (block->reached) return NULL;
  block->reached = true;
  marker->result.reached++;
  marker->result.reached_bytes += block->bytes;
  return block;
}

void shoal_mark_reach(shoal_marker *marker, shoal_off off, uint64_t type_id) {
  if (off == 0) return;
  size_t type = 0;
  while (type < marker->options->type_count && marker->options->types[type].type_id != type_id) {
    type++;
  }
  if (type == marker->options->type_count) {
    marker->has_unknown_type = true;
    marker->unknown_type = type_id;
    return;
  }
  struct block *block = reach(marker, off);
  if (block == NULL || marker->options->types[type].visit == NULL) return;
  marker->stack[marker->depth++] =
      (struct visit){.block = (size_t)(block - marker->blocks), .type = type};
}

static void reach_roots(shoal_marker *marker) {
  for (uint32_t i = 0; i < marker->heap->root_count; i++) {
    struct shl_root_copy copy;
    if (!shl_root_copy(marker->heap, i, &copy)) continue;
    shoal_mark_reach(marker, copy.root.off, copy.root.type_id);
  }
}

// What a thread has reserved it still means to publish.
static void reach_reservations(shoal_marker *marker) {
  uint32_t high = shl_slot_high_water(marker->heap);
  for (uint32_t id = 1; id <= high; id++) {
    const struct shl_slot_rec *slot = shl_slot_page(marker->heap, id);
    for (unsigned cell = 0; cell < SHL_RESERVATIONS; cell++) {
      uint64_t off = shl_load_acquire_u64(&slot->reservations[cell]);
      if (off != 0) (void)reach(marker, off);
    }
  }
}

// What a living process has tagged it still means to publish.
static int reach_tagged(void *context, const shoal_block *block) {
  shoal_marker *marker = context;
  struct shl_place place;
  if (shl_block_at(marker->heap, block->off, &place) != 0) return 0;
  uint64_t tag = shl_tag_read(marker->heap, block->off, &place);
  bool tagged = tag != 0 && shl_tag_may_be(marker->heap, tag);
  if (tagged && !shl_tag_is_dead(marker->heap, tag)) (void)reach(marker, block->off);
  return 0;
}

// These are kept without a visit, since nobody knows their types: only after all visits, or what
// roots lead to through one of them would not be followed.
static shoal_status reach_unpublished(shoal_marker *marker) {
  reach_reservations(marker);
  return shl_walk(marker->heap, SHL_WALK_TAGGED, reach_tagged, marker);
}

static void visit_all(shoal_marker *marker) {
  while (marker->depth > 0) {
    struct visit next = marker->stack[--marker->depth];
    const struct block *block = &marker->blocks[next.block];
    marker->options->types[next.type].visit(marker, shoal_ptr(marker->heap, block->off),
                                            block->bytes, marker->options->context);
  }
}

static shoal_status treat_unreachable(shoal_marker *marker) {
  const shoal_mark_options *options = marker->options;
  for (size_t i = 0; i < marker->count; i++) {
    const struct block *block = &marker->blocks[i];
    if (block->reached) continue;
    shoal_block shown = {.off = block->off, .bytes = block->bytes};
    marker->result.unreachable++;
    marker->result.unreachable_bytes += block->bytes;
    bool kept = options->unreachable != NULL && options->unreachable(options->context, &shown) != 0;
    if (kept || (options->flags & SHOAL_MARK_FREE) == 0) continue;
    shoal_status status = shl_free(marker->heap, block->off);
    if (status != SHOAL_OK) return status;
    marker->result.freed++;
  }
  return SHOAL_OK;
}

static shoal_status mark(shoal_marker *marker) {
  shoal_status status = list_blocks(marker);
  if (status != SHOAL_OK) return status;
  reach_roots(marker);
  visit_all(marker);
  status = reach_unpublished(marker);
  if (status != SHOAL_OK) return status;
  if (marker->has_unknown_type) {
    return shl_fail(SHOAL_E_ARGUMENT, 0, "No visitor is given for blocks of type 0x%llx.",
                    (unsigned long long)marker->unknown_type);
  }
  return treat_unreachable(marker);
}

shoal_status shoal_mark(shoal_heap *heap, const shoal_mark_options *options,
                        shoal_mark_result *out) {
  if (heap == NULL || options == NULL || options->size != sizeof *options ||
      (options->flags & ~(unsigned)SHOAL_MARK_FREE) != 0) {
    return shl_fail(SHOAL_E_ARGUMENT, 0, "shoal_mark: a null, an unknown size or unknown flags.");
  }
  shoal_marker marker = {.heap = heap, .options = options};
  // A call of the dead that is not settled may still free what it names, or keep it.
  bool frees = (options->flags & SHOAL_MARK_FREE) != 0;
  shoal_status status = frees ? shoal_reap(heap) : SHOAL_OK;
  if (status == SHOAL_OK) status = mark(&marker);
  free(marker.blocks);
  free(marker.stack);
  if (out != NULL) *out = marker.result;
  return status;
}
