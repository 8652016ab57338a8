// SPDX-License-Identifier: MIT
// From one worker's tally of one file into the map that all share. Words that another worker holds
// at the moment are left for the next round; a worker has something else to do nearly always, and
// gives its processor away where it has not.
#include "examples/word_index/merge.h"

#include "examples/word_index/hits.h"
#include "examples/word_index/process.h"
#include "examples/word_index/word_map.h"

static enum append_result merge_word(const struct word_map *map, uint32_t worker, uint64_t file,
                                     const struct tally *tally, size_t place) {
  const struct tally_word *found = &tally->words[place];
  struct word_key key = tally_key(tally, place);
  struct word_rec *word = word_map_intern(map, &key);
  if (word == NULL) return APPEND_NO_MEMORY;
  struct file_hits hits = {.file = file, .total = found->total, .line_count = found->line_count,
                           .bytes = found->bytes, .lines = found->lines};
  return hits_try_append(map->heap, word, worker, &hits);
}

bool merge_tally(const struct index *index, uint32_t worker, uint64_t file, struct tally *tally) {
  const struct word_map map = {index->heap, &index->rec->map};
  size_t left = tally->count;
  while (left > 0) {
    size_t left_before = left;
    for (size_t i = 0; i < tally->count; i++) {
      if (tally->words[i].merged) continue;
      enum append_result result = merge_word(&map, worker, file, tally, i);
      if (result == APPEND_NO_MEMORY) return false;
      if (result == APPEND_BUSY) continue;
      tally->words[i].merged = true;
      left--;
    }
    if (atomic_load_explicit(&index->rec->stop, memory_order_relaxed) != 0) return false;
    if (left == left_before) process_yield();
  }
  return true;
}
