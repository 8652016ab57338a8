// SPDX-License-Identifier: MIT
#ifndef WORD_INDEX_WORK_H
#define WORD_INDEX_WORK_H

#include "examples/word_index/desk.h"
#include "examples/word_index/tally.h"

/// Finishes what a dead worker of the same number was at, then takes file after file until none
/// waits or the build is over.
/// returns: false, having said why, iff the build cannot go on.
/// crash: at any instruction; another call by a worker of that number goes on.
bool work_at_desk(const struct index *index, const struct worker *worker);

/// Merges the desk's batch, which is complete, and says that its file is indexed.
/// returns: false iff there is no memory, having said so, or the build is over.
bool work_on_batch(const struct index *index, const struct worker *worker);

/// Finishes what the worker that sat at this desk before was at, if one did. After shoal_reap.
/// returns: as work_at_desk.
bool work_inherit(const struct index *index, const struct worker *worker, struct tally *tally);

#endif
