// SPDX-License-Identifier: MIT
// Rules on a thread slot: who owns it, what its journal says, what its hands and lists lead to.
#include "alloc/census.h"
#include "alloc/check.h"
#include "alloc/journal.h"
#include "alloc/partial.h"
#include "alloc/record.h"
#include "alloc/slot.h"

static const struct shl_slot_rec *page_of(const struct shl_check *check,
                                          const struct shl_subject *subject) {
  return shl_slot_page(check->heap, subject->slot);
}

static struct shl_owner_word owner_of(const struct shl_check *check,
                                      const struct shl_subject *subject) {
  return shl_owner_decode(shl_load_acquire_u64(&shl_owner_row(check->heap, subject->slot)->word));
}

static bool owner_is_possible(const struct shl_check *check, const struct shl_subject *subject) {
  struct shl_owner_word word = owner_of(check, subject);
  if (word.state == SHL_OWNER_OWNED) {
    return word.process >= 1 && word.process <= check->heap->region->header.max_processes;
  }
  return word.state < SHL_OWNER_OWNED && word.process == 0 && word.process_generation == 0;
}

static bool journal_is_possible(const struct shl_check *check, const struct shl_subject *subject) {
  const struct shl_slot_rec *page = page_of(check, subject);
  struct shl_journal entry = shl_journal_decode(shl_load_acquire_u64(&page->journal));
  return entry.op <= SHL_J_PIN && shl_load_acquire_u64(&page->record.op) <= SHL_JA_LAST;
}

static bool given_back_is_done(const struct shl_check *check, const struct shl_subject *subject) {
  const struct shl_slot_rec *page = page_of(check, subject);
  bool done = shl_load_acquire_u64(&page->journal) == 0 &&
              shl_load_acquire_u64(&page->record.op) == SHL_JA_NONE;
  return done || owner_of(check, subject).state == SHL_OWNER_OWNED;
}

static bool given_back_reserves_nothing(const struct shl_check *check,
                                        const struct shl_subject *subject) {
  const struct shl_slot_rec *page = page_of(check, subject);
  for (unsigned i = 0; i < SHL_RESERVATIONS; i++) {
    if (shl_load_acquire_u64(&page->reservations[i]) != 0) {
      return owner_of(check, subject).state == SHL_OWNER_OWNED;
    }
  }
  return true;
}

static bool reservations_are_blocks(const struct shl_check *check,
                                    const struct shl_subject *subject) {
  const struct shl_slot_rec *page = page_of(check, subject);
  for (unsigned i = 0; i < SHL_RESERVATIONS; i++) {
    uint64_t off = shl_load_acquire_u64(&page->reservations[i]);
    shoal_block block;
    if (off == 0 || (shl_block_find(check->heap, off, &block) && block.off == off)) continue;
    if (shl_load_acquire_u64(&page->reservations[i]) == off) return false;
  }
  return true;
}

static bool never_taken_is_empty(const struct shl_check *check, const struct shl_subject *subject) {
  if (owner_of(check, subject).state != SHL_OWNER_FREE) return true;
  const struct shl_slot_rec *page = page_of(check, subject);
  for (unsigned i = 0; i < SHL_CLASS_COUNT; i++) {
    bool empty = shl_load_acquire_u32(&page->hands[i].head) == 0 &&
                 shl_load_acquire_u32(&page->tagged_heads[i]) == 0 &&
                 shl_load_acquire_u32(&page->hands[i].ref) == 0 &&
                 shl_load_acquire_u64(&page->hands[i].blocks) == 0;
    if (!empty) return owner_of(check, subject).state != SHL_OWNER_FREE;
  }
  return true;
}

static const struct shl_rule slot_rules[] = {
    {owner_is_possible, "A thread slot's owner word names no possible owner."},
    {journal_is_possible, "A thread slot's journal or record holds no step that exists."},
    {given_back_is_done, "A thread slot was given back in the middle of a step."},
    {given_back_reserves_nothing, "A thread slot was given back with a reservation."},
    {reservations_are_blocks, "A reservation names no allocated block."},
    {never_taken_is_empty, "A thread slot that nobody took has hands or lists."},
};

// Reads a unit that a slot's word leads to as a slab of the slot's.
static bool look_at_own(const struct shl_check *check, const struct shl_subject *subject,
                        uint32_t unit, struct shl_slab_view *out) {
  uint32_t chunk = shl_unit_chunk(unit);
  if (!shl_chunk_known(check->heap, chunk)) return false;
  uint64_t desc = shl_load_acquire_u64(shl_unit_desc(check->heap, unit));
  if (shl_desc_class(desc) != subject->index || shl_desc_owner(desc) != subject->slot) return false;
  return shl_desc_back(desc) == 0 && shl_slab_look(check->heap, unit, desc, out) == NULL;
}

static bool hand_names_slab(const struct shl_check *check, const struct shl_subject *subject) {
  const struct shl_hand_rec *hand = &page_of(check, subject)->hands[subject->index];
  uint32_t ref = shl_load_acquire_u32(&hand->ref);
  uint64_t blocks = shl_load_acquire_u64(&hand->blocks);
  struct shl_slab_view slab;
  if (ref == 0) return blocks == 0;
  if (!look_at_own(check, subject, ref >> 6, &slab)) return false;
  return (ref & 63) < slab.info->words;
}

static bool hand_has_address(const struct shl_check *check, const struct shl_subject *subject) {
  const struct shl_hand_rec *hand = &page_of(check, subject)->hands[subject->index];
  uint64_t blocks = shl_load_acquire_u64(&hand->blocks);
  uint32_t ref = shl_load_acquire_u32(&hand->ref);
  if (blocks == 0) return true;
  uint64_t size = shl_classes[subject->index].bytes;
  return shl_load_acquire_u32(&hand->size) == size &&
         shl_load_acquire_u64(&hand->base) == shl_unit_offset(ref >> 6) + 64 * size * (ref & 63);
}

// Walks the list and marks its members. A member's `prev` must be the one before it, so that a list
// which comes back to a member is noticed there.
static bool list_is_whole(const struct shl_check *check, const struct shl_subject *subject) {
  uint32_t before = 0;
  struct shl_seat seat = shl_seat_of(check->heap, subject->slot);
  uint32_t unit = shl_load_acquire_u32(shl_partial_list(seat, subject->index));
  uint64_t most = (uint64_t)check->heap->chunk_end * SHL_UNITS_PER_CHUNK;
  for (uint64_t i = 0; unit != 0; i++) {
    struct shl_slab_view slab;
    if (i > most || !look_at_own(check, subject, unit, &slab)) return false;
    if (shl_load_acquire_u8(&slab.hot->state) != SHL_SLAB_PARTIAL) return false;
    if (shl_load_acquire_u32(&slab.hot->prev) != before) return false;
    if (shl_unit_chunk(unit) < check->high) (void)shl_check_mark(check, unit);
    before = unit;
    unit = shl_load_acquire_u32(&slab.hot->next);
  }
  return true;
}

static const struct shl_rule class_rules[] = {
    {hand_names_slab, "A hand names no word of a slab of its slot's."},
    {hand_has_address, "A hand's block size or address is not its slab's."},
};

static const struct shl_rule list_rules[] = {
    {list_is_whole, "A list of partial slabs is broken."},
};

static void check_list(struct shl_check *check, struct shl_subject *subject, unsigned class_byte) {
  subject->index = class_byte;
  (void)shl_check_rules(check, list_rules, sizeof list_rules / sizeof list_rules[0], subject);
}

void shl_check_slot(struct shl_check *check, uint32_t slot) {
  struct shl_subject subject = {
      .off = shl_region_offset(check->heap, shl_slot_page(check->heap, slot)),
      .slot = slot,
      .strict = true};
  (void)shl_check_rules(check, slot_rules, sizeof slot_rules / sizeof slot_rules[0], &subject);
  subject.strict = false;
  for (unsigned i = 1; i < SHL_CLASS_COUNT; i++) {
    subject.index = i;
    (void)shl_check_rules(check, class_rules, sizeof class_rules / sizeof class_rules[0], &subject);
    check_list(check, &subject, i);
    check_list(check, &subject, SHL_CLASS_TAGGED + i);
  }
}
