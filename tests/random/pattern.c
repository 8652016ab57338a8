// SPDX-License-Identifier: MIT
#include "tests/random/pattern.h"

#include <string.h>

static uint64_t word_at(uint64_t mark, uint64_t index) {
  return ((mark + index) * UINT64_C(0x9e3779b97f4a7c15) ^ mark) >> 1;
}

void pattern_fill(void *start, uint64_t bytes, uint64_t mark) {
  char *at = start;
  uint64_t words = bytes / 8;
  for (uint64_t i = 0; i < words; i++) {
    uint64_t word = word_at(mark, i);
    memcpy(at + 8 * i, &word, 8);
  }
  uint64_t last = word_at(mark, words);
  memcpy(at + 8 * words, &last, bytes % 8);
}

static uint64_t first_difference(const char *at, uint64_t word, uint64_t bytes) {
  char expected[8];
  memcpy(expected, &word, sizeof expected);
  uint64_t i = 0;
  while (i < bytes && at[i] == expected[i]) i++;
  return i;
}

uint64_t pattern_differs(const void *start, uint64_t bytes, uint64_t mark) {
  const char *at = start;
  uint64_t words = bytes / 8;
  for (uint64_t i = 0; i < words; i++) {
    uint64_t found;
    memcpy(&found, at + 8 * i, 8);
    if (found != word_at(mark, i)) return 8 * i + first_difference(at + 8 * i, word_at(mark, i), 8);
  }
  return 8 * words + first_difference(at + 8 * words, word_at(mark, words), bytes % 8);
}

uint64_t pattern_nonzero(const void *start, uint64_t bytes) {
  const char *at = start;
  uint64_t i = 0;
  while (i < bytes && at[i] == 0) i++;
  return i;
}
