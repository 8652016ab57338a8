// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MAPPING_RANGES_H
#define SHL_TESTS_MAPPING_RANGES_H

#include <stddef.h>
#include <stdint.h>

// A small set of addresses, as ranges [begin, end) that do not touch each other.

enum { RANGES_MAX = 256 };

struct range {
  uint64_t begin;
  uint64_t end;
};

/// Private to the process. All zero is empty.
struct ranges {
  size_t count;
  struct range items[RANGES_MAX];
};

void ranges_clear(struct ranges *set);
void ranges_add(struct ranges *set, uint64_t begin, uint64_t end);
void ranges_remove(struct ranges *set, uint64_t begin, uint64_t end);

/// The sum of their lengths.
uint64_t ranges_bytes(const struct ranges *set);

#endif
