// SPDX-License-Identifier: MIT
// What each J leaves to do. docs/RECOVERY.md draws the table; each function here is one row of it.
// Every action looks at what the words say and stores only what is missing, so that it may be run
// from any point of itself again.
#include "alloc/recover.h"

#include "alloc/chunk.h"
#include "alloc/class.h"
#include "alloc/handover.h"
#include "alloc/hint.h"
#include "alloc/huge.h"
#include "alloc/journal.h"
#include "alloc/partial.h"
#include "alloc/quota.h"
#include "alloc/record.h"
#include "alloc/remote.h"
#include "alloc/root.h"
#include "alloc/run.h"
#include "alloc/slab.h"

static bool holds_claim(struct shl_seat seat, uint32_t chunk) {
  struct shl_chunk_word word = shl_chunk_read(seat.heap, chunk);
  return word.state == SHL_CHUNK_MIXED && word.slot == shl_seat_id(seat);
}

static void let_claim_go(struct shl_seat seat, uint32_t chunk) {
  shl_journal_set(seat.slot, SHL_J_CHUNK, chunk, 0);
  if (holds_claim(seat, chunk)) {
    unsigned meta = shl_load_acquire_u16(&shl_chunk_row(seat.heap, chunk)->meta);
    if ((meta >> SHL_META_RUN_PAGE & 1) == 0) {
      shl_chunk_note_free(seat.heap, chunk);
      shl_store_seq_cst_u64(&shl_chunk_row(seat.heap, chunk)->word,
                            shl_chunk_encode(SHL_CHUNK_FREE, 0, 0));
    } else {
      shl_run_rebuild(seat.heap, chunk);
      shl_handover_recover_run(seat, chunk);
      shl_run_collect(seat.heap, chunk);  // a bit of RP may stand whose run is gone from D
      shl_chunk_release(seat, chunk);
    }
  }
  shl_journal_clear(seat.slot);
  shl_chunk_settle(seat, chunk);
}

static void recover_refill(struct shl_seat seat, struct shl_journal entry) {
  const struct shl_class_info *info = shl_class_info(entry.class_index);
  if (info->bytes == 0 || shl_class_is_tagged(entry.class_index)) return;
  struct shl_hand_rec *hand = &seat.slot->hands[entry.class_index];
  struct shl_hot_rec *hot = shl_hot_row(seat.heap, entry.a);
  uint64_t blocks = shl_load_relaxed_u64(&hand->blocks);
  if (blocks != 0) {
    shl_a64 *free = &hot->free[entry.b % SHL_WORDS_PER_SLAB];
    shl_store_release_u64(free, shl_load_relaxed_u64(free) | blocks);
    shl_store_release_u64(&hand->blocks, 0);
  }
  shl_slab_recount(seat.heap, entry.a, info);
  bool full = shl_load_relaxed_u8(&hot->state) == SHL_SLAB_FULL;
  if (full && shl_load_relaxed_u64(&hot->nonempty) != 0) {
    shl_partial_push(seat, entry.class_index, entry.a);
  }
}

static unsigned class_of_unit(struct shl_seat seat, uint32_t unit) {
  unsigned class_byte = shl_desc_class(shl_load_acquire_u64(shl_unit_desc(seat.heap, unit)));
  return shl_class_info(class_byte)->bytes != 0 ? class_byte : 0;
}

static void recover_relist(struct shl_seat seat, uint32_t unit) {
  unsigned class_byte = class_of_unit(seat, unit);
  if (class_byte == 0) return;
  shl_slab_recount(seat.heap, unit, shl_class_info(class_byte));
  struct shl_hot_rec *hot = shl_hot_row(seat.heap, unit);
  bool full = shl_load_relaxed_u8(&hot->state) == SHL_SLAB_FULL;
  if (full && shl_load_relaxed_u64(&hot->nonempty) != 0) shl_partial_push(seat, class_byte, unit);
}

static void recover_unlink(struct shl_seat seat, uint32_t unit) {
  unsigned class_byte = class_of_unit(seat, unit);
  if (class_byte != 0) shl_partial_unlink(seat, class_byte, unit);
}

static void recover_hint(struct shl_seat seat, uint32_t unit) {
  uint64_t desc = shl_load_acquire_u64(shl_unit_desc(seat.heap, unit));
  if (shl_desc_class(desc) != 0) shl_hint_raise(seat.heap, unit, shl_desc_owner(desc));
}

static void recover_run(struct shl_seat seat, uint32_t chunk, uint32_t page) {
  if (!holds_claim(seat, chunk)) return;
  struct shl_run_place place = {.chunk = chunk, .page = page % SHL_PAGES_PER_CHUNK};
  shl_run_drop(seat.heap, place);
  let_claim_go(seat, chunk);
}

static void recover_new_slab(struct shl_seat seat, struct shl_journal entry) {
  uint32_t chunk = shl_unit_chunk(entry.a);
  if (!holds_claim(seat, chunk)) {
    shl_partial_push(seat, entry.class_index, entry.a);
    return;
  }
  for (uint32_t i = 0; i < shl_class_info(entry.class_index)->units; i++) {
    shl_store_release_u64(shl_unit_desc(seat.heap, entry.a + i), 0);
  }
  recover_run(seat, chunk, entry.a % SHL_UNITS_PER_CHUNK * SHL_PAGES_PER_UNIT);
}

static void recover_free_slab(struct shl_seat seat, struct shl_journal entry) {
  uint32_t chunk = shl_unit_chunk(entry.a);
  if (!holds_claim(seat, chunk)) return;
  shl_slab_release_steps(seat, entry.class_index, entry.a);
  let_claim_go(seat, chunk);
}

static void recover_trim(struct shl_seat seat, uint32_t chunk) {
  struct shl_chunk_word word = shl_chunk_read(seat.heap, chunk);
  if (word.state != SHL_CHUNK_TRIM || word.slot != shl_seat_id(seat)) return;
  (void)shl_chunk_trim_steps(seat, chunk);
}

// Whether the block at `off` dies by a record whose call had not come to its commit.
static bool is_kept(struct shl_seat seat, uint64_t off) {
  struct shl_record record = shl_record_read(seat.slot);
  bool dies = record.op == SHL_JA_FREE_FROM || record.op == SHL_JA_REALLOC_TO;
  if (!dies || record.block != off || !shl_record_may_be(seat.heap, record.dest)) return false;
  uint64_t value = shl_load_acquire_u64(shl_record_word(seat.heap, record.dest));
  return value != (record.op == SHL_JA_FREE_FROM ? 0 : record.second);
}

static void recover_huge_free(struct shl_seat seat, struct shl_journal entry) {
  struct shl_chunk_word word = shl_chunk_read(seat.heap, entry.a);
  if (word.state == SHL_CHUNK_HEAD && entry.op == SHL_J_HFREE1) {
    if (!is_kept(seat, shl_chunk_offset(entry.a))) (void)shl_huge_free(seat, entry.a);
    return;
  }
  if (word.state != SHL_CHUNK_FREEING || word.slot != shl_seat_id(seat)) return;
  shl_record_end(seat.slot);
  shl_journal_set(seat.slot, SHL_J_HFREE2, entry.a, entry.b);
  shl_huge_let_go(seat.heap, entry.a, entry.b);
}

static void recover_huge(struct shl_seat seat, struct shl_journal entry) {
  struct shl_chunk_word word = shl_chunk_read(seat.heap, entry.a);
  if (word.slot != shl_seat_id(seat)) return;
  if (word.state == SHL_CHUNK_CLAIM) {
    shl_record_end(seat.slot);
    shl_huge_let_go(seat.heap, entry.a, entry.b);
  }
  if (word.state == SHL_CHUNK_HEAD && word.x == entry.b) (void)shl_huge_free(seat, entry.a);
}

static void recover_resize(struct shl_seat seat, struct shl_journal entry) {
  shl_huge_settle(seat, entry.a, entry.a + 1, entry.a + entry.b);
}

// The steps that name a slab of the slot's own.
static void recover_slab_step(struct shl_seat seat, struct shl_journal entry) {
  if (!shl_unit_known(seat.heap, entry.a)) return;
  switch (entry.op) {
    case SHL_J_REFILL: recover_refill(seat, entry); break;
    case SHL_J_RELIST: recover_relist(seat, entry.a); break;
    case SHL_J_UNLINK: recover_unlink(seat, entry.a); break;
    case SHL_J_COLLECT: shl_remote_collect_again(seat, entry.a); break;
    case SHL_J_HINT: recover_hint(seat, entry.a); break;
    case SHL_J_NEWSLAB: recover_new_slab(seat, entry); break;
    case SHL_J_FREESLAB: recover_free_slab(seat, entry); break;
    default: break;
  }
}

// The steps that name a chunk.
static void recover_chunk_step(struct shl_seat seat, struct shl_journal entry) {
  if (!shl_chunk_known(seat.heap, entry.a)) return;
  switch (entry.op) {
    case SHL_J_CHUNK: let_claim_go(seat, entry.a); break;
    case SHL_J_TRIM: recover_trim(seat, entry.a); break;
    case SHL_J_RUN: recover_run(seat, entry.a, entry.b); break;
    case SHL_J_HUGE: recover_huge(seat, entry); break;
    case SHL_J_HFREE1:
    case SHL_J_HFREE2: recover_huge_free(seat, entry); break;
    case SHL_J_HGROW: recover_resize(seat, entry); break;
    default: break;
  }
}

static void recover_step(struct shl_seat seat) {
  struct shl_journal entry = shl_journal_decode(shl_load_acquire_u64(&seat.slot->journal));
  if (shl_class_info(entry.class_index)->bytes == 0) entry.class_index = 0;
  switch (entry.op) {
    case SHL_J_NONE: break;
    case SHL_J_DRAIN: shl_hint_restore(seat, entry.a); break;
    case SHL_J_ROOT: shl_root_recover(seat.heap, entry.a, shl_seat_id(seat)); break;
    case SHL_J_REFILL:
    case SHL_J_RELIST:
    case SHL_J_UNLINK:
    case SHL_J_COLLECT:
    case SHL_J_HINT:
    case SHL_J_NEWSLAB:
    case SHL_J_FREESLAB: recover_slab_step(seat, entry); break;
    default: recover_chunk_step(seat, entry); break;
  }
  shl_quota_settle(seat);
  shl_journal_clear(seat.slot);
}

// A publication is decided first, by its own word: once the step around it is finished that word
// may be another's. Deciding it takes no journal.
void shl_recover(struct shl_seat seat) {
  if (shl_record_read(seat.slot).op == SHL_JA_PUBLISH) shl_handover_recover(seat);
  recover_step(seat);
  shl_handover_recover(seat);
}
