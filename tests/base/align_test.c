// SPDX-License-Identifier: MIT
// Goal: rounding is right at every edge. Method: compare with division, which shares no trick with
// the masks, around each power of two and at both ends of the range.
#include "base/align.h"
#include "tests/harness/harness.h"

enum { NEIGHBOURS = 3 };

static void powers_of_two_are_told_from_their_neighbours(void) {
  EXPECT(!shl_is_power_of_two(0));
  EXPECT(shl_is_power_of_two(1));
  EXPECT(shl_is_power_of_two(2));
  for (unsigned bit = 2; bit < 64; bit++) {
    uint64_t power = UINT64_C(1) << bit;
    EXPECT(shl_is_power_of_two(power));
    EXPECT(!shl_is_power_of_two(power - 1));
    EXPECT(!shl_is_power_of_two(power + 1));
    EXPECT(!shl_is_power_of_two(power | (power >> 1)));
  }
  EXPECT(!shl_is_power_of_two(UINT64_MAX));
}

static void expect_rounding(uint64_t n, uint64_t alignment) {
  uint64_t rest = n % alignment;
  EXPECT_EQ(rest == 0, shl_is_aligned(n, alignment));
  EXPECT_EQ(n - rest, shl_align_down(n, alignment));
  uint64_t up = rest == 0 ? n : n - rest + alignment;
  EXPECT_EQ(up, shl_align_up(n, alignment));
}

static void rounding_agrees_with_division(void) {
  for (unsigned bit = 0; bit < 64; bit++) {
    uint64_t alignment = UINT64_C(1) << bit;
    for (uint64_t multiple = 0; multiple <= 2; multiple++) {
      for (uint64_t step = 0; step <= 2 * (uint64_t)NEIGHBOURS; step++) {
        expect_rounding(multiple * alignment + step - NEIGHBOURS, alignment);
      }
    }
  }
}

static void rounding_up_past_the_end_wraps_to_zero(void) {
  EXPECT_EQ(UINT64_MAX, shl_align_up(UINT64_MAX, 1));
  for (unsigned bit = 1; bit < 64; bit++) {
    uint64_t alignment = UINT64_C(1) << bit;
    EXPECT_EQ(0, shl_align_up(UINT64_MAX, alignment));
    EXPECT_EQ(UINT64_MAX - alignment + 1, shl_align_down(UINT64_MAX, alignment));
  }
}

SUITE(align,
      TEST(powers_of_two_are_told_from_their_neighbours),
      TEST(rounding_agrees_with_division),
      TEST(rounding_up_past_the_end_wraps_to_zero))
