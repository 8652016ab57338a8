// SPDX-License-Identifier: MIT
#ifndef WORD_INDEX_INDEX_H
#define WORD_INDEX_INDEX_H

#include <shoal/shoal.h>
#include <stdbool.h>

#include "examples/word_index/layout.h"

/// A process's view of the index. Private to the process.
struct index {
  shoal_heap *heap;
  struct index_rec *rec;
  const char *name;  ///< Of the heap.
};

/// How index_open opens: to look only, or to change.
enum index_access { INDEX_READ, INDEX_WRITE };

/// Makes the heap `name`, which stays until it is removed, with an index in it that is being built.
/// returns: false, and has said why, iff it cannot or the heap exists.
bool index_create(struct index *index, const char *name);

/// Opens the index in the heap `name`.
/// returns: false, and has said why, iff there is none.
bool index_open(struct index *index, const char *name, enum index_access access);

/// Makes a desk for each of so many workers.
/// returns: false, and has said why, iff there is no memory.
bool index_add_desks(const struct index *index, uint32_t workers);

void index_close(struct index *index);

/// Ends the building: from now on others may read.
void index_finish_build(const struct index *index);

/// Waits until nobody changes the index, and gives the epoch in which the caller reads.
/// returns: false, and has said why, iff it is still being built or a change goes on for 2 s.
bool index_begin_read(const struct index *index, uint64_t *epoch);

/// Whether all that was read since index_begin_read belongs together. If not, read again.
bool index_end_read(const struct index *index, uint64_t epoch);

/// Keeps readers and other writers away until index_end_change.
/// returns: false, and has said why, as index_begin_read.
bool index_begin_change(const struct index *index);
void index_end_change(const struct index *index);

#endif
