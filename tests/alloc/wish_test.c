// SPDX-License-Identifier: MIT
// Goal: flags and alignments that exist are read, all others refused. Method: every exponent, every
// bit of the flags.
#include "alloc/wish.h"

#include "tests/harness/harness.h"

static void each_alignment_up_to_2_mib_is_read(void) {
  struct shl_wish wish;
  for (unsigned exponent = 0; exponent <= 21; exponent++) {
    uint64_t alignment = UINT64_C(1) << exponent;
    EXPECT(shl_wish_read(77, SHOAL_ALIGN(alignment) | SHOAL_ZERO, &wish));
    EXPECT_EQ(alignment < 16 ? 16 : alignment, wish.alignment);
    EXPECT_EQ(77, wish.bytes);
    EXPECT_EQ(SHOAL_ZERO, wish.flags);
    EXPECT(shl_wish_may_grow(&wish));
    EXPECT(!shl_wish_has_record(&wish));
  }
  EXPECT(shl_wish_read(0, 0, &wish));
  EXPECT_EQ(16, wish.alignment);
}

static void what_is_no_alignment_is_refused(void) {
  const uint64_t wrong[] = {0, 3, 48, 4095, 1 << 22, UINT64_C(1) << 63, UINT64_MAX};
  struct shl_wish wish;
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    EXPECT(!shl_wish_read(16, SHOAL_ALIGN(wrong[i]), &wish));
  }
  EXPECT(!shl_wish_read(16, 1U << 16, &wish));
}

static void each_flag_is_known_or_refused(void) {
  const unsigned known = SHOAL_ZERO | SHOAL_TAGGED | SHOAL_NO_GROW;
  struct shl_wish wish;
  for (unsigned flags = 0; flags < 256; flags++) {
    EXPECT_EQ((flags & ~known) == 0, shl_wish_read(16, flags, &wish));
  }
  EXPECT(shl_wish_read(16, SHOAL_NO_GROW, &wish));
  EXPECT(!shl_wish_may_grow(&wish));
}

SUITE(wish, TEST(each_alignment_up_to_2_mib_is_read), TEST(what_is_no_alignment_is_refused),
      TEST(each_flag_is_known_or_refused))
