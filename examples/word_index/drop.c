// SPDX-License-Identifier: MIT
// drop WORD: takes the word out of the map and frees its record and its hits, which other
// processes, long gone, have allocated.
#include <inttypes.h>
#include <stdio.h>

#include "examples/word_index/commands.h"
#include "examples/word_index/index.h"
#include "examples/word_index/report.h"
#include "examples/word_index/word_map.h"

static int drop_word(const struct index *index, const struct word_key *key) {
  const struct word_map map = {index->heap, &index->rec->map, NULL};
  struct word_rec *word = word_map_remove(&map, key);
  if (word == NULL) {
    report("'%.*s' is not in the index", (int)key->length, key->text);
    return EXIT_FAILED;
  }
  void *hits = shoal_ptr(index->heap, word->hits);
  uint64_t total = atomic_load_explicit(&word->total, memory_order_relaxed);
  size_t bytes = shoal_usable_size(index->heap, word) + shoal_usable_size(index->heap, hits);
  shoal_free(index->heap, hits);
  shoal_free(index->heap, word);
  (void)printf("%.*s: %" PRIu64 " times, dropped, %zu bytes freed\n", (int)key->length, key->text,
               total, bytes);
  return EXIT_OK;
}

int command_drop(const struct options *options) {
  struct index index;
  struct word_key key;
  if (options->argument_count != 1) {
    report("drop which word? give one");
    return EXIT_USAGE;
  }
  if (!word_key_fold(options->arguments[0], &key)) {
    report("'%s' is no word: a word is made of letters, digits and '_'", options->arguments[0]);
    return EXIT_USAGE;
  }
  if (!index_open(&index, options->heap, INDEX_WRITE)) return EXIT_FAILED;
  int result = EXIT_FAILED;
  if (index_begin_change(&index)) {
    result = drop_word(&index, &key);
    index_end_change(&index);
  }
  index_close(&index);
  return result;
}
