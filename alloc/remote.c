// SPDX-License-Identifier: MIT
// Remote frees.
//
//   free     J = HINT(s); RB[w] |= bit (the commit, one atomic or); hints; J = 0
//   collect  J = COLLECT(s); cd &= ~s; per word: m = RB[w] less what records name; F[w] |= m;
//            RB[w] &= ~m; then N; hint again if something was left; push if FULL; J = 0
//
// Exact: the bit says free from the one atomic or on. Between F |= m and RB &= ~m a block is in
// both, a union. RB is never taken into a register by an exchange: a death would lose it.
// A crash in a free before the or has done nothing, after it the hints are set again by J. A crash
// in a collect runs it again, without the report of double frees: m may be in F already. A bit that
// the hand has is one in any case, and is dropped: in F too, the block would be handed out twice.
#include "alloc/remote.h"

#include "alloc/class.h"
#include "alloc/hint.h"
#include "alloc/journal.h"
#include "alloc/misuse.h"
#include "alloc/partial.h"
#include "alloc/record.h"
#include "alloc/slab.h"
#include "base/panic.h"

bool shl_remote_free(struct shl_seat seat, const struct shl_remote_block *block) {
  struct shl_remote_rec *remote = shl_remote_row(seat.heap, block->unit);
  // Told apart by its number the bit takes one locked instruction; a mask would take a loop.
  uint64_t bit = UINT64_C(1) << shl_lowest_bit(block->bit);
  SHL_ASSERT_DEBUG(seat.slot == NULL || shl_journal_is_clear(seat.slot));
  if (seat.slot != NULL) shl_journal_set(seat.slot, SHL_J_HINT, block->unit, 0);
  // Before the bit, so that a free of the owner finds it though this thread may end here; the hint
  // sets the flag again where the owner has just cleared it.
  shl_hint_set_pending(seat.heap, block->unit, true);
  bool freed = (shl_or_seq_cst_u64(&remote->freed[block->word], bit) & bit) == 0;
  if (freed) shl_hint_raise(seat.heap, block->unit, block->owner);
  if (seat.slot != NULL) shl_journal_clear(seat.slot);
  return freed;
}

// One collection of one slab. Private to the process.
struct collection {
  struct shl_seat seat;
  uint32_t unit;
  unsigned class_byte;
  bool again;  // after a death: what is in F already is no double free
  bool left;   // a standing record named a block
};

static uint64_t hand_bits(const struct collection *collection, unsigned word) {
  if (shl_class_is_tagged(collection->class_byte)) return 0;
  const struct shl_hand_rec *hand = &collection->seat.slot->hands[collection->class_byte];
  bool in_hand = shl_load_relaxed_u32(&hand->ref) == (collection->unit << 6 | word);
  return in_hand ? shl_load_relaxed_u64(&hand->blocks) : 0;
}

static void report_double_free(const struct collection *collection, unsigned word, uint64_t bits) {
  uint64_t size = shl_class_info(collection->class_byte)->bytes;
  for (; bits != 0; bits &= bits - 1) {
    uint64_t index = 64 * word + shl_lowest_bit(bits);
    (void)shl_misuse(collection->seat.heap, SHOAL_MISUSE_DOUBLE_FREE,
                     shl_unit_offset(collection->unit) + index * size);
  }
}

static void collect_word(struct collection *collection, unsigned word) {
  shoal_heap *heap = collection->seat.heap;
  shl_a64 *freed = &shl_remote_row(heap, collection->unit)->freed[word];
  shl_a64 *free = &shl_hot_row(heap, collection->unit)->free[word];
  uint64_t bits = shl_load_seq_cst_u64(freed);
  bits &= shl_class_word_mask(shl_class_info(collection->class_byte), word);
  if (bits == 0) return;
  // Read after the bits: whoever let a record name one of them has set it before.
  if (shl_load_acquire_u8(&shl_desc_row(heap, collection->unit)->part.journalled) != 0) {
    uint64_t named = shl_records_naming_blocks(heap, collection->unit, word, bits);
    collection->left = collection->left || named != 0;
    bits &= ~named;
  }
  uint64_t twice = bits & hand_bits(collection, word);
  if (!collection->again) twice |= bits & shl_load_relaxed_u64(free);
  if (twice != 0) {
    (void)shl_and_seq_cst_u64(freed, ~twice);
    bits &= ~twice;
    if (!collection->again) report_double_free(collection, word, twice);
  }
  shl_store_release_u64(free, shl_load_relaxed_u64(free) | bits);
  (void)shl_and_seq_cst_u64(freed, ~bits);
}

static void run_collection(struct collection *collection) {
  shoal_heap *heap = collection->seat.heap;
  const struct shl_class_info *info = shl_class_info(collection->class_byte);
  struct shl_chunk_rec *row = shl_chunk_row(heap, shl_unit_chunk(collection->unit));
  shl_hint_set_pending(heap, collection->unit, false);
  uint32_t dirty = UINT32_C(1) << collection->unit % SHL_UNITS_PER_CHUNK;
  (void)shl_and_seq_cst_u32(&row->dirty, ~dirty);
  for (unsigned w = 0; w < info->words; w++) collect_word(collection, w);
  shl_slab_recount(heap, collection->unit, info);
  struct shl_hot_rec *hot = shl_hot_row(heap, collection->unit);
  bool again = collection->left || collection->again;
  if (again) shl_hint_raise(heap, collection->unit, shl_seat_id(collection->seat));
  bool full = shl_load_relaxed_u8(&hot->state) == SHL_SLAB_FULL;
  if (full && shl_load_relaxed_u64(&hot->nonempty) != 0) {
    shl_partial_push(collection->seat, collection->class_byte, collection->unit);
  }
}

static bool begin(struct collection *collection, struct shl_seat seat, uint32_t unit) {
  uint64_t desc = shl_load_acquire_u64(shl_unit_desc(seat.heap, unit));
  *collection = (struct collection){.seat = seat,
                                    .unit = unit,
                                    .class_byte = shl_desc_class(desc)};
  return shl_class_info(collection->class_byte)->bytes != 0 &&
         shl_desc_owner(desc) == shl_seat_id(seat) && shl_desc_back(desc) == 0;
}

void shl_remote_collect(struct shl_seat seat, uint32_t unit, uint64_t journal_after) {
  struct collection collection;
  if (!begin(&collection, seat, unit)) return;
  shl_journal_set(seat.slot, SHL_J_COLLECT, unit, 0);
  run_collection(&collection);
  shl_store_release_u64(&seat.slot->journal, journal_after);
}

void shl_remote_collect_again(struct shl_seat seat, uint32_t unit) {
  struct collection collection;
  if (!begin(&collection, seat, unit)) return;
  collection.again = true;
  run_collection(&collection);
}
