// SPDX-License-Identifier: MIT
#ifndef SHL_MAPPING_BASE_H
#define SHL_MAPPING_BASE_H

#include <stdint.h>

// Where a new region is to lie: a window of its size and guard rounded up to a power of two, at
// least 64 GiB, aligned to itself, picked by a hash of the name; the next one where that is
// occupied.

struct shl_base_windows {
  uint64_t first;  // address of window 0
  uint64_t bytes;  // of a window
  uint64_t count;
  uint64_t start;  // the hash's pick
};

// The windows for a region of `capacity` bytes among the addresses [low, high).
struct shl_base_windows shl_base_windows_of(uint64_t low, uint64_t high, uint64_t capacity,
                                            uint64_t hash);

// The address of the `attempt`-th window to try, attempt < count.
uint64_t shl_base_window(const struct shl_base_windows *windows, uint64_t attempt);

#endif
