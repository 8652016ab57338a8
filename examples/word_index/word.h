// SPDX-License-Identifier: MIT
#ifndef WORD_INDEX_WORD_H
#define WORD_INDEX_WORD_H

#include <stdbool.h>
#include <stdint.h>

// What a word is: a maximal run of bytes [A-Za-z0-9_], folded to lower case. No locale is asked.

/// A word to look for. Private to the process.
struct word_key {
  const char *text;  ///< Folded, not terminated.
  uint32_t length;
  uint64_t hash;
};

/// A byte folded to lower case where it belongs to a word, otherwise 0.
extern const unsigned char word_fold[256];

/// A word's hash, taken byte by byte: FNV-1a, and mixed at the end, since the map goes by its
/// lowest bits. The heap keeps what follows from it, so it is the same in every build.
#define HASH_SEED UINT64_C(0xcbf29ce484222325)

static inline uint64_t word_hash_step(uint64_t hash, unsigned char byte) {
  return (hash ^ byte) * UINT64_C(0x100000001b3);
}

static inline uint64_t word_hash_end(uint64_t hash) {
  hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
  return hash ^ hash >> 33;
}

/// Folds `text` in place and makes it a key.
/// returns: false iff it is no word: empty, or with a byte outside [A-Za-z0-9_].
bool word_key_fold(char *text, struct word_key *out);

#endif
