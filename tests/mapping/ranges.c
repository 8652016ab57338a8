// SPDX-License-Identifier: MIT
#include "tests/mapping/ranges.h"

#include "base/panic.h"

void ranges_clear(struct ranges *set) {
  set->count = 0;
}

static void append(struct ranges *set, uint64_t begin, uint64_t end) {
  if (begin >= end) return;
  SHL_ASSERT(set->count < RANGES_MAX);
  set->items[set->count++] = (struct range){.begin = begin, .end = end};
}

void ranges_remove(struct ranges *set, uint64_t begin, uint64_t end) {
  struct ranges before = *set;
  set->count = 0;
  for (size_t i = 0; i < before.count; i++) {
    struct range item = before.items[i];
    append(set, item.begin, item.end < begin ? item.end : begin);
    append(set, item.begin > end ? item.begin : end, item.end);
  }
}

void ranges_add(struct ranges *set, uint64_t begin, uint64_t end) {
  ranges_remove(set, begin, end);
  append(set, begin, end);
}

uint64_t ranges_bytes(const struct ranges *set) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < set->count; i++) bytes += set->items[i].end - set->items[i].begin;
  return bytes;
}
