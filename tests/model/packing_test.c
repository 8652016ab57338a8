// SPDX-License-Identifier: MIT
// Goal: the largest heap there may be fits into the words that are stored as one. What the models
// take for granted: a word holds its fields whole, and none runs into another.
// Method: each word encoded with all fields at their limits at once, and with each alone.
#include "alloc/chunk.h"
#include "alloc/class.h"
#include "alloc/journal.h"
#include "alloc/pin.h"
#include "alloc/root.h"
#include "alloc/run.h"
#include "alloc/slot.h"
#include "alloc/tag.h"
#include "tests/harness/harness.h"

// The limits of a region: a capacity of 4 TiB, and those of alloc/format.c.
#define CHUNK_LAST ((UINT64_C(4) << 40) / SHL_CHUNK_BYTES - 1)
#define UNIT_LAST ((UINT64_C(4) << 40) / SHL_UNIT_BYTES - 1)
enum { PROCESS_LAST = 16383, TABLE_LAST = 65535, GENERATION_LAST = 0xffffff };

static void expect_journal(struct shl_journal entry) {
  struct shl_journal read = shl_journal_decode(shl_journal_encode(entry));
  EXPECT_EQ(entry.op, read.op);
  EXPECT_EQ(entry.class_index, read.class_index);
  EXPECT_EQ(entry.a, read.a);
  EXPECT_EQ(entry.b, read.b);
}

static void a_journal_names_the_last_of_everything(void) {
  uint32_t chunks = (uint32_t)CHUNK_LAST + 1;
  unsigned class_byte = SHL_CLASS_TAGGED + SHL_CLASS_COUNT - 1;
  expect_journal((struct shl_journal){
      SHL_J_REFILL, class_byte, (uint32_t)UNIT_LAST, SHL_WORDS_PER_SLAB - 1});
  expect_journal((struct shl_journal){SHL_J_NEWSLAB, class_byte, (uint32_t)UNIT_LAST, 0});
  expect_journal((struct shl_journal){
      SHL_J_RUN, 0, (uint32_t)CHUNK_LAST, SHL_PAGES_PER_CHUNK - 1});
  expect_journal((struct shl_journal){SHL_J_HUGE, 0, (uint32_t)CHUNK_LAST, chunks});
  expect_journal((struct shl_journal){SHL_J_HGROW, 0, (uint32_t)CHUNK_LAST, chunks});
  expect_journal((struct shl_journal){SHL_J_DRAIN, 0, 64 * SHL_HINT_WORDS - 1, 0});
  expect_journal((struct shl_journal){SHL_J_ROOT, 0, TABLE_LAST, 0});
  expect_journal((struct shl_journal){SHL_J_PIN, 0, TABLE_LAST, 0});
}

static void a_chunk_word_names_any_slot_and_the_longest_run(void) {
  for (unsigned state = SHL_CHUNK_FREE; state <= SHL_CHUNK_TRIM; state++) {
    uint32_t x = (uint32_t)CHUNK_LAST + 1;
    struct shl_chunk_word word = shl_chunk_decode(shl_chunk_encode(state, SHL_SLOT_MAX, x));
    EXPECT_EQ(state, word.state);
    EXPECT_EQ(SHL_SLOT_MAX, word.slot);
    EXPECT_EQ(x, word.x);
  }
}

static void a_run_word_holds_a_whole_chunk(void) {
  for (unsigned kind = SHL_RUN_BLOCK; kind <= SHL_RUN_TAGGED; kind++) {
    uint32_t word = shl_run_encode(SHL_PAGES_PER_CHUNK, kind);
    EXPECT_EQ(SHL_PAGES_PER_CHUNK, shl_run_pages(word));
    EXPECT_EQ(kind, shl_run_kind(word));
  }
}

static void a_hand_names_the_last_word_of_the_last_unit(void) {
  uint64_t ref = UNIT_LAST << 6 | (SHL_WORDS_PER_SLAB - 1);
  EXPECT_LE(ref, UINT32_MAX);
  EXPECT_EQ(UNIT_LAST, (uint32_t)ref >> 6);
}

static void a_descriptor_keeps_its_fields_beside_the_flags(void) {
  unsigned class_byte = SHL_CLASS_TAGGED + SHL_CLASS_COUNT - 1;
  uint64_t desc = shl_desc_make(SHL_SLOT_MAX, class_byte, SHL_UNITS_PER_CHUNK - 1);
  EXPECT_EQ(0, desc & SHL_DESC_FLAGS);
  desc |= SHL_DESC_FLAGS;
  EXPECT_EQ(SHL_SLOT_MAX, shl_desc_owner(desc));
  EXPECT_EQ(class_byte, shl_desc_class(desc));
  EXPECT_EQ(SHL_UNITS_PER_CHUNK - 1, shl_desc_back(desc));
}

static void owners_pins_and_tags_name_any_process(void) {
  struct shl_owner_word owner = shl_owner_decode(shl_owner_encode((struct shl_owner_word){
      SHL_OWNER_OWNED, PROCESS_LAST, GENERATION_LAST, GENERATION_LAST}));
  EXPECT_EQ(SHL_OWNER_OWNED, owner.state);
  EXPECT_EQ(PROCESS_LAST, owner.process);
  EXPECT_EQ(GENERATION_LAST, owner.process_generation);
  EXPECT_EQ(GENERATION_LAST, owner.generation);
  struct shl_pin_op pin = shl_pin_decode(shl_pin_encode((struct shl_pin_op){
      SHL_PIN_CHANGING, PROCESS_LAST, GENERATION_LAST, GENERATION_LAST}));
  EXPECT_EQ(SHL_PIN_CHANGING, pin.state);
  EXPECT_EQ(PROCESS_LAST, pin.process);
  EXPECT_EQ(GENERATION_LAST, pin.generation);
  EXPECT_EQ(GENERATION_LAST, pin.use);
  uint64_t tag = shl_tag_encode(PROCESS_LAST, GENERATION_LAST);
  EXPECT_EQ(PROCESS_LAST, shl_tag_process(tag));
  EXPECT_EQ(GENERATION_LAST, shl_tag_generation(tag));
}

// The counts that make a word differ from all before come round in 2^24 changes of one slot, and
// 2^47 of a root.
static void a_counted_word_comes_round_into_no_other_field(void) {
  struct shl_owner_word owner = {SHL_OWNER_OWNED, 1, 2, GENERATION_LAST + 1};
  EXPECT_EQ(shl_owner_encode((struct shl_owner_word){SHL_OWNER_OWNED, 1, 2, 0}),
            shl_owner_encode(owner));
  uint64_t most = (UINT64_C(1) << 47) - 1;
  struct shl_root_version last = {.busy = true, .slot = SHL_SLOT_MAX, .count = most};
  struct shl_root_version root = shl_root_decode(shl_root_encode(last));
  EXPECT(root.busy);
  EXPECT_EQ(SHL_SLOT_MAX, root.slot);
  EXPECT_EQ(most, root.count);
  EXPECT_EQ(0, shl_root_encode((struct shl_root_version){.count = most + 1}));
}

SUITE(packing, TEST(a_journal_names_the_last_of_everything),
      TEST(a_chunk_word_names_any_slot_and_the_longest_run), TEST(a_run_word_holds_a_whole_chunk),
      TEST(a_hand_names_the_last_word_of_the_last_unit),
      TEST(a_descriptor_keeps_its_fields_beside_the_flags),
      TEST(owners_pins_and_tags_name_any_process),
      TEST(a_counted_word_comes_round_into_no_other_field))
