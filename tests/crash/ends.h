// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_CRASH_ENDS_H
#define SHL_TESTS_CRASH_ENDS_H

#include "tests/crash/stage.h"

// How the other actor of a stage ends before an act that is about his end: what he leaves.

/// What he has first: more than one slab of blocks of the opening's size, all allocated.
void end_take_slabs(struct stage *stage);

/// His slot is an orphan's, of such slabs, with free blocks and pending frees.
void end_as_orphan(struct stage *stage);

/// The same, and the actor has no slot.
void end_as_orphan_without_seat(struct stage *stage);

/// The same, and nothing is left to make a slab of, nor has the actor a free block: who needs one
/// must act as the orphan.
void end_as_orphan_without_memory(struct stage *stage);

/// His thread has ended without a word: nobody has noticed.
void end_dead(struct stage *stage);

/// The same, and the actor has no slot.
void end_dead_without_seat(struct stage *stage);

/// His thread has ended without a word, too: he has tagged STAGE_KINDS blocks and published none.
/// They are the stage's last.
void end_dead_with_tags(struct stage *stage);

#endif
