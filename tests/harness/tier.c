// SPDX-License-Identifier: MIT
#include "tests/harness/tier.h"

#include <stdlib.h>
#include <string.h>

enum tier tier_of_run(void) {
  const char *tier = getenv("SHOAL_CRASH_TIER");
  if (tier != NULL && strcmp(tier, "nightly") == 0) return TIER_NIGHTLY;
  if (tier != NULL && strcmp(tier, "release") == 0) return TIER_RELEASE;
  return TIER_COMMIT;
}
