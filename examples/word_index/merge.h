// SPDX-License-Identifier: MIT
#ifndef WORD_INDEX_MERGE_H
#define WORD_INDEX_MERGE_H

#include "examples/word_index/index.h"
#include "examples/word_index/tally.h"

/// Adds all that was found in file `file` to the shared map, for worker `worker`.
/// returns: false, having said why, iff there is no memory; without a word iff the build is over.
bool merge_tally(const struct index *index, uint32_t worker, uint64_t file, struct tally *tally);

#endif
