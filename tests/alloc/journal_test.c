// SPDX-License-Identifier: MIT
// Goal: a journal word says what was put into it, in every field up to its width.
// Method: each field at its ends, through the slot's word.
#include "alloc/journal.h"

#include "tests/alloc/stand.h"
#include "tests/harness/harness.h"

static void a_word_is_stored_and_cleared_whole(void) {
  shoal_heap *heap = stand_open_tiny();
  struct shl_seat here = stand_here(heap);
  EXPECT(shl_journal_is_clear(here.slot));
  shl_journal_set(here.slot, SHL_J_HUGE, 77, 99);
  EXPECT(!shl_journal_is_clear(here.slot));
  struct shl_journal entry = shl_journal_decode(stand_journal(here));
  EXPECT_EQ(SHL_J_HUGE, entry.op);
  EXPECT_EQ(77, entry.a);
  EXPECT_EQ(99, entry.b);
  shl_journal_clear(here.slot);
  EXPECT_EQ(0, stand_journal(here));
  stand_close(heap);
}

static void each_field_has_its_width(void) {
  const struct shl_journal ends[] = {{.op = 0x3f}, {.class_index = 0xff}, {.a = 0x3ffffff},
                                     {.b = 0x3fffff}};
  uint64_t taken = 0;
  for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
    uint64_t word = shl_journal_encode(ends[i]);
    struct shl_journal entry = shl_journal_decode(word);
    EXPECT_EQ(ends[i].op, entry.op);
    EXPECT_EQ(ends[i].class_index, entry.class_index);
    EXPECT_EQ(ends[i].a, entry.a);
    EXPECT_EQ(ends[i].b, entry.b);
    EXPECT_EQ(0, taken & word);
    taken |= word;
  }
}

SUITE(journal, TEST(a_word_is_stored_and_cleared_whole), TEST(each_field_has_its_width))
