// SPDX-License-Identifier: MIT
// Rules on a slab. Each first asks whether the subject is still the same slab: one that was
// released meanwhile contradicts nothing.
#include "alloc/check.h"
#include "alloc/partial.h"
#include "alloc/slot.h"

static bool is_same(const struct shl_check *check, const struct shl_subject *subject) {
  return shl_slab_stands(check->heap, subject->index, subject->desc);
}

static bool units_agree(const struct shl_check *check, const struct shl_subject *subject) {
  const struct shl_slab_view *slab = subject->slab;
  for (uint32_t back = 0; back < slab->info->units; back++) {
    uint64_t desc = shl_load_acquire_u64(shl_unit_desc(check->heap, slab->unit + back));
    bool agrees = (desc & ~SHL_DESC_FLAGS) == shl_desc_make(slab->owner, slab->class_byte, back);
    if (!agrees) return !is_same(check, subject);
  }
  return true;
}

static bool header_is_possible(const struct shl_check *check, const struct shl_subject *subject) {
  const struct shl_slab_view *slab = subject->slab;
  unsigned state = shl_load_acquire_u8(&slab->hot->state);
  return state <= SHL_SLAB_PARTIAL || !is_same(check, subject);
}

static bool sets_are_within(const struct shl_check *check, const struct shl_subject *subject) {
  for (unsigned w = 0; w < subject->slab->info->words; w++) {
    struct shl_word_view word = shl_slab_word(subject->slab, w);
    uint64_t all = word.free | word.hand | word.pending;
    if ((all & ~word.blocks) != 0) return !is_same(check, subject);
  }
  return true;
}

static bool hand_is_apart(const struct shl_check *check, const struct shl_subject *subject) {
  for (unsigned w = 0; w < subject->slab->info->words; w++) {
    struct shl_word_view word = shl_slab_word(subject->slab, w);
    if ((word.free & word.hand) != 0) return !is_same(check, subject);
  }
  return true;
}

static bool pending_is_apart(const struct shl_check *check, const struct shl_subject *subject) {
  for (unsigned w = 0; w < subject->slab->info->words; w++) {
    struct shl_word_view word = shl_slab_word(subject->slab, w);
    if ((word.pending & (word.free | word.hand)) != 0) return !is_same(check, subject);
  }
  return true;
}

static bool summary_covers(const struct shl_check *check, const struct shl_subject *subject) {
  const struct shl_hot_rec *hot = subject->slab->hot;
  if (shl_load_acquire_u8(&hot->state) != SHL_SLAB_PARTIAL) return true;
  for (unsigned w = 0; w < subject->slab->info->words; w++) {
    bool covered = (shl_load_acquire_u64(&hot->nonempty) >> w & 1) != 0;
    if (!covered && shl_load_acquire_u64(&hot->free[w]) != 0) return !is_same(check, subject);
  }
  return true;
}

static bool full_is_full(const struct shl_check *check, const struct shl_subject *subject) {
  const struct shl_hot_rec *hot = subject->slab->hot;
  if (shl_load_acquire_u8(&hot->state) != SHL_SLAB_FULL) return true;
  for (unsigned w = 0; w < subject->slab->info->words; w++) {
    if (shl_load_acquire_u64(&hot->free[w]) != 0) return !is_same(check, subject);
  }
  return true;
}

static bool pending_is_hinted(const struct shl_check *check, const struct shl_subject *subject) {
  const struct shl_slab_view *slab = subject->slab;
  uint64_t pending = 0;
  for (unsigned w = 0; w < slab->info->words; w++) {
    pending |= shl_load_seq_cst_u64(&slab->remote->freed[w]);
  }
  if (pending == 0) return true;
  const struct shl_owner_rec *owner = shl_owner_row(check->heap, slab->owner);
  unsigned word = subject->chunk / 64 % SHL_HINT_WORDS;
  uint32_t dirty = shl_load_seq_cst_u32(&slab->row->dirty) >> slab->unit % SHL_UNITS_PER_CHUNK;
  uint64_t hint = shl_load_seq_cst_u64(&owner->hints[word]) >> subject->chunk % 64;
  uint64_t summary = shl_load_seq_cst_u64(&owner->hint_summary) >> word;
  return (dirty & hint & summary & 1) != 0 || !is_same(check, subject);
}

// Whether the list of the slab's class and owner comes by it.
static bool is_on_list(const struct shl_check *check, const struct shl_slab_view *slab) {
  struct shl_seat owner = shl_seat_of(check->heap, slab->owner);
  uint32_t unit = shl_load_acquire_u32(shl_partial_list(owner, slab->class_byte));
  uint32_t most = check->heap->chunk_end * SHL_UNITS_PER_CHUNK;
  for (uint32_t i = 0; unit != 0 && i < most; i++) {
    struct shl_slab_view member;
    if (unit == slab->unit) return true;
    if (!shl_chunk_known(check->heap, shl_unit_chunk(unit))) return false;
    uint64_t desc = shl_load_acquire_u64(shl_unit_desc(check->heap, unit));
    if (shl_slab_look(check->heap, unit, desc, &member) != NULL) return false;
    unit = shl_load_acquire_u32(&member.hot->next);
  }
  return false;
}

static bool partial_is_listed(const struct shl_check *check, const struct shl_subject *subject) {
  if (shl_load_acquire_u8(&subject->slab->hot->state) != SHL_SLAB_PARTIAL) return true;
  if (shl_check_is_marked(check, subject->index)) return true;
  return is_on_list(check, subject->slab) || !is_same(check, subject);
}

static const struct shl_rule slab_rules[] = {
    {units_agree, "A slab's units disagree on owner, class or place."},
    {header_is_possible, "A slab's state does not exist."},
    {sets_are_within, "A slab has free bits past its last block."},
    {hand_is_apart, "A block is free in its slab and in a hand."},
    {pending_is_apart, "A block is freed by another while it is free already."},
    {summary_covers, "A slab's summary misses a word with free blocks."},
    {full_is_full, "A full slab has free blocks."},
    {pending_is_hinted, "A slab with freed blocks has no hint at its owner."},
    {partial_is_listed, "A partial slab is not on its owner's list."},
};

void shl_check_slab(struct shl_check *check, const struct shl_part *part) {
  struct shl_slab_view slab;
  uint32_t unit = part->chunk * SHL_UNITS_PER_CHUNK + part->page / SHL_PAGES_PER_UNIT;
  const char *text = shl_slab_look(check->heap, unit, part->desc, &slab);
  struct shl_subject subject = {.off = shl_unit_offset(unit),
                                .chunk = part->chunk,
                                .slot = slab.owner,
                                .index = unit,
                                .desc = part->desc,
                                .slab = &slab};
  if (text != NULL) {
    shl_check_report(check, subject.off, text);
    return;
  }
  (void)shl_check_rules(check, slab_rules, sizeof slab_rules / sizeof slab_rules[0], &subject);
}
