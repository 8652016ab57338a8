// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_CRASH_DEPARTED_H
#define SHL_TESTS_CRASH_DEPARTED_H

#include "tests/crash/actor.h"

/// Has a process attach to the heap of that name and be killed, and nobody recovers it: an actor
/// that plays under its number is a thread of the dead. Forks; not while threads run.
/// returns: that actor, without a slot. Where the process did not come to it, one of process 0, and
/// the test fails.
struct actor departed_actor(shoal_heap *heap, const char *name);

#endif
