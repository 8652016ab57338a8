// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_CRASH_ACTOR_H
#define SHL_TESTS_CRASH_ACTOR_H

#include "alloc/seat.h"

// Who acts: one thread plays several, each a thread of a process with a thread slot of its own, so
// that what happens between them can be said to the single access. Private to the process.
struct actor {
  shoal_heap *heap;
  uint32_t process;
  uint32_t generation;
  struct shl_thread_seat seat;
};

/// An actor of this process, without a slot as yet.
struct actor actor_here(shoal_heap *heap);

/// The same of another process, of which the heap's is_dead says what it likes.
struct actor actor_of(shoal_heap *heap, uint32_t process);

/// From now on the calling thread is `actor`, until it is another.
void actor_enter(const struct actor *actor);

/// Notes what seat the actor has come to, and leaves the thread without one, of process `process`.
void actor_leave(struct actor *actor);

#endif
