// SPDX-License-Identifier: MIT
// top N: the words with the highest totals, a line each: total, lines, files, word, tab-separated.
// `top all` prints every word.
//
// The best N so far are copied into a binary heap with the least of them on top, so that a walk
// over millions of words keeps N and no more.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/word_index/commands.h"
#include "examples/word_index/hits.h"
#include "examples/word_index/index.h"
#include "examples/word_index/report.h"
#include "examples/word_index/word_map.h"

enum { FIRST_RANKS = 64 };

/// A word and what is printed of it. Private to the process.
struct ranked {
  uint64_t total;
  uint64_t lines;
  uint64_t files;
  const char *text;  ///< In the heap, later in `copy`.
  char *copy;        ///< The ranking's own.
  uint32_t length;
};

/// The best words. Private to the process.
struct ranking {
  const shoal_heap *heap;
  struct ranked *words;
  size_t count;
  size_t capacity;
  uint64_t wanted;
};

/// Whether `a` comes after `b`: a lower total, or the same and a later text.
static bool ranks_below(const struct ranked *a, const struct ranked *b) {
  if (a->total != b->total) return a->total < b->total;
  int difference = memcmp(a->text, b->text, a->length < b->length ? a->length : b->length);
  return difference != 0 ? difference > 0 : a->length > b->length;
}

static void swap_ranks(struct ranked *a, struct ranked *b) {
  struct ranked word = *a;
  *a = *b;
  *b = word;
}

static void sift_up(struct ranking *ranking, size_t at) {
  struct ranked *words = ranking->words;
  while (at > 0 && ranks_below(&words[at], &words[(at - 1) / 2])) {
    swap_ranks(&words[at], &words[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
}

static void sift_down(struct ranking *ranking) {
  struct ranked *words = ranking->words;
  size_t at = 0;
  for (size_t child = 1; child < ranking->count; child = 2 * at + 1) {
    if (child + 1 < ranking->count && ranks_below(&words[child + 1], &words[child])) child++;
    if (!ranks_below(&words[child], &words[at])) return;
    swap_ranks(&words[at], &words[child]);
    at = child;
  }
}

static bool make_room(struct ranking *ranking) {
  if (ranking->count < ranking->capacity) return true;
  size_t capacity = ranking->capacity == 0 ? FIRST_RANKS : ranking->capacity * 2;
  struct ranked *words = realloc(ranking->words, capacity * sizeof *words);
  if (words == NULL) return false;
  ranking->words = words;
  ranking->capacity = capacity;
  return true;
}

static bool copy_word(struct ranked *ranked) {
  ranked->copy = malloc(ranked->length + 1U);
  if (ranked->copy == NULL) return false;
  memcpy(ranked->copy, ranked->text, ranked->length);
  ranked->text = ranked->copy;
  return true;
}

static void count_hits(const shoal_heap *heap, const struct word_rec *word, struct ranked *out) {
  struct hits_cursor cursor = hits_of_word(heap, word);
  struct file_hits hits;
  while (hits_next(&cursor, &hits)) {
    out->lines += hits.line_count;
    out->files++;
  }
}

static bool rank_word(void *context, const struct word_rec *word) {
  struct ranking *ranking = context;
  struct ranked ranked = {.total = word->total, .length = word->length};
  ranked.text = word_text(ranking->heap, word, ranked.length);
  if (ranked.text == NULL) return false;
  bool full = ranking->count == ranking->wanted;
  if (full && !ranks_below(&ranking->words[0], &ranked)) return true;
  if (!make_room(ranking) || !copy_word(&ranked)) return false;
  count_hits(ranking->heap, word, &ranked);
  if (full) {
    free(ranking->words[0].copy);
    ranking->words[0] = ranked;
    sift_down(ranking);
  } else {
    ranking->words[ranking->count] = ranked;
    sift_up(ranking, ranking->count++);
  }
  return true;
}

static void clear_ranking(struct ranking *ranking) {
  for (size_t i = 0; i < ranking->count; i++) free(ranking->words[i].copy);
  ranking->count = 0;
}

static int compare_ranks(const void *left, const void *right) {
  return ranks_below(left, right) ? 1 : -1;
}

static void print_ranking(struct ranking *ranking) {
  if (ranking->count > 0) {
    qsort(ranking->words, ranking->count, sizeof *ranking->words, compare_ranks);
  }
  for (size_t i = 0; i < ranking->count; i++) {
    const struct ranked *word = &ranking->words[i];
    (void)printf("%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t", word->total, word->lines, word->files);
    (void)fwrite(word->text, 1, word->length, stdout);
    (void)putchar('\n');
  }
}

/// Ranks in one epoch, however often that takes.
static bool rank_words(const struct index *index, struct ranking *ranking) {
  const struct word_map map = {index->heap, &index->rec->map, NULL};
  for (;;) {
    uint64_t epoch = 0;
    if (!index_begin_read(index, &epoch)) return false;
    bool whole = word_map_each(&map, rank_word, ranking);
    if (index_end_read(index, epoch)) {
      if (!whole) report("no private memory left, or heap '%s' is damaged", index->name);
      return whole;
    }
    clear_ranking(ranking);
  }
}

int command_top(const struct options *options) {
  struct ranking ranking = {.wanted = UINT64_MAX};
  if (options->argument_count != 1 ||
      (strcmp(options->arguments[0], "all") != 0 &&
       (!options_number(options->arguments[0], UINT64_MAX, &ranking.wanted) ||
        ranking.wanted == 0))) {
    report("top how many? give a number from 1, or 'all'");
    return EXIT_USAGE;
  }
  struct index index;
  if (!index_open(&index, options->heap, INDEX_READ)) return EXIT_FAILED;
  ranking.heap = index.heap;
  bool ranked = rank_words(&index, &ranking);
  if (ranked) print_ranking(&ranking);
  clear_ranking(&ranking);
  free(ranking.words);
  index_close(&index);
  return ranked ? EXIT_OK : EXIT_FAILED;
}
