// SPDX-License-Identifier: MIT
#include "tests/process/person.h"

enum { MARK_EVERY = 65536, MARK_SHIFT = 48 };

#define MARK (UINT64_C(0xb10c) << MARK_SHIFT)

static uint64_t swap(const struct person *person, shoal_off at, uint64_t mark) {
  shl_a64 *word = (shl_a64 *)shoal_ptr(person->heap, at);
  return atomic_exchange_explicit(word, mark, memory_order_acq_rel);
}

static uint64_t end_of(const struct person *person, shoal_off off) {
  return off + shoal_usable_size(person->heap, shoal_ptr(person->heap, off));
}

// returns: 1 iff there is a mark in the block: someone has it already.
static uint64_t take_block(struct person *person, shl_a64 *entry, uint64_t size) {
  bool taken = false;
  shoal_off off = shoal_alloc(person->heap, size, 0);
  if (off == 0) {
    person->refused_count++;
    return 0;
  }
  for (shoal_off at = off; at < end_of(person, off); at += MARK_EVERY) {
    taken = swap(person, at, MARK | at) >> MARK_SHIFT == MARK >> MARK_SHIFT || taken;
  }
  shl_store_release_u64(entry, off);
  return taken ? 1 : 0;
}

// returns: 1 iff the block does not carry its marks any more.
static uint64_t give_block(struct person *person, shl_a64 *entry) {
  bool lost = false;
  shoal_off off = shl_load_relaxed_u64(entry);
  shl_store_release_u64(entry, 0);
  for (shoal_off at = off; at < end_of(person, off); at += MARK_EVERY) {
    lost = swap(person, at, 0) != (MARK | at) || lost;
  }
  bool freed = shoal_free_offset(person->heap, off) == SHOAL_OK;
  return lost || !freed ? 1 : 0;
}

static uint64_t draw_wish(struct person *person) {
  if (draw_chance(&person->draw, person->small_percent)) return 64;
  return person->size_least + draw_size(&person->draw, person->size_most - person->size_least);
}

static uint64_t change_entry(struct person *person) {
  shl_a64 *entry = &person->entries[draw_below(&person->draw, person->entries_count)];
  bool full = shl_load_relaxed_u64(entry) != 0;
  shl_store_release_u64(&person->busy, 1);
  uint64_t wrong = full ? give_block(person, entry) : take_block(person, entry, draw_wish(person));
  shl_store_release_u64(&person->busy, 0);
  return wrong;
}

uint64_t person_change(struct person *person, uint64_t count) {
  uint64_t wrong = 0;
  for (uint64_t i = 0; i < count; i++) wrong += change_entry(person);
  return wrong;
}

uint64_t person_give_all(struct person *person) {
  uint64_t wrong = 0;
  for (unsigned i = 0; i < PERSON_ENTRIES; i++) {
    shl_a64 *entry = &person->entries[i];
    if (shl_load_relaxed_u64(entry) != 0) wrong += give_block(person, entry);
  }
  return wrong;
}

uint64_t person_count(const struct person *person) {
  uint64_t count = 0;
  for (unsigned i = 0; i < PERSON_ENTRIES; i++) {
    count += shl_load_acquire_u64(&person->entries[i]) != 0 ? 1 : 0;
  }
  return count;
}
