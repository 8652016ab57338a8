// SPDX-License-Identifier: MIT
// The complete way of a free: by what the block is, and whose.
//
// The commit is one store or one atomic or for blocks of slabs and runs, one compare and swap for
// whole chunks. A crash before it has done nothing; after it the block is free, and hints and lists
// are made whole by J. What a free has emptied is given back by steps of their own.
#include "alloc/free_block.h"

#include "alloc/chunk.h"
#include "alloc/hint.h"
#include "alloc/huge.h"
#include "alloc/remote.h"
#include "alloc/run.h"
#include "alloc/slab.h"

static bool has_pending_bits(const shoal_heap *heap, const struct shl_place *place) {
  const struct shl_class_info *info = shl_class_info(shl_desc_class(place->desc));
  const struct shl_remote_rec *remote = shl_remote_row(heap, place->unit);
  for (unsigned w = 0; w < info->words; w++) {
    if (shl_load_seq_cst_u64(&remote->freed[w]) != 0) return true;
  }
  return false;
}

// Takes back the flag that sent a free this way, where no hint stands behind it: it came late, when
// the slab of its time was gone. A remote free under way whose bit is not set yet sets the flag
// again, with its hint; one whose bit is set may have found the flag up, and will not.
static void drop_late_flag(shoal_heap *heap, const struct shl_place *place) {
  shl_a32 *dirty = &shl_chunk_row(heap, place->chunk)->dirty;
  bool hinted = (shl_load_seq_cst_u32(dirty) >> place->unit % SHL_UNITS_PER_CHUNK & 1) != 0;
  if (!shl_desc_pending(place->desc) || hinted) return;
  shl_hint_set_pending(heap, place->unit, false);
  (void)shl_or_seq_cst_u32(dirty, 0);  // the flag is down before RB is read
  if (has_pending_bits(heap, place)) shl_hint_set_pending(heap, place->unit, true);
}

static bool is_own(struct shl_seat seat, const struct shl_place *place) {
  return seat.slot != NULL && shl_desc_owner(place->desc) == shl_seat_id(seat);
}

static bool free_own(struct shl_seat seat, const struct shl_place *place) {
  if (shl_block_is_free(seat, place)) return false;
  drop_late_flag(seat.heap, place);
  shl_a64 *word = &shl_hot_row(seat.heap, place->unit)->free[place->word];
  uint64_t bits = shl_load_relaxed_u64(word);
  if (bits == 0) {
    shl_slab_free_first(seat, place->unit, place->word, place->bit);
  } else {
    shl_store_release_u64(word, bits | place->bit);
  }
  return true;
}

static bool free_in_slab(struct shl_seat seat, const struct shl_place *place) {
  if (is_own(seat, place)) return free_own(seat, place);
  struct shl_remote_block block = {.unit = place->unit,
                                   .owner = shl_desc_owner(place->desc),
                                   .word = place->word,
                                   .bit = place->bit};
  return shl_remote_free(seat, &block);
}

bool shl_free_block(struct shl_seat seat, const struct shl_place *place) {
  switch (place->kind) {
    case SHL_BLOCK_SLAB: return free_in_slab(seat, place);
    case SHL_BLOCK_RUN: return shl_run_free(seat.heap, place->chunk, place->page);
    case SHL_BLOCK_HUGE: return shl_huge_free(seat, place->chunk);
  }
  return false;
}

static void settle_slab(struct shl_seat seat, const struct shl_place *place) {
  if (!is_own(seat, place)) return;
  const struct shl_class_info *info = shl_class_info(shl_desc_class(place->desc));
  uint64_t bits = shl_load_relaxed_u64(&shl_hot_row(seat.heap, place->unit)->free[place->word]);
  if (bits == shl_class_word_mask(info, place->word)) {
    (void)shl_slab_examine(seat, place->unit, true);
  }
}

void shl_free_block_settle(struct shl_seat seat, const struct shl_place *place) {
  switch (place->kind) {
    case SHL_BLOCK_SLAB: settle_slab(seat, place); break;
    case SHL_BLOCK_RUN: shl_run_settle(seat, place->chunk); break;
    case SHL_BLOCK_HUGE: shl_chunk_decay(seat); break;
  }
}
