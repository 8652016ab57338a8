// SPDX-License-Identifier: MIT
#ifndef WORD_INDEX_WORD_MAP_H
#define WORD_INDEX_WORD_MAP_H

#include <shoal/shoal.h>
#include <stdbool.h>

#include "examples/word_index/desk.h"
#include "examples/word_index/heap_range.h"
#include "examples/word_index/layout.h"
#include "examples/word_index/word.h"

/// A process's view of the map. Private to the process.
struct word_map {
  shoal_heap *heap;
  struct map_rec *rec;
  struct desk_rec *desk;  ///< Whose words are added; null where none are.
};

/// Makes an empty map in zeroed memory.
/// returns: false, and has said why, iff there is no memory.
bool word_map_init(shoal_heap *heap, struct map_rec *rec);

/// Finds the word; null iff it is not there. Any process, also with a heap mapped read-only.
struct word_rec *word_map_find(const struct word_map *map, const struct word_key *key);

/// Finds the word, and adds it without hits where it is not there: all who ask at the same time get
/// the same record. Not together with word_map_remove.
/// returns: null, and has said why, iff there is no memory.
/// crash: the word is there or not; word_map_inherit frees what is not.
struct word_rec *word_map_intern(const struct word_map *map, const struct word_key *key);

/// Settles the block that a dead worker at this desk was adding: it is in the map, or freed. After
/// shoal_reap.
void word_map_inherit(const struct word_map *map);

/// Counts the words again, of which a worker that died between adding and counting has left too
/// few. While nobody changes the map.
void word_map_recount(const struct word_map *map);

/// Frees words, hits, entries and segments; afterwards there is no map. While nobody else uses it.
/// returns: how many blocks were freed.
uint64_t word_map_free(const struct word_map *map);

/// Unlinks the word, which the caller then frees. While nobody else changes the map.
/// returns: the record, null iff the word is not there.
struct word_rec *word_map_remove(const struct word_map *map, const struct word_key *key);

/// Is given each word; false ends the walk.
typedef bool word_visitor(void *context, const struct word_rec *word);

/// Visits all words.
/// returns: false iff a visitor ended it or the list contradicts itself, as it may while another
///   process removes words: see index_end_read.
bool word_map_each(const struct word_map *map, word_visitor *visit, void *context);

/// The first `length` bytes of the word's text, which has word->length and no terminator.
/// returns: null iff they do not lie in the heap.
static inline const char *word_text(const shoal_heap *heap, const struct word_rec *word,
                                    uint32_t length) {
  return heap_range(heap, shoal_offset(heap, word) + sizeof *word, length);
}

#endif
