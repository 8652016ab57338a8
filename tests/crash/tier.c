// SPDX-License-Identifier: MIT
#include "tests/crash/tier.h"

#include <stdlib.h>
#include <string.h>

#include "tests/harness/harness.h"

bool tier_has(const char *part) {
  const char *only = getenv("SHOAL_CRASH_ONLY");
  return only == NULL || strcmp(only, part) == 0;
}

bool tier_has_seed(uint64_t seed) {
  const char *only = getenv("SHOAL_CRASH_SEED");
  return only == NULL || strtoull(only, NULL, 10) == seed;
}

static const char *const names[] = {"commit", "nightly", "release"};

void tier_tell_again(const char *test, const char *part) {
  FAIL(
      "again: bazel test //tests/crash:%s --test_env=SHOAL_CRASH_TIER=%s "
      "--test_env=SHOAL_CRASH_ONLY='%s'",
      test, names[tier_of_run()], part);
}

void tier_tell_seed_again(const char *test, const char *part, uint64_t seed) {
  FAIL(
      "again: bazel test //tests/crash:%s --test_env=SHOAL_CRASH_TIER=%s "
      "--test_env=SHOAL_CRASH_ONLY='%s' --test_env=SHOAL_CRASH_SEED=%llu",
      test, names[tier_of_run()], part, (unsigned long long)seed);
}
