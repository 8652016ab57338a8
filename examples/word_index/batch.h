// SPDX-License-Identifier: MIT
#ifndef WORD_INDEX_BATCH_H
#define WORD_INDEX_BATCH_H

#include "examples/word_index/index.h"
#include "examples/word_index/tally.h"
#include "examples/word_index/word.h"

/// Copies the tally into the heap, to the desk's batch, which is none yet. Not complete before the
/// caller has stored desk->counted.
/// returns: false, and has said why, iff there is no memory.
bool batch_make(shoal_heap *heap, struct desk_rec *desk, const struct tally *tally);

/// The desk's batch; null iff it has none.
struct batch_rec *batch_of(const shoal_heap *heap, const struct desk_rec *desk);

/// The first word of a batch, and the one behind `word`. Null at the end.
struct batch_word_rec *batch_first(struct batch_rec *batch);
struct batch_word_rec *batch_next(const struct batch_rec *batch, struct batch_word_rec *word);

/// A word as a key into the map; its text stays in the batch.
struct word_key batch_key(const struct batch_word_rec *word);

/// A word's lines, encoded: word->line_bytes of them.
const uint8_t *batch_lines(const struct batch_word_rec *word);

/// Says that the file is behind the worker, and frees the batch. Also where there is none.
/// crash: done again, it ends the same.
void batch_end(shoal_heap *heap, struct desk_rec *desk);

#endif
