// SPDX-License-Identifier: MIT
// find WORD: how often it occurs, and then a line "path:line" for each line it is on, by file and
// line.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/word_index/commands.h"
#include "examples/word_index/file_list.h"
#include "examples/word_index/hits.h"
#include "examples/word_index/report.h"
#include "examples/word_index/word_map.h"

/// A copy of one word's hits. Private to the process.
struct found {
  uint64_t total;
  uint8_t *encoded;
  uint64_t bytes;
  struct file_hits *files;  ///< Decoded, sorted by file; they point into `encoded`.
  size_t file_count;
};

enum find_result { FIND_DONE, FIND_NO_WORD, FIND_NO_MEMORY };

/// Copies what the word's record and block hold now.
static enum find_result copy_hits(const struct index *index, const struct word_key *key,
                                  struct found *out) {
  const struct word_map map = {index->heap, &index->rec->map, NULL};
  const struct word_rec *word = word_map_find(&map, key);
  if (word == NULL) return FIND_NO_WORD;
  struct hits_cursor cursor = hits_of_word(index->heap, word);
  out->total = atomic_load_explicit(&word->total, memory_order_relaxed);
  out->bytes = (uint64_t)(cursor.end - cursor.at);
  out->encoded = malloc(out->bytes + 1);
  if (out->encoded == NULL) return FIND_NO_MEMORY;
  if (out->bytes > 0) memcpy(out->encoded, cursor.at, out->bytes);
  return FIND_DONE;
}

static enum find_result find_word(const struct index *index, const struct word_key *key,
                                  struct found *out) {
  for (;;) {
    uint64_t epoch = 0;
    if (!index_begin_read(index, &epoch)) return FIND_NO_MEMORY;
    enum find_result result = copy_hits(index, key, out);
    if (index_end_read(index, epoch)) return result;
    free(out->encoded);
    *out = (struct found){0};
  }
}

static int by_file(const void *left, const void *right) {
  const struct file_hits *a = left;
  const struct file_hits *b = right;
  return a->file < b->file ? -1 : a->file > b->file;
}

/// Sorts the groups by file.
/// returns: how many lines there are in all; false iff there is no memory.
static bool decode_hits(struct found *found, uint64_t *lines) {
  struct hits_cursor cursor = {found->encoded, found->encoded + found->bytes};
  struct file_hits hits;
  while (hits_next(&cursor, &hits)) found->file_count++;
  found->files = calloc(found->file_count + 1, sizeof *found->files);
  if (found->files == NULL) return false;
  cursor.at = found->encoded;
  for (size_t i = 0; i < found->file_count; i++) {
    (void)hits_next(&cursor, &found->files[i]);
    *lines += found->files[i].line_count;
  }
  qsort(found->files, found->file_count, sizeof *found->files, by_file);
  return true;
}

static void print_hits(const struct index *index, struct found *found) {
  for (size_t i = 0; i < found->file_count; i++) {
    struct file_hits *hits = &found->files[i];
    if (hits->file >= index->rec->file_count) continue;
    const char *path = file_path(index, file_at(index, hits->file));
    for (uint64_t line = 0; hits_next_line(hits, &line);) {
      (void)printf("%s:%" PRIu64 "\n", path, line);
    }
  }
}

static int print_word(const struct index *index, const struct word_key *key) {
  struct found found = {0};
  uint64_t lines = 0;
  int result = EXIT_FAILED;
  enum find_result looked = find_word(index, key, &found);
  if (looked == FIND_NO_WORD) {
    report("'%.*s' is not in the index", (int)key->length, key->text);
  } else if (looked == FIND_DONE && decode_hits(&found, &lines)) {
    (void)printf("%.*s: %" PRIu64 " times, on %" PRIu64 " lines of %zu files\n", (int)key->length,
                 key->text, found.total, lines, found.file_count);
    print_hits(index, &found);
    result = EXIT_OK;
  }
  free(found.files);
  free(found.encoded);
  return result;
}

int command_find(const struct options *options) {
  struct index index;
  struct word_key key;
  if (options->argument_count != 1) {
    report("find which word? give one");
    return EXIT_USAGE;
  }
  if (!word_key_fold(options->arguments[0], &key)) {
    report("'%s' is no word: a word is made of letters, digits and '_'", options->arguments[0]);
    return EXIT_USAGE;
  }
  if (!index_open(&index, options->heap, INDEX_READ)) return EXIT_FAILED;
  int result = print_word(&index, &key);
  index_close(&index);
  return result;
}
