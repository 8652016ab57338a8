// SPDX-License-Identifier: MIT
// Rules on root and pin records.
#include <string.h>

#include "alloc/check.h"
#include "alloc/journal.h"
#include "alloc/pin.h"
#include "alloc/root.h"

static const struct shl_root_rec *root_of(const struct shl_check *check,
                                          const struct shl_subject *subject) {
  return &check->heap->roots[subject->index];
}

static struct shl_root_version version_of(const struct shl_check *check,
                                          const struct shl_subject *subject) {
  return shl_root_decode(shl_load_acquire_u64(&root_of(check, subject)->version));
}

static bool version_is_possible(const struct shl_check *check, const struct shl_subject *subject) {
  struct shl_root_version version = version_of(check, subject);
  if (!version.busy) return version.slot == 0;
  if (version.slot == 0 || version.slot > shl_slot_high_water(check->heap)) return false;
  uint64_t word = shl_load_acquire_u64(&shl_slot_page(check->heap, version.slot)->journal);
  struct shl_journal entry = shl_journal_decode(word);
  return entry.op == SHL_J_ROOT && entry.a == subject->index;
}

static bool root_adds_up(const struct shl_check *check, const struct shl_subject *subject) {
  struct shl_root_copy copy;
  if (shl_load_acquire_u64(&root_of(check, subject)->check) == 0) return true;
  bool busy = version_of(check, subject).busy;
  return busy || shl_root_copy(check->heap, subject->index, &copy);
}

static bool root_has_name(const struct shl_check *check, const struct shl_subject *subject) {
  struct shl_root_copy copy;
  uint64_t words[SHL_ROOT_WORDS];
  char name[SHL_ROOT_NAME_BYTES];
  if (!shl_root_copy(check->heap, subject->index, &copy)) return true;
  memcpy(name, copy.name, sizeof name);
  name[sizeof name - 1] = '\0';
  return shl_root_name(name, words) && memcmp(words, copy.name, sizeof words) == 0 &&
         shl_root_hash(words) == copy.hash;
}

static bool root_is_found(const struct shl_check *check, const struct shl_subject *subject) {
  struct shl_root_copy copy;
  struct shl_root_copy found;
  if (!shl_root_copy(check->heap, subject->index, &copy)) return true;
  return shl_root_find(check->heap, copy.hash, copy.name, &found) == subject->index;
}

static bool none_is_empty(const struct shl_check *check, const struct shl_subject *subject) {
  const struct shl_root_rec *root = root_of(check, subject);
  if (version_of(check, subject).busy || shl_load_acquire_u64(&root->check) != 0) return true;
  uint64_t rest = shl_load_acquire_u64(&root->off) | shl_load_acquire_u64(&root->size) |
                  shl_load_acquire_u64(&root->type_id) |
                  shl_load_acquire_u32(&root->type_version) | shl_load_acquire_u32(&root->flags);
  for (unsigned w = 0; w < SHL_ROOT_WORDS; w++) {
    rest |= shl_load_acquire_u64(&check->heap->root_names[subject->index].bytes[w]);
  }
  bool empty = rest == 0 && shl_load_acquire_u64(&root->name_hash) <= SHL_ROOT_REMOVED;
  return empty || version_of(check, subject).busy || shl_load_acquire_u64(&root->check) != 0;
}

static const struct shl_rule root_rules[] = {
    {version_is_possible, "A root record is being changed by a slot that knows nothing of it."},
    {root_adds_up, "A root record's sum does not match."},
    {root_has_name, "A root record's name and hash do not match."},
    {root_is_found, "A root is not found by its name."},
    {none_is_empty, "A record without a root is not empty."},
};

void shl_check_roots(struct shl_check *check) {
  for (uint32_t i = 0; i < check->heap->root_count; i++) {
    struct shl_subject subject = {.off = shl_region_offset(check->heap, &check->heap->roots[i]),
                                  .index = i};
    (void)shl_check_rules(check, root_rules, sizeof root_rules / sizeof root_rules[0], &subject);
  }
}

static bool pin_is_possible(const struct shl_check *check, const struct shl_subject *subject) {
  const struct shl_pin_rec *pin = &check->heap->pins[subject->index];
  uint64_t word = shl_load_acquire_u64(&pin->op);
  struct shl_pin_op op = shl_pin_decode(word);
  if (op.state == SHL_PIN_FREE) return word == 0;
  return op.state <= SHL_PIN_CHANGING && op.process != 0 &&
         op.process <= check->heap->region->header.max_processes;
}

static bool pin_is_within(const struct shl_check *check, const struct shl_subject *subject) {
  const struct shl_pin_rec *pin = &check->heap->pins[subject->index];
  if (shl_pin_decode(shl_load_acquire_u64(&pin->op)).state != SHL_PIN_PINNED) return true;
  uint64_t first = shl_load_acquire_u64(&pin->first_chunk);
  uint64_t count = shl_load_acquire_u64(&pin->chunk_count);
  return first >= check->heap->first_chunk && first < check->heap->chunk_end && count != 0 &&
         count <= check->heap->chunk_end - first;
}

static const struct shl_rule pin_rules[] = {
    {pin_is_possible, "A pin record's state or process does not exist."},
    {pin_is_within, "A pin record's chunks are not data."},
};

void shl_check_pins(struct shl_check *check) {
  for (uint32_t i = 0; i < check->heap->pin_count; i++) {
    struct shl_subject subject = {.off = shl_region_offset(check->heap, &check->heap->pins[i]),
                                  .index = i};
    (void)shl_check_rules(check, pin_rules, sizeof pin_rules / sizeof pin_rules[0], &subject);
  }
}
