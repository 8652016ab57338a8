// SPDX-License-Identifier: MIT
#include "tests/crash/tier.h"

#include <stdlib.h>
#include <string.h>

#include "tests/harness/harness.h"

bool tier_has(const char *part) {
  const char *only = getenv("SHOAL_CRASH_ONLY");
  return only == NULL || strcmp(only, part) == 0;
}

void tier_tell_again(const char *test, const char *part) {
  static const char *const names[] = {"commit", "nightly", "release"};
  FAIL(
      "again: bazel test //tests/crash:%s --test_env=SHOAL_CRASH_TIER=%s "
      "--test_env=SHOAL_CRASH_ONLY='%s'",
      test, names[tier_of_run()], part);
}
