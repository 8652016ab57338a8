// SPDX-License-Identifier: MIT
// Goal: the check sees each way in which root and pin records can contradict themselves. Method:
// break one field of a real heap and read what is reported.
#include "alloc/pin.h"
#include "alloc/root.h"
#include "tests/alloc/populated.h"
#include "tests/harness/harness.h"

static uint32_t root_index(const struct populated *populated, const char *name) {
  struct shl_root_copy copy;
  uint64_t words[SHL_ROOT_WORDS];
  EXPECT(shl_root_name(name, words));
  uint32_t index = shl_root_find(populated->heap, shl_root_hash(words), words, &copy);
  EXPECT_LT(index, populated->heap->root_count);
  return index % populated->heap->root_count;
}

static struct shl_root_rec *first_root(const struct populated *populated) {
  return &populated->heap->roots[root_index(populated, "first")];
}

static void hold_root_by_nobody(struct populated *populated) {
  struct shl_root_version version = {.busy = true, .slot = populated->slot, .count = 4};
  shl_store_relaxed_u64(&first_root(populated)->version, shl_root_encode(version));
}

static void hold_root_past_the_slots(struct populated *populated) {
  struct shl_root_version version = {.busy = true, .slot = 65535, .count = 4};
  shl_store_relaxed_u64(&first_root(populated)->version, shl_root_encode(version));
}

static void change_type(struct populated *populated) {
  shl_store_relaxed_u64(&first_root(populated)->type_id, 10);
}

static void change_name(struct populated *populated) {
  uint32_t index = root_index(populated, "first");
  shl_store_relaxed_u64(&populated->heap->root_names[index].bytes[1], 1);
}

// The sum matches, but the name's end is not where it should be.
static void change_name_and_sum(struct populated *populated) {
  uint32_t index = root_index(populated, "first");
  struct shl_root_copy copy;
  EXPECT(shl_root_copy(populated->heap, index, &copy));
  copy.name[SHL_ROOT_WORDS - 1] = 1;
  shl_store_relaxed_u64(&populated->heap->root_names[index].bytes[SHL_ROOT_WORDS - 1], 1);
  shl_store_relaxed_u64(&populated->heap->roots[index].check, shl_root_check(&copy));
}

static void copy_root(struct populated *populated, uint32_t from, uint32_t to) {
  struct shl_root_copy copy;
  EXPECT(shl_root_copy(populated->heap, from, &copy));
  struct shl_root_rec *record = &populated->heap->roots[to];
  shl_store_relaxed_u64(&record->off, copy.root.off);
  shl_store_relaxed_u64(&record->size, copy.root.size);
  shl_store_relaxed_u64(&record->type_id, copy.root.type_id);
  shl_store_relaxed_u32(&record->type_version, copy.root.type_version);
  shl_store_relaxed_u32(&record->flags, copy.root.flags);
  shl_store_relaxed_u64(&record->name_hash, copy.hash);
  shl_store_relaxed_u64(&record->generation, copy.generation);
  shl_store_relaxed_u64(&record->check, copy.check);
  for (unsigned w = 0; w < SHL_ROOT_WORDS; w++) {
    shl_store_relaxed_u64(&populated->heap->root_names[to].bytes[w], copy.name[w]);
  }
}

static void double_root(struct populated *populated) {
  uint32_t from = root_index(populated, "first");
  uint32_t to = (from + 1) % populated->heap->root_count;
  if (to == root_index(populated, "second")) to = (to + 1) % populated->heap->root_count;
  copy_root(populated, from, to);
}

static uint32_t unused_root(const struct populated *populated) {
  uint32_t index = 0;
  while (shl_load_relaxed_u64(&populated->heap->roots[index].name_hash) != 0) index++;
  return index;
}

static void leave_offset_behind(struct populated *populated) {
  shl_store_relaxed_u64(&populated->heap->roots[unused_root(populated)].off, 4096);
}

static void leave_hash_behind(struct populated *populated) {
  shl_store_relaxed_u64(&populated->heap->roots[unused_root(populated)].name_hash, 4096);
}

static struct shl_pin_rec *first_pin(const struct populated *populated) {
  return &populated->heap->pins[0];
}

static void name_no_pin_state(struct populated *populated) {
  shl_store_relaxed_u64(&first_pin(populated)->op, 3);
}

static void free_pin_with_process(struct populated *populated) {
  struct shl_pin_op op = {.state = SHL_PIN_FREE, .process = 1};
  shl_store_relaxed_u64(&first_pin(populated)->op, shl_pin_encode(op));
}

static void pin_by_no_process(struct populated *populated) {
  struct shl_pin_op op = {.state = SHL_PIN_PINNED, .process = 16383};
  shl_store_relaxed_u64(&first_pin(populated)->op, shl_pin_encode(op));
}

static void pin_metadata(struct populated *populated) {
  shl_store_relaxed_u64(&first_pin(populated)->first_chunk, 0);
}

static void pin_past_the_end(struct populated *populated) {
  shl_store_relaxed_u64(&first_pin(populated)->chunk_count, UINT64_MAX);
}

static void broken_records_are_reported(void) {
  static const struct corruption rows[] = {
      {"busy by nobody", hold_root_by_nobody, "slot that knows nothing of it"},
      {"busy past the slots", hold_root_past_the_slots, "slot that knows nothing of it"},
      {"type", change_type, "sum does not match"},
      {"name", change_name, "sum does not match"},
      {"name's end", change_name_and_sum, "name and hash do not match"},
      {"the same root twice", double_root, "not found by its name"},
      {"offset of no root", leave_offset_behind, "record without a root is not empty"},
      {"hash of no root", leave_hash_behind, "record without a root is not empty"},
      {"pin state", name_no_pin_state, "state or process does not exist"},
      {"free pin", free_pin_with_process, "state or process does not exist"},
      {"pin's process", pin_by_no_process, "state or process does not exist"},
      {"pin in the metadata", pin_metadata, "chunks are not data"},
      {"pin past the end", pin_past_the_end, "chunks are not data"},
  };
  populated_expect_reports(rows, sizeof rows / sizeof rows[0]);
}

SUITE(check_record, TEST(broken_records_are_reported))
