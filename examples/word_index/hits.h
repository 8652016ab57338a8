// SPDX-License-Identifier: MIT
#ifndef WORD_INDEX_HITS_H
#define WORD_INDEX_HITS_H

#include <shoal/shoal.h>
#include <stdbool.h>

#include "examples/word_index/desk.h"

/// A word's hits in one file. Private to the process; `lines` are varints, each line's distance
/// from the one before, ascending, and lie with whoever made them.
struct file_hits {
  uint64_t file;        ///< The file's number.
  uint64_t total;       ///< Occurrences; several may be on one line.
  uint64_t line_count;  ///< Lines with at least one.
  uint64_t bytes;       ///< Of `lines`.
  const uint8_t *lines;
};

enum append_result { APPEND_DONE, APPEND_BUSY, APPEND_NO_MEMORY };

/// Adds what the desk's batch says of one word, `entry`, to the word's record. Never waits.
/// returns: BUSY iff another worker is at the same word; NO_MEMORY, and has said why.
/// crash: nothing is added, or hits_inherit adds it; hits_inherit alone lets go of the word.
enum append_result hits_try_append(const struct worker *worker, struct word_rec *word,
                                   struct batch_word_rec *entry);

/// Finishes what a dead worker of the same number was appending, and lets go of its word. After
/// shoal_reap.
/// returns: false, and has said why, iff there is no memory.
bool hits_inherit(const struct worker *worker);

/// A word's encoded hits, wherever they lie, and how far they were read. Private to the process.
struct hits_cursor {
  const uint8_t *at;
  const uint8_t *end;
};

/// The hits of `word` in the heap; none where they contradict the heap's bounds.
struct hits_cursor hits_of_word(const shoal_heap *heap, const struct word_rec *word);

/// Reads the next file's hits.
/// returns: false iff there are no more.
bool hits_next(struct hits_cursor *cursor, struct file_hits *out);

/// Reads the next line's number into *line, which begins as 0.
/// returns: false iff there are no more.
bool hits_next_line(struct file_hits *hits, uint64_t *line);

#endif
