// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_WATCH_STILL_H
#define SHL_TESTS_WATCH_STILL_H

// A system that stands still, for heaps of this process alone: calls that would cost time or
// change something that cannot be put back are made up. Memory given back reads as zero and is
// logged (undo.h); threads live, but for number INT32_MAX; time passes with each sleep.

/// Puts it in place. `sleep` is called for each sleep; null: nothing.
void still_begin(void (*sleep)(void));

/// Puts the system's own calls back.
void still_end(void);

#endif
