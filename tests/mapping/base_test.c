// SPDX-License-Identifier: MIT
// Goal: the windows for a region's base are aligned, disjoint, inside the range, and all are tried.
// Method: the arithmetic alone, over ranges and capacities at both ends.
#include "mapping/base.h"

#include <stdbool.h>

#include "base/align.h"
#include "mapping/request.h"
#include "mapping/superblock.h"
#include "tests/harness/harness.h"

static const uint64_t low = UINT64_C(0x200000000000);
static const uint64_t high = UINT64_C(0x500000000000);
static const uint64_t gib = UINT64_C(1) << 30;

static void windows_are_powers_of_two_of_at_least_64_gib(void) {
  const struct {
    uint64_t capacity;
    uint64_t window;
  } rows[] = {{SHL_CAPACITY_MIN, 64 * gib},
              {64 * gib - SHL_CHUNK_BYTES, 64 * gib},
              {64 * gib, 128 * gib},
              {1000 * gib, 1024 * gib},
              {SHL_CAPACITY_MAX, 8192 * gib}};
  for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    EXPECT_EQ(rows[i].window, shl_base_windows_of(low, high, rows[i].capacity, 0).bytes);
  }
}

static void expect_sound(uint64_t from, uint64_t to, uint64_t capacity) {
  struct shl_base_windows windows = shl_base_windows_of(from, to, capacity, 12345);
  for (uint64_t i = 0; i < windows.count; i++) {
    uint64_t base = shl_base_window(&windows, i);
    bool inside = from <= base && base + capacity + SHL_GUARD_BYTES <= to;
    if (!inside || !shl_is_aligned(base, windows.bytes)) {
      FAIL("window %llu of %llu is at 0x%llx", (unsigned long long)i,
           (unsigned long long)windows.count, (unsigned long long)base);
      return;
    }
  }
}

static void windows_are_aligned_and_hold_the_region_and_its_guard(void) {
  for (uint64_t capacity = SHL_CAPACITY_MIN; capacity <= SHL_CAPACITY_MAX; capacity *= 2) {
    expect_sound(low, high, capacity);
    expect_sound(low + 1, high - 1, capacity);
    expect_sound(UINT64_C(0x550000000000), UINT64_C(0x555500000000), capacity);
  }
}

static void the_default_capacity_has_hundreds_of_windows(void) {
  struct shl_base_windows windows = shl_base_windows_of(low, high, SHL_CAPACITY_DEFAULT, 0);
  EXPECT_LE(350, windows.count);
  EXPECT_LE(4, shl_base_windows_of(UINT64_C(0x550000000000), UINT64_C(0x555500000000),
                                   UINT64_C(64) << 20, 0)
                   .count);
}

static void each_window_is_tried_once_from_the_hashs_pick_on(void) {
  enum { MOST = 1024 };
  bool seen[MOST] = {false};
  uint64_t hash = UINT64_C(0xfedcba9876543210);
  struct shl_base_windows windows = shl_base_windows_of(low, high, SHL_CAPACITY_MIN, hash);
  ASSERT(windows.count <= MOST);
  EXPECT_EQ(low + hash % windows.count * windows.bytes, shl_base_window(&windows, 0));
  for (uint64_t i = 0; i < windows.count; i++) {
    uint64_t index = (shl_base_window(&windows, i) - low) / windows.bytes;
    ASSERT(index < windows.count && !seen[index]);
    seen[index] = true;
  }
}

static void a_range_that_is_too_small_has_no_window(void) {
  EXPECT_EQ(0, shl_base_windows_of(low, low, SHL_CAPACITY_MIN, 7).count);
  EXPECT_EQ(0, shl_base_windows_of(low, low + SHL_CAPACITY_MIN, SHL_CAPACITY_MIN, 7).count);
  uint64_t just = low + SHL_CAPACITY_MIN + SHL_GUARD_BYTES;
  EXPECT_EQ(1, shl_base_windows_of(low, just, SHL_CAPACITY_MIN, 7).count);
  EXPECT_EQ(low, shl_base_windows_of(low, just, SHL_CAPACITY_MIN, 7).first);
  EXPECT_EQ(0, shl_base_windows_of(low + 1, just, SHL_CAPACITY_MIN, 7).count);
}

SUITE(base, TEST(windows_are_powers_of_two_of_at_least_64_gib),
      TEST(windows_are_aligned_and_hold_the_region_and_its_guard),
      TEST(the_default_capacity_has_hundreds_of_windows),
      TEST(each_window_is_tried_once_from_the_hashs_pick_on),
      TEST(a_range_that_is_too_small_has_no_window))
