// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_JOURNAL_H
#define SHL_ALLOC_JOURNAL_H

#include "alloc/handle.h"

// J: one word a slot, {op 6, class 8, a 26, b 22}, stored before the first store of a step that
// takes more than one, and stored 0 after the last. Whoever finds a dead slot's J finishes or
// undoes the step it names (docs/RECOVERY.md has the table). Only the slot's owner, or who acts as
// it, stores it. One release store sets it: earlier stores of the step before come before it.
enum {
  SHL_J_NONE = 0,
  SHL_J_REFILL = 1,     // a = unit of the slab, b = word; also for handing back
  SHL_J_RELIST = 2,     // a = unit
  SHL_J_UNLINK = 3,     // a = unit
  SHL_J_COLLECT = 4,    // a = unit
  SHL_J_FREESLAB = 5,   // class, a = unit
  SHL_J_HINT = 6,       // a = unit
  SHL_J_DRAIN = 7,      // a = chunk modulo 4096
  SHL_J_CHUNK = 8,      // a = chunk
  SHL_J_TRIM = 9,       // a = chunk
  SHL_J_RUN = 10,       // a = chunk, b = first page
  SHL_J_NEWSLAB = 11,   // class, a = unit
  SHL_J_HUGE = 12,      // a = head chunk, b = chunk count
  SHL_J_HFREE1 = 13,    // the same: HEAD is being taken to FREEING
  SHL_J_HFREE2 = 14,    // the same: its words are being let go
  SHL_J_HGROW = 15,     // a = head chunk, b = chunk count, before or after, whichever is more
  SHL_J_ROOT = 16,      // a = root record
  SHL_J_PIN = 17        // a = pin record
};

struct shl_journal {
  unsigned op;
  unsigned class_index;
  uint32_t a;
  uint32_t b;
};

static inline uint64_t shl_journal_encode(struct shl_journal entry) {
  return (uint64_t)entry.op | (uint64_t)entry.class_index << 6 | (uint64_t)entry.a << 14 |
         (uint64_t)entry.b << 40;
}

static inline struct shl_journal shl_journal_decode(uint64_t word) {
  return (struct shl_journal){.op = (unsigned)(word & 0x3f),
                              .class_index = (unsigned)(word >> 6 & 0xff),
                              .a = (uint32_t)(word >> 14 & 0x3ffffff),
                              .b = (uint32_t)(word >> 40 & 0x3fffff)};
}

static inline void shl_journal_set(struct shl_slot_rec *slot, unsigned op, uint32_t a, uint32_t b) {
  struct shl_journal entry = {.op = op, .a = a, .b = b};
  shl_store_release_u64(&slot->journal, shl_journal_encode(entry));
}

static inline void shl_journal_clear(struct shl_slot_rec *slot) {
  shl_store_release_u64(&slot->journal, 0);
}

/// Whether the slot is between steps.
static inline bool shl_journal_is_clear(const struct shl_slot_rec *slot) {
  return shl_load_relaxed_u64(&slot->journal) == 0;
}

#endif
