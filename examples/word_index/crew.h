// SPDX-License-Identifier: MIT
#ifndef WORD_INDEX_CREW_H
#define WORD_INDEX_CREW_H

#include "examples/word_index/index.h"

/// Starts `workers` processes of this program on the index and waits until all have ended, with a
/// progress line where somebody looks. If one fails, it asks the others to end.
/// returns: false, and somebody has said why, iff a worker could not be started or failed.
bool crew_run(const struct index *index, uint32_t workers);

#endif
