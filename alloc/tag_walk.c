// SPDX-License-Identifier: MIT
// The public calls on tags: what dead processes have tagged and never published is offered to a
// visitor, and a tag is taken off.
//
//   claim  for a slab's block or a run: the chunk's claim, J = CHUNK; the tag by compare and swap
//          from the dead's to mine (the commit); the claim let go, J = 0
//   keep   the tag by compare and swap from mine back to the dead's (the commit)
//   adopt  nothing more
//   free   as any free
//
// Of several who meet one block, the compare and swap lets one have it. The visitor is asked only
// then, and the block is the caller's like any that it has tagged itself.
//
// A tag is read without the chunk's claim, but under a pin, so that the pages under it stay: the
// block may be freed and its chunk given back meanwhile. Under the claim it is looked at again,
// since only there the word is still a tag's: no slab is made or released, no run taken or resized.
// A huge run's tag is no part of the data, and is stored before the run is one: it needs neither.
//
// A process counts as dead once nothing of it is left to recover: a free or a publication that it
// was killed in is finished then, and the block and its tag say so.
// A crash leaves a tag that is the dead's or the caller's, who is as dead: the next call finds it.
#include <shoal/orphans.h>

#include "alloc/census.h"
#include "alloc/chunk.h"
#include "alloc/free.h"
#include "alloc/grant.h"
#include "alloc/pin.h"
#include "alloc/reap.h"
#include "alloc/run.h"
#include "alloc/seat.h"
#include "alloc/tag.h"
#include "alloc/walk.h"
#include "base/fail.h"
#include "mapping/os.h"

enum { KNOWN = 256, PATIENCE_MS = 2000 };

#define KNOWN_AS_DEAD (UINT64_C(1) << 63)

// One call. Private to the process.
struct hunt {
  shoal_heap *heap;
  shoal_orphan_visitor *visit;
  void *context;
  shoal_status status;
  bool unsettled;         // what the dead left is not all recovered
  uint32_t pinned;        // chunk that the pin stands on; 0: none
  uint32_t pin_index;
  uint64_t pin;           // its op
  uint64_t deadline;      // for chunks that others hold; 0: none met yet
  uint64_t known[KNOWN];  // tags asked about, by a hash; the dead's with a bit more
};

static void drop_pin(struct hunt *hunt) {
  if (hunt->pinned != 0) (void)shl_pin_release(hunt->heap, hunt->pin_index, hunt->pin);
  hunt->pinned = 0;
}

// Keeps the chunk's pages. returns: false, and the hunt is over, iff no record is left.
static bool pin(struct hunt *hunt, uint32_t chunk) {
  if (hunt->pinned == chunk) return true;
  drop_pin(hunt);
  if (!shl_pin_take(hunt->heap, &hunt->pin_index)) {
    hunt->status = shl_fail(SHOAL_E_LIMIT, 0, "max_pins (%u) pins stand: one is needed.",
                            (unsigned)hunt->heap->pin_count);
    return false;
  }
  hunt->pin = shl_pin_write(hunt->heap, hunt->pin_index, chunk, 1);
  hunt->pinned = chunk;
  return true;
}

// Whether the pin came before whoever would give the page back.
static bool is_backed(const shoal_heap *heap, uint32_t chunk, uint64_t off) {
  const struct shl_chunk_rec *row = shl_chunk_row(heap, chunk);
  uint64_t word = shl_load_seq_cst_u64(&row->word);
  uint32_t committed = shl_load_acquire_u32(&row->committed);
  return shl_chunk_decode(word).state != SHL_CHUNK_TRIM &&
         (committed >> (off >> SHL_UNIT_SHIFT) % SHL_UNITS_PER_CHUNK & 1) != 0;
}

// Where the tag of the allocated block at `off` stands, as of now; null where there is none.
static shl_a64 *find_tag(shoal_heap *heap, uint64_t off) {
  struct shl_place place;
  shoal_block block;
  if (shl_block_at(heap, off, &place) != 0) return NULL;
  bool allocated = shl_block_find(heap, off, &block) && block.off == off;
  return allocated ? shl_tag_word(heap, off, &place) : NULL;
}

static bool settle(struct hunt *hunt) {
  if (hunt->unsettled) return false;
  shoal_status status = shl_reap_and_settle(hunt->heap);
  if (status == SHOAL_OK) return true;
  hunt->unsettled = true;
  hunt->status = status;
  return false;
}

// Whether the process of the tag is dead and nothing of it left to recover.
static bool is_gone(struct hunt *hunt, uint64_t tag) {
  if (!shl_tag_may_be(hunt->heap, tag)) return false;
  uint64_t *known = &hunt->known[tag * UINT64_C(0x9e3779b97f4a7c15) >> 56];
  if ((*known & ~KNOWN_AS_DEAD) != tag) {
    bool gone = shl_tag_is_dead(hunt->heap, tag) && settle(hunt);
    *known = tag | (gone ? KNOWN_AS_DEAD : 0);
  }
  return (*known & KNOWN_AS_DEAD) != 0;
}

static bool is_patient(struct hunt *hunt) {
  uint64_t now = shl_os_now_ns();
  if (hunt->deadline == 0) hunt->deadline = now + UINT64_C(1000000) * PATIENCE_MS;
  if (now < hunt->deadline) {
    shl_os_sleep_ms(0);
    return true;
  }
  hunt->status = shl_fail(SHOAL_E_BUSY, 0, "A process that holds a chunk stands still.");
  return false;
}

// Swaps the tag if the word at `tag` is still that of a block at `off`.
static bool swap_tag(struct hunt *hunt, uint64_t off, shl_a64 *tag, uint64_t before) {
  shoal_heap *heap = hunt->heap;
  return find_tag(heap, off) == tag && shl_cas_seq_cst_u64(tag, before, shl_tag_here(heap));
}

// The same for a block in a chunk cut into runs.
static bool swap_claimed(struct hunt *hunt, uint64_t off, shl_a64 *tag, uint64_t before) {
  uint32_t chunk = (uint32_t)(off >> SHL_CHUNK_SHIFT);
  enum shl_claim claim = SHL_CLAIM_BUSY;
  bool swapped = false;
  do {
    struct shl_seat seat;
    shoal_status status = shl_seat_enter(hunt->heap, &seat);
    if (status != SHOAL_OK) {
      hunt->status = status;
      return false;
    }
    claim = shl_chunk_claim(seat, chunk);
    if (claim == SHL_CLAIM_TAKEN) {
      swapped = swap_tag(hunt, off, tag, before);
      shl_run_end_claim(seat, chunk);
    }
    shl_seat_leave(seat);
  } while (claim == SHL_CLAIM_BUSY && is_patient(hunt));
  return swapped;
}

// Asks what is to become of a block that is the caller's by now.
static void offer(struct hunt *hunt, uint64_t off, shl_a64 *tag, uint64_t before) {
  shoal_block block;
  if (!shl_block_find(hunt->heap, off, &block)) return;
  shoal_orphan orphan = {.off = off, .bytes = block.bytes, .owner = before};
  int fate = hunt->visit(hunt->context, &orphan);
  if (fate == SHOAL_ORPHAN_ADOPT) return;
  if (fate == SHOAL_ORPHAN_FREE) {
    shoal_status status = shl_free(hunt->heap, off);
    if (status != SHOAL_OK) hunt->status = status;
  } else if (find_tag(hunt->heap, off) == tag) {
    (void)shl_cas_seq_cst_u64(tag, shl_tag_here(hunt->heap), before);
  }
}

// returns: non-zero ends the walk.
static int meet(void *context, const shoal_block *block) {
  struct hunt *hunt = context;
  uint32_t chunk = (uint32_t)(block->off >> SHL_CHUNK_SHIFT);
  shl_a64 *tag = find_tag(hunt->heap, block->off);
  if (tag == NULL) return 0;
  bool in_row = tag == &shl_chunk_row(hunt->heap, chunk)->tag;
  if (!in_row && !pin(hunt, chunk)) return 1;
  if (!in_row && !is_backed(hunt->heap, chunk, shl_region_offset(hunt->heap, tag))) return 0;
  uint64_t before = shl_load_acquire_u64(tag);
  if (before == 0 || !is_gone(hunt, before)) return 0;
  bool mine = in_row ? swap_tag(hunt, block->off, tag, before)
                     : swap_claimed(hunt, block->off, tag, before);
  if (mine) offer(hunt, block->off, tag, before);
  return 0;
}

shoal_status shoal_orphans(shoal_heap *heap, shoal_orphan_visitor *visit, void *context) {
  if (heap == NULL || visit == NULL) {
    return shl_fail(SHOAL_E_ARGUMENT, 0, "`%s` is null.", heap == NULL ? "heap" : "visit");
  }
  shoal_status status = shl_handle_may_store(heap);
  if (status != SHOAL_OK) return status;
  struct hunt hunt = {.heap = heap, .visit = visit, .context = context};
  status = shl_walk(heap, SHL_WALK_TAGGED, meet, &hunt);
  drop_pin(&hunt);
  return status == SHOAL_OK ? hunt.status : status;
}

shoal_status shoal_untag(shoal_heap *heap, shoal_off off) {
  if (heap == NULL) return shl_fail(SHOAL_E_ARGUMENT, 0, "`heap` is null.");
  shoal_status status = shl_handle_may_store(heap);
  if (status != SHOAL_OK) return status;
  struct shl_place place;
  status = shl_block_allocated(shl_seat_here(heap), off, &place);
  if (status != SHOAL_OK) return status;
  shl_a64 *tag = shl_tag_word(heap, off, &place);
  if (tag != NULL) shl_store_release_u64(tag, 0);
  return SHOAL_OK;
}
