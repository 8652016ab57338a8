// SPDX-License-Identifier: MIT
// Goal: whatever waits has all three hints.
// Method: levels set, cleared and left behind by hand.
#include "alloc/hint.h"

#include "alloc/class.h"
#include "alloc/drain.h"
#include "alloc/journal.h"
#include "tests/alloc/seats.h"
#include "tests/harness/harness.h"

static void open_heap(void) {
  seats_open(stand_open(0), 0);
}

static struct shl_owner_rec *owner_row(void) {
  return shl_owner_row(heap, shl_seat_id(here));
}

static bool has_hint(uint32_t unit) {
  uint32_t chunk = shl_unit_chunk(unit);
  bool dirty = (shl_load_relaxed_u32(&shl_chunk_row(heap, chunk)->dirty) >> unit % 32 & 1) != 0;
  bool middle = (shl_load_relaxed_u64(&owner_row()->hints[chunk / 64]) >> chunk % 64 & 1) != 0;
  bool summary = (shl_load_relaxed_u64(&owner_row()->hint_summary) >> chunk / 64 & 1) != 0;
  return dirty && middle && summary;
}

static void a_raised_hint_has_three_levels(void) {
  uint32_t unit = stand_slab(here, 4);
  EXPECT(!has_hint(unit));
  shl_hint_raise(heap, unit, shl_seat_id(here));
  EXPECT(has_hint(unit));
  shl_drain(here);
  EXPECT_EQ(0, shl_load_relaxed_u64(&owner_row()->hint_summary));
  EXPECT_EQ(0, shl_load_relaxed_u32(&shl_chunk_row(heap, shl_unit_chunk(unit))->dirty));
  EXPECT_EQ(0, stand_journal(here));
}

// A stale bit of a lower level must not keep the upper ones from being set.
static void each_level_is_raised_by_itself(void) {
  uint32_t unit = stand_slab(here, 4), chunk = shl_unit_chunk(unit);
  shl_store_relaxed_u32(&shl_chunk_row(heap, chunk)->dirty, UINT32_C(1) << unit % 32);
  shl_hint_raise(heap, unit, shl_seat_id(here));
  EXPECT(has_hint(unit));
  shl_store_relaxed_u64(&owner_row()->hint_summary, 0);
  shl_hint_raise(heap, unit, shl_seat_id(here));
  EXPECT(has_hint(unit));
  shl_drain(here);
}

static void owners_that_cannot_be_get_no_hint(void) {
  uint32_t unit = stand_slab(here, 4);
  shl_hint_raise(heap, unit, 0);
  shl_hint_raise(heap, unit, heap->slot_count + 1);
  EXPECT_EQ(0, shl_load_relaxed_u32(&shl_chunk_row(heap, shl_unit_chunk(unit))->dirty));
}

// What a free looks at first lies in the unit of the block, not of the slab.
static void every_unit_of_a_slab_says_that_frees_wait(void) {
  uint32_t wide = stand_slab(here, 60);
  EXPECT_LT(1, shl_classes[60].units);
  shl_hint_raise(heap, wide, shl_seat_id(here));
  for (uint32_t i = 0; i < shl_classes[60].units; i++) {
    EXPECT(shl_desc_pending(shl_load_relaxed_u64(shl_unit_desc(heap, wide + i))));
  }
  shl_drain(here);
  for (uint32_t i = 0; i < shl_classes[60].units; i++) {
    EXPECT(!shl_desc_pending(shl_load_relaxed_u64(shl_unit_desc(heap, wide + i))));
  }
}

static void restoring_sets_both_upper_levels(void) {
  shl_hint_restore(here, 4095);
  EXPECT_EQ(UINT64_C(1) << 63, shl_load_relaxed_u64(&owner_row()->hints[63]));
  EXPECT_EQ(UINT64_C(1) << 63, shl_load_relaxed_u64(&owner_row()->hint_summary));
  shl_drain(here);
  EXPECT_EQ(0, shl_load_relaxed_u64(&owner_row()->hint_summary));
  EXPECT_EQ(0, shl_load_relaxed_u64(&owner_row()->hints[63]));
}

SUITE(hint, SET_UP(open_heap), TEAR_DOWN(seats_close), TEST(a_raised_hint_has_three_levels),
      TEST(each_level_is_raised_by_itself), TEST(owners_that_cannot_be_get_no_hint),
      TEST(every_unit_of_a_slab_says_that_frees_wait), TEST(restoring_sets_both_upper_levels))
