// SPDX-License-Identifier: MIT
// A suite with a case of each verdict, for the test that each is counted as what it is.
#include "tests/harness/harness.h"

static void passes(void) {
  EXPECT(true);
}

static void fails(void) {
  EXPECT(false);
}

static void is_skipped(void) {
  SKIP("the machine lacks a %s", "unicorn");
  FAIL("a skip ends the case");
}

SUITE(verdicts, TEST(passes), TEST(fails), TEST(is_skipped))
