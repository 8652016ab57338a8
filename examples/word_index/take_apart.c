// SPDX-License-Identifier: MIT
#include "examples/word_index/take_apart.h"

#include "examples/word_index/file_list.h"
#include "examples/word_index/word_map.h"

static uint64_t free_off(const struct index *index, shoal_off off) {
  return off != 0 && shoal_free_offset(index->heap, off) == SHOAL_OK ? 1 : 0;
}

uint64_t take_apart(const struct index *index) {
  const struct word_map map = {index->heap, &index->rec->map, NULL};
  uint64_t freed = word_map_free(&map);
  for (uint64_t i = 0; i < index->rec->file_count; i++) {
    freed += free_off(index, file_at(index, i)->path);
  }
  freed += free_off(index, index->rec->files);
  freed += free_off(index, index->rec->order);
  freed += free_off(index, index->rec->desks);
  return freed + free_off(index, shoal_offset(index->heap, index->rec));
}
