// SPDX-License-Identifier: MIT
// Goal: the check sees each way in which a thread slot can contradict itself. Method: break one
// field of a real heap and read what is reported.
#include "alloc/journal.h"
#include "alloc/record.h"
#include "alloc/slot.h"
#include "tests/alloc/populated.h"
#include "tests/harness/harness.h"

static void set_owner(struct populated *populated, struct shl_owner_word word) {
  shl_store_relaxed_u64(&shl_owner_row(populated->heap, populated->slot)->word,
                        shl_owner_encode(word));
}

static void name_no_process(struct populated *populated) {
  struct shl_owner_word word = {.state = SHL_OWNER_OWNED, .process = 0};
  set_owner(populated, word);
}

static void name_process_past_the_table(struct populated *populated) {
  struct shl_owner_word word = {.state = SHL_OWNER_OWNED, .process = 16383};
  set_owner(populated, word);
}

static void name_no_owner_state(struct populated *populated) {
  struct shl_owner_word word = {.state = 3};
  set_owner(populated, word);
}

static void call_slot_never_taken(struct populated *populated) {
  struct shl_owner_word word = {.state = SHL_OWNER_FREE};
  set_owner(populated, word);
}

static void journal_no_step(struct populated *populated) {
  shl_store_relaxed_u64(&populated_page(populated)->journal, 63);
}

static void record_no_call(struct populated *populated) {
  shl_store_relaxed_u64(&populated_page(populated)->record.op, 9);
}

static void give_back_with_journal(struct populated *populated) {
  struct shl_owner_word word = {.state = SHL_OWNER_ORPHAN, .generation = 9};
  set_owner(populated, word);
  shl_journal_set(populated_page(populated), SHL_J_PIN, 1, 0);
}

static void give_back_with_record(struct populated *populated) {
  struct shl_owner_word word = {.state = SHL_OWNER_ORPHAN, .generation = 9};
  set_owner(populated, word);
  shl_store_relaxed_u64(&populated_page(populated)->record.op, SHL_JA_FREE_FROM);
}

static void lead_hand_nowhere(struct populated *populated) {
  shl_store_relaxed_u32(&populated_hand(populated)->ref, UINT32_MAX);
}

static void lead_hand_to_other_class(struct populated *populated) {
  uint32_t unit = populated_unit(populated->wide);
  shl_store_relaxed_u32(&populated_hand(populated)->ref, unit << 6);
}

static void lead_hand_to_metadata(struct populated *populated) {
  shl_store_relaxed_u32(&populated_hand(populated)->ref, 1 << 6);
}

static void give_hand_another_word(struct populated *populated) {
  shl_a32 *ref = &populated_hand(populated)->ref;
  shl_store_relaxed_u32(ref, shl_load_relaxed_u32(ref) ^ 1);
}

static void keep_blocks_of_no_slab(struct populated *populated) {
  shl_store_relaxed_u64(&populated_page(populated)->hands[72].blocks, 1);
}

static void change_hand_size(struct populated *populated) {
  shl_store_relaxed_u32(&populated_hand(populated)->size, 80);
}

static void change_hand_base(struct populated *populated) {
  shl_a64 *base = &populated_hand(populated)->base;
  shl_store_relaxed_u64(base, shl_load_relaxed_u64(base) + 64);
}

static shl_a32 *head_of(struct populated *populated) {
  return &populated_page(populated)->hands[shl_class_of(POPULATED_SMALL_BYTES)].head;
}

static void lead_list_nowhere(struct populated *populated) {
  shl_store_relaxed_u32(head_of(populated), UINT32_MAX);
}

static void lead_list_to_metadata(struct populated *populated) {
  shl_store_relaxed_u32(head_of(populated), 2);
}

static void list_full_slab(struct populated *populated) {
  shl_store_relaxed_u32(head_of(populated), populated->full);
}

static void list_other_class(struct populated *populated) {
  shl_store_relaxed_u32(head_of(populated), populated_unit(populated->wide));
}

static void break_back_link(struct populated *populated) {
  uint32_t second = shl_load_relaxed_u32(
      &populated_hot(populated, shl_load_relaxed_u32(head_of(populated)))->next);
  shl_store_relaxed_u32(&populated_hot(populated, second)->prev, 0);
}

static void close_list_to_a_ring(struct populated *populated) {
  uint32_t first = shl_load_relaxed_u32(head_of(populated));
  uint32_t second = shl_load_relaxed_u32(&populated_hot(populated, first)->next);
  shl_store_relaxed_u32(&populated_hot(populated, second)->next, first);
}

static void list_plain_slab_as_tagged(struct populated *populated) {
  unsigned class_index = shl_class_of(POPULATED_SMALL_BYTES);
  shl_store_relaxed_u32(&populated_page(populated)->tagged_heads[class_index],
                        populated->relisted);
}

static void broken_slots_are_reported(void) {
  static const struct corruption rows[] = {
      {"no process", name_no_process, "names no possible owner"},
      {"process past the table", name_process_past_the_table, "names no possible owner"},
      {"owner state", name_no_owner_state, "names no possible owner"},
      {"FREE with hands", call_slot_never_taken, "that nobody took"},
      {"journal", journal_no_step, "no step that exists"},
      {"record", record_no_call, "no step that exists"},
      {"ORPHAN with journal", give_back_with_journal, "in the middle of a step"},
      {"ORPHAN with record", give_back_with_record, "in the middle of a step"},
      {"hand past the region", lead_hand_nowhere, "names no word of a slab"},
      {"hand on another class", lead_hand_to_other_class, "names no word of a slab"},
      {"hand in the metadata", lead_hand_to_metadata, "names no word of a slab"},
      {"hand on another word", give_hand_another_word, "block size or address"},
      {"blocks without a slab", keep_blocks_of_no_slab, "names no word of a slab"},
      {"hand size", change_hand_size, "size or address"},
      {"hand base", change_hand_base, "size or address"},
      {"list past the region", lead_list_nowhere, "list of partial slabs is broken"},
      {"list in the metadata", lead_list_to_metadata, "list of partial slabs is broken"},
      {"FULL on a list", list_full_slab, "list of partial slabs is broken"},
      {"another class's slab", list_other_class, "list of partial slabs is broken"},
      {"prev", break_back_link, "list of partial slabs is broken"},
      {"a plain slab as tagged", list_plain_slab_as_tagged, "list of partial slabs is broken"},
      {"a ring", close_list_to_a_ring, "list of partial slabs is broken"},
  };
  populated_expect_reports(rows, sizeof rows / sizeof rows[0]);
}

// A refill cut short and recovered leaves the hand empty where it was.
static void an_empty_hand_may_stay_where_it_was(void) {
  struct populated populated;
  ASSERT(populated_open(&populated));
  uint64_t blocks = shl_load_relaxed_u64(&populated_hand(&populated)->blocks);
  unsigned word = shl_load_relaxed_u32(&populated_hand(&populated)->ref) & 63;
  struct shl_hot_rec *hot = populated_hot(&populated, populated.current);
  shl_store_relaxed_u64(&hot->nonempty, UINT64_MAX);
  shl_store_relaxed_u64(&hot->free[word], shl_load_relaxed_u64(&hot->free[word]) | blocks);
  shl_store_relaxed_u64(&populated_hand(&populated)->blocks, 0);
  EXPECT(populated_is_clean(&populated));
  populated_close(&populated);
}

SUITE(check_slot, TEST(broken_slots_are_reported), TEST(an_empty_hand_may_stay_where_it_was))
