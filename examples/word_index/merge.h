// SPDX-License-Identifier: MIT
#ifndef WORD_INDEX_MERGE_H
#define WORD_INDEX_MERGE_H

#include "examples/word_index/desk.h"

/// Adds all words of the desk's batch to the shared map that it does not have yet.
/// returns: false, having said why, iff there is no memory; without a word iff the build is over.
bool merge_batch(const struct index *index, const struct worker *worker);

/// Settles what a dead worker at this desk was adding. After shoal_reap.
/// returns: false, and has said why, iff there is no memory.
bool merge_inherit(const struct index *index, const struct worker *worker);

#endif
