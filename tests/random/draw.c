// SPDX-License-Identifier: MIT
#include "tests/random/draw.h"

#include <stdlib.h>

#include "tests/harness/harness.h"

uint64_t draw_size(struct draw *draw, uint64_t most) {
  unsigned octaves = 1;
  while (octaves < 63 && most >> octaves != 0) octaves++;
  uint64_t top = UINT64_C(1) << draw_below(draw, octaves);
  uint64_t size = draw_chance(draw, 12) ? top + draw_below(draw, 3) - 1
                                        : top + draw_below(draw, top);
  if (draw_chance(draw, 1)) size = 0;
  return size <= most ? size : most;
}

void draw_seeds(uint64_t first, uint64_t count, void (*play)(uint64_t seed)) {
  const char *setting = getenv("SHOAL_TEST_SEED");
  if (setting != NULL) {
    first = strtoull(setting, NULL, 0);
    count = 1;
  }
  for (uint64_t seed = first; seed < first + count; seed++) {
    play(seed);
    if (!test_has_failed()) continue;
    FAIL("that was seed %llu; SHOAL_TEST_SEED=%llu in the environment plays it alone",
         (unsigned long long)seed, (unsigned long long)seed);
    return;
  }
}
