// SPDX-License-Identifier: MIT
// Goal: the bit arithmetic is right for every bit and at both ends. Method: words made of known
// bits, and a count made one bit at a time.
#include "base/bits.h"
#include "tests/harness/harness.h"

static void the_lowest_and_highest_bit_of_every_pair_are_found(void) {
  for (unsigned low = 0; low < 64; low++) {
    for (unsigned high = low; high < 64; high++) {
      uint64_t word = UINT64_C(1) << low | UINT64_C(1) << high;
      EXPECT_EQ(low, shl_lowest_bit(word));
      EXPECT_EQ(high, shl_highest_bit(word));
      EXPECT_EQ(low == high ? 1 : 2, shl_count_bits(word));
    }
  }
}

static void bits_between_do_not_matter(void) {
  EXPECT_EQ(0, shl_lowest_bit(UINT64_MAX));
  EXPECT_EQ(63, shl_highest_bit(UINT64_MAX));
  EXPECT_EQ(4, shl_lowest_bit(UINT64_C(0x00f0f0f0)));
  EXPECT_EQ(23, shl_highest_bit(UINT64_C(0x00f0f0f0)));
}

static void bits_are_counted(void) {
  EXPECT_EQ(0, shl_count_bits(0));
  EXPECT_EQ(64, shl_count_bits(UINT64_MAX));
  EXPECT_EQ(32, shl_count_bits(UINT64_C(0xaaaaaaaaaaaaaaaa)));
  EXPECT_EQ(1, shl_count_bits(UINT64_C(1) << 63));
}

static void a_low_mask_has_as_many_bits_as_asked_from_the_bottom(void) {
  uint64_t expected = 0;
  for (unsigned count = 0; count <= 64; count++) {
    EXPECT_EQ(expected, shl_low_mask(count));
    expected = expected << 1 | 1;
  }
}

static void numbers_round_up_to_a_power_of_two(void) {
  EXPECT_EQ(1, shl_power_of_two_above(0));
  EXPECT_EQ(1, shl_power_of_two_above(1));
  EXPECT_EQ(2, shl_power_of_two_above(2));
  EXPECT_EQ(4, shl_power_of_two_above(3));
  for (unsigned bit = 2; bit < 63; bit++) {
    uint64_t power = UINT64_C(1) << bit;
    EXPECT_EQ(power, shl_power_of_two_above(power - 1));
    EXPECT_EQ(power, shl_power_of_two_above(power));
    EXPECT_EQ(power << 1, shl_power_of_two_above(power + 1));
  }
  EXPECT_EQ(UINT64_C(1) << 63, shl_power_of_two_above(UINT64_C(1) << 63));
}

SUITE(bits,
      TEST(the_lowest_and_highest_bit_of_every_pair_are_found),
      TEST(bits_between_do_not_matter),
      TEST(bits_are_counted),
      TEST(a_low_mask_has_as_many_bits_as_asked_from_the_bottom),
      TEST(numbers_round_up_to_a_power_of_two))
