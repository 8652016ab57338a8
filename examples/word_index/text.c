// SPDX-License-Identifier: MIT
// From a file's bytes to words and lines. A word may be of any length and lie across any number of
// reads; its text is gathered, folded and hashed byte by byte.
#include "examples/word_index/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_BYTES = 256 * 1024, SNIFF_BYTES = 8192, FIRST_WORD_BYTES = 256 };

/// The word that is being read. Private to the process.
struct scan {
  struct tally *tally;
  uint64_t line;
  uint64_t hash;
  char *word;
  size_t length;
  size_t capacity;
};

static bool end_word(struct scan *scan) {
  if (scan->length == 0) return true;
  struct word_key key = {scan->word, (uint32_t)scan->length, word_hash_end(scan->hash)};
  scan->length = 0;
  scan->hash = HASH_SEED;
  return tally_add(scan->tally, &key, scan->line);
}

static bool grow_word(struct scan *scan) {
  size_t capacity = scan->capacity == 0 ? FIRST_WORD_BYTES : scan->capacity * 2;
  char *word = capacity > UINT32_MAX ? NULL : realloc(scan->word, capacity);
  if (word == NULL) return false;
  scan->word = word;
  scan->capacity = capacity;
  return true;
}

static bool scan_bytes(struct scan *scan, const unsigned char *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    unsigned char folded = word_fold[bytes[i]];
    if (folded != 0) {
      if (scan->length == scan->capacity && !grow_word(scan)) return false;
      scan->word[scan->length++] = (char)folded;
      scan->hash = word_hash_step(scan->hash, folded);
    } else {
      if (!end_word(scan)) return false;
      if (bytes[i] == '\n') scan->line++;
    }
  }
  return true;
}

static enum text_result scan_file(FILE *file, unsigned char *buffer, struct scan *scan) {
  size_t count = fread(buffer, 1, READ_BYTES, file);
  if (memchr(buffer, 0, count < SNIFF_BYTES ? count : SNIFF_BYTES) != NULL) return TEXT_BINARY;
  while (count > 0) {
    if (!scan_bytes(scan, buffer, count)) return TEXT_NO_MEMORY;
    count = fread(buffer, 1, READ_BYTES, file);
  }
  if (ferror(file) != 0) return TEXT_UNREADABLE;
  return end_word(scan) ? TEXT_READ : TEXT_NO_MEMORY;
}

enum text_result text_read(const char *path, struct tally *tally, int *error) {
  struct scan scan = {.tally = tally, .line = 1, .hash = HASH_SEED};
  FILE *file = fopen(path, "rb");
  *error = errno;
  if (file == NULL) return TEXT_UNREADABLE;
  unsigned char *buffer = malloc(READ_BYTES);
  enum text_result result = TEXT_NO_MEMORY;
  if (buffer != NULL) {
    // The buffer is larger than any of stdio's, which would only be filled to be copied.
    (void)setvbuf(file, NULL, _IONBF, 0);
    errno = 0;
    result = scan_file(file, buffer, &scan);
    *error = errno;
  }
  free(buffer);
  free(scan.word);
  (void)fclose(file);
  return result;
}
