// SPDX-License-Identifier: MIT
// From one worker's batch into the map that all share. Words that another worker holds just now are
// left for the next round; a worker has something else to do nearly always, and gives its processor
// away where it has not. What the map has is marked in the batch: a worker that takes over a dead
// one's batch goes on where that was.
#include "examples/word_index/merge.h"

#include "examples/word_index/batch.h"
#include "examples/word_index/hits.h"
#include "examples/word_index/process.h"
#include "examples/word_index/word_map.h"

static enum append_result merge_word(const struct word_map *map, const struct worker *worker,
                                     struct batch_word_rec *entry) {
  struct word_key key = batch_key(entry);
  struct word_rec *word = word_map_intern(map, &key);
  if (word == NULL) return APPEND_NO_MEMORY;
  return hits_try_append(worker, word, entry);
}

/// One round over what is not merged yet.
/// returns: how many words were busy; SIZE_MAX, having said why, iff there is no memory.
static size_t merge_round(const struct word_map *map, const struct worker *worker) {
  size_t busy = 0;
  struct batch_rec *batch = batch_of(worker->heap, worker->desk);
  struct batch_word_rec *entry = batch_first(batch);
  for (; entry != NULL; entry = batch_next(batch, entry)) {
    if (atomic_load_explicit(&entry->merged, memory_order_relaxed) != 0) continue;
    enum append_result result = merge_word(map, worker, entry);
    if (result == APPEND_NO_MEMORY) return SIZE_MAX;
    if (result == APPEND_BUSY) busy++;
    if (result == APPEND_DONE) desk_step(worker->desk);
  }
  return busy;
}

bool merge_batch(const struct index *index, const struct worker *worker) {
  const struct word_map map = {index->heap, &index->rec->map, worker->desk};
  size_t busy_before = SIZE_MAX;
  for (;;) {
    size_t busy = merge_round(&map, worker);
    if (busy == 0) return true;
    if (busy == SIZE_MAX) return false;
    if (atomic_load_explicit(&index->rec->stop, memory_order_relaxed) != 0) return false;
    if (busy == busy_before) process_yield();
    busy_before = busy;
  }
}

bool merge_inherit(const struct index *index, const struct worker *worker) {
  const struct word_map map = {index->heap, &index->rec->map, worker->desk};
  word_map_inherit(&map);
  return hits_inherit(worker);
}
