// SPDX-License-Identifier: MIT
// The calls that strand nothing. Each stands a record, changes the heap, and commits by one store
// to the caller's word:
//
//   alloc to    JA = ALLOC_TO(dest, b); b is taken; *dest = b (the commit); JA = 0
//   free from   jf = 1; JA = FREE_FROM(dest, b); *dest = 0 (the commit); b is freed; JA = 0
//   realloc to  jf of the old = 1; JA = REALLOC_TO(dest, a, b); b is taken; copy; *dest = b (the
//               commit); a is freed; JA = 0
//   publish     JA = PUBLISH(dest, b, x); *dest = x (the commit), which is b or stands for it; the
//               reservation = 0; JA = 0
//   untag       JA = UNTAG(dest, b, its tag); *dest = b (the commit); tag = 0; JA = 0
//
// Invariants
//   I1  A record stands in the slot that is acted as, so the block it takes is that slot's own.
//   I2  The caller's word is the caller's alone while the record stands. 0, or the old block in a
//       realloc, says that the call had not come to its commit.
//   I3  jf, or cjf for a run, is 1 before a record names the block, for blocks that others may
//       collect. A bit in RB or RP that a record names stays there, so "in F, A or RB" and "D = 0
//       or in RP" mean free however often recovery asks.
//   I4  A huge block that dies does so under J = HFREE1, which stands before the commit: J says
//       whether it is freed, the record never does.
// A crash before the commit: a new block goes back, an old one stays. After it: the old one goes.
// Afterwards the word and the heap agree, whatever the instruction was.
#include "alloc/handover.h"

#include <string.h>

#include "alloc/chunk.h"
#include "alloc/free_block.h"
#include "alloc/hand.h"
#include "alloc/huge.h"
#include "alloc/journal.h"
#include "alloc/tag.h"
#include "base/panic.h"

void shl_handover_mark(shoal_heap *heap, const struct shl_place *place) {
  if (place->kind == SHL_BLOCK_HUGE) return;
  shl_a8 *mark = place->kind == SHL_BLOCK_SLAB
                     ? &shl_desc_row(heap, place->unit)->part.journalled
                     : &shl_chunk_row(heap, place->chunk)->journalled;
  if (shl_load_relaxed_u8(mark) == 0) shl_store_release_u8(mark, 1);
}

static void announce(struct shl_seat seat, const struct shl_place *place) {
  if (place->kind == SHL_BLOCK_HUGE) shl_huge_announce_free(seat, place->chunk);
}

static void copy(shoal_heap *heap, const struct shl_wish *wish, const struct shl_place *old,
                 uint64_t off) {
  uint64_t bytes = wish->bytes < old->bytes ? wish->bytes : old->bytes;
  memcpy(heap->view.base + off, heap->view.base + wish->record.block, (size_t)bytes);
}

void shl_handover(struct shl_seat seat, const struct shl_wish *wish, uint64_t off) {
  if (!shl_wish_has_record(wish)) return;
  SHL_ASSERT_DEBUG(shl_journal_is_clear(seat.slot));
  bool moves = wish->record.op == SHL_JA_REALLOC_TO;
  struct shl_place old;
  moves = moves && shl_block_at(seat.heap, wish->record.block, &old) == 0;
  if (moves) {
    copy(seat.heap, wish, &old, off);
    announce(seat, &old);
  }
  shl_store_release_u64(shl_record_word(seat.heap, wish->record.dest), off);
  if (!moves) {
    shl_record_clear(seat.slot);
    return;
  }
  (void)shl_free_block(seat, &old);
  shl_record_clear_and_look(seat.slot);
  shl_free_block_settle(seat, &old);
}

uint64_t shl_handover_block(struct shl_seat seat, unsigned class_byte,
                            const struct shl_wish *wish) {
  if (shl_class_is_tagged(class_byte)) return shl_tag_pop(seat, class_byte, wish);
  struct shl_hand_rec *hand = &seat.slot->hands[class_byte];
  uint64_t blocks = shl_load_relaxed_u64(&hand->blocks);
  if (blocks == 0) return 0;
  shl_record_stand_for(seat.slot, &wish->record, shl_hand_lowest(hand, blocks));
  uint64_t off = shl_hand_take(hand, blocks);
  if ((wish->flags & SHOAL_ZERO) != 0) {
    memset(seat.heap->view.base + off, 0, shl_classes[class_byte].bytes);
  }
  shl_handover(seat, wish, off);
  return off;
}

bool shl_handover_back(struct shl_seat seat, uint64_t dest, uint64_t off,
                       const struct shl_place *place) {
  struct shl_record record = {.op = SHL_JA_FREE_FROM, .dest = dest, .block = off};
  SHL_ASSERT_DEBUG(shl_journal_is_clear(seat.slot) && shl_record_is_clear(seat.slot));
  shl_handover_mark(seat.heap, place);
  shl_record_stand(seat.slot, &record);
  announce(seat, place);
  shl_store_release_u64(shl_record_word(seat.heap, dest), 0);
  bool freed = shl_free_block(seat, place);
  shl_record_clear_and_look(seat.slot);
  shl_free_block_settle(seat, place);
  return freed;
}

void shl_handover_publish(struct shl_seat seat, uint64_t dest, uint64_t value, shl_a64 *cell) {
  struct shl_record record = {.op = SHL_JA_PUBLISH,
                              .dest = dest,
                              .block = shl_load_relaxed_u64(cell),
                              .second = value};
  shl_record_stand(seat.slot, &record);
  shl_store_release_u64(shl_record_word(seat.heap, dest), value);
  shl_store_release_u64(cell, 0);
  shl_record_clear(seat.slot);
}

void shl_handover_untag(struct shl_seat seat, uint64_t dest, uint64_t off, shl_a64 *word) {
  struct shl_record record = {.op = SHL_JA_UNTAG,
                              .dest = dest,
                              .block = off,
                              .second = shl_load_relaxed_u64(word)};
  shl_record_stand(seat.slot, &record);
  shl_store_release_u64(shl_record_word(seat.heap, dest), off);
  shl_store_release_u64(word, 0);
  shl_record_clear(seat.slot);
}

// Frees a block that may be free already, but no huge one.
static void ensure_free(struct shl_seat seat, uint64_t off) {
  struct shl_place place;
  if (shl_block_at(seat.heap, off, &place) != 0 || place.kind == SHL_BLOCK_HUGE) return;
  if (!shl_block_is_free(seat, &place)) (void)shl_free_block(seat, &place);
}

// Frees the new block of a call that did not come to its commit, if it had been taken.
static void take_back(struct shl_seat seat, uint64_t off) {
  uint32_t chunk = (uint32_t)(off >> SHL_CHUNK_SHIFT);
  if (off >= seat.heap->view.capacity || !shl_chunk_known(seat.heap, chunk)) return;
  struct shl_chunk_word word = shl_chunk_read(seat.heap, chunk);
  if (word.state != SHL_CHUNK_HEAD) {
    ensure_free(seat, off);
  } else if (word.slot == shl_seat_id(seat) && off == shl_chunk_offset(chunk)) {
    (void)shl_huge_free(seat, chunk);
  }
}

static void end_reservation(struct shl_seat seat, uint64_t off) {
  for (unsigned i = 0; i < SHL_RESERVATIONS; i++) {
    shl_a64 *cell = &seat.slot->reservations[i];
    if (shl_load_relaxed_u64(cell) == off) shl_store_release_u64(cell, 0);
  }
}

// Whoever reads the word may have freed the block, and another may have it by now: it has another
// tag then.
static void end_tag(struct shl_seat seat, const struct shl_record *record) {
  struct shl_place place;
  if (shl_block_at(seat.heap, record->block, &place) != 0) return;
  shl_a64 *word = shl_tag_word(seat.heap, record->block, &place);
  if (word != NULL) (void)shl_cas_seq_cst_u64(word, record->second, 0);
}

// Whether the caller's word of an allocation says that it had not come to its commit. A cell of
// reservations may be another thread's by now, whose slot was the caller's, and hold what it likes.
static bool is_uncommitted(shoal_heap *heap, const struct shl_record *record, uint64_t value) {
  return value == 0 || (value != record->block && shl_record_is_reservation(heap, record->dest));
}

// A word that holds anything else than the call can have left there is not the caller's alone: both
// blocks stay.
static void recover_call(struct shl_seat seat, const struct shl_record *record) {
  uint64_t value = shl_load_acquire_u64(shl_record_word(seat.heap, record->dest));
  switch (record->op) {
    case SHL_JA_ALLOC_TO:
      if (is_uncommitted(seat.heap, record, value)) take_back(seat, record->block);
      break;
    case SHL_JA_FREE_FROM:
      if (value == 0) ensure_free(seat, record->block);
      break;
    case SHL_JA_REALLOC_TO:
      if (value == record->second) ensure_free(seat, record->block);
      if (value == record->block) take_back(seat, record->second);
      break;
    case SHL_JA_UNTAG:
      if (value == record->block) end_tag(seat, record);
      break;
    default:
      if (value == record->second) end_reservation(seat, record->block);
      break;
  }
}

void shl_handover_recover(struct shl_seat seat) {
  struct shl_record record = shl_record_read(seat.slot);
  bool plausible = record.op != SHL_JA_NONE && shl_record_may_be(seat.heap, record.dest);
  if (plausible) recover_call(seat, &record);
  shl_record_clear(seat.slot);
}

void shl_handover_recover_run(struct shl_seat seat, uint32_t chunk) {
  struct shl_record record = shl_record_read(seat.slot);
  uint64_t off = shl_record_new_block(&record);
  if (off >> SHL_CHUNK_SHIFT != chunk || !shl_record_may_be(seat.heap, record.dest)) return;
  if (shl_load_acquire_u64(shl_record_word(seat.heap, record.dest)) == off) return;
  ensure_free(seat, off);
  shl_record_clear(seat.slot);
}
