// SPDX-License-Identifier: MIT
#include "mapping/base.h"

#include "base/align.h"
#include "base/bits.h"

static const uint64_t window_least = UINT64_C(64) << 30;

// The guard behind the region needs room in the window too: reaching into the next one, it would
// keep a process from attaching to both.
static const uint64_t behind = UINT64_C(65536);

struct shl_base_windows shl_base_windows_of(uint64_t low, uint64_t high, uint64_t capacity,
                                            uint64_t hash) {
  uint64_t bytes = shl_power_of_two_above(capacity + behind);
  if (bytes < window_least) bytes = window_least;
  struct shl_base_windows windows = {.first = shl_align_up(low, bytes), .bytes = bytes};
  if (windows.first + capacity + behind > high) return windows;
  windows.count = (high - windows.first - capacity - behind) / bytes + 1;
  windows.start = hash % windows.count;
  return windows;
}

uint64_t shl_base_window(const struct shl_base_windows *windows, uint64_t attempt) {
  uint64_t index = (windows->start + attempt) % windows->count;
  return windows->first + index * windows->bytes;
}
