// SPDX-License-Identifier: MIT
// Word 0 is the number and the salt, word 1 how many bytes were filled, each other word a mix of
// word 0 and its place.
#include "tests/crash/contents.h"

enum { WORD = 8, HEAD_BYTES = 2 * WORD, DENSE_BYTES = 4096, STEP_BYTES = 65536 };

// The place of the next word that counts, in `bytes` bytes; `bytes` where there is none.
static size_t next_place(size_t place, size_t bytes) {
  size_t end = bytes / WORD * WORD;
  size_t next = place + WORD;
  bool is_sparse = next >= DENSE_BYTES && next % STEP_BYTES != 0;
  if (is_sparse) next = (next + STEP_BYTES - 1) / STEP_BYTES * STEP_BYTES;
  // Of each step the last word, too.
  if (is_sparse && next - WORD > place) next -= WORD;
  if (next < end) return next;
  return place + WORD < end ? end - WORD : bytes;
}

static uint64_t word_at(uint64_t first, size_t place) {
  uint64_t mixed = (first + place) * UINT64_C(0x9e3779b97f4a7c15);
  return mixed ^ mixed >> 29;
}

void contents_fill(void *block, size_t bytes, uint32_t number, uint32_t salt) {
  uint64_t *words = block;
  words[0] = (uint64_t)salt << 32 | number;
  words[1] = bytes;
  for (size_t place = next_place(WORD, bytes); place < bytes; place = next_place(place, bytes)) {
    words[place / WORD] = word_at(words[0], place);
  }
}

static bool is_zero(const uint64_t *words, size_t bytes) {
  for (size_t place = 0; place < bytes; place = next_place(place, bytes)) {
    if (words[place / WORD] != 0) return false;
  }
  return true;
}

uint32_t contents_of(const void *block, size_t bytes, uint32_t salt) {
  const uint64_t *words = block;
  if (is_zero(words, bytes)) return CONTENTS_ZERO;
  if (words[0] >> 32 != salt) return CONTENTS_OTHER;
  if (words[1] < HEAD_BYTES || words[1] > SIZE_MAX / 2) return CONTENTS_OTHER;
  size_t filled = (size_t)words[1];
  for (size_t place = next_place(WORD, filled); place < filled && place + WORD <= bytes;
       place = next_place(place, filled)) {
    if (words[place / WORD] != word_at(words[0], place)) return CONTENTS_OTHER;
  }
  return (uint32_t)words[0];
}

bool contents_is_number(uint32_t contents) {
  return contents != CONTENTS_OTHER && contents != CONTENTS_ZERO;
}
