// SPDX-License-Identifier: MIT
#ifndef WORD_INDEX_TALLY_H
#define WORD_INDEX_TALLY_H

#include <stdbool.h>
#include <stddef.h>

#include "examples/word_index/word.h"

/// A word as met in one file. Private to the process.
struct tally_word {
  uint64_t hash;
  size_t text_at;   ///< In the tally's text.
  uint32_t length;
  uint64_t total;
  uint64_t line_count;
  uint64_t last_line;
  uint8_t *lines;   ///< Encoded as hits.h says.
  size_t bytes;
  size_t capacity;
};

/// The words of one file. Private to the process; all zero is an empty one.
struct tally {
  struct tally_word *words;
  size_t count;
  size_t capacity;
  uint32_t *slots;    ///< Open addressing: a word's place in `words`, counted from 1; 0 is free.
  size_t slot_count;  ///< A power of two, or 0.
  char *text;         ///< All words' texts.
  size_t text_bytes;
  size_t text_capacity;
  uint64_t total;     ///< Occurrences of all words.
};

/// Counts one occurrence on `line`, which never descends.
/// returns: false iff the process has no memory left.
bool tally_add(struct tally *tally, const struct word_key *key, uint64_t line);

/// The word at `place` as a key.
struct word_key tally_key(const struct tally *tally, size_t place);

/// Forgets the words and keeps the memory for the next file.
void tally_clear(struct tally *tally);

void tally_free(struct tally *tally);

#endif
