// SPDX-License-Identifier: MIT
#ifndef WORD_INDEX_CREW_H
#define WORD_INDEX_CREW_H

#include "examples/word_index/index.h"

/// How the crew is run, and what came of it. Private to the builder.
struct crew_run {
  uint32_t workers;
  uint64_t kill_after_ms;  ///< 0: nobody is killed here. Otherwise how long a worker lives, on the
                           ///< average, before it is.
  uint64_t killed;         ///< Out: how many workers were, by whomever.
};

/// Starts the workers, processes of this program, and waits until all have ended, with a progress
/// line where somebody looks. One that is ended by a signal is replaced by another of its number,
/// which finishes what it was at. If one fails, it asks the others to end.
/// returns: false, and somebody has said why, iff a worker could not be started or failed, or one
///   after the other was ended by a signal before it had done anything.
bool crew_run(const struct index *index, struct crew_run *run);

#endif
