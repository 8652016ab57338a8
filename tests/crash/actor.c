// SPDX-License-Identifier: MIT
// An actor's slot is found where the library finds a thread's: in shl_thread_seats, which is
// changed under its feet, as is the number under which this process is attached.
#include "tests/crash/actor.h"

static const struct shl_thread_seat nowhere = {.slot = NULL, .id = UINT64_MAX};

struct actor actor_here(shoal_heap *heap) {
  return (struct actor){.heap = heap,
                        .process = heap->region->process,
                        .generation = heap->region->process_generation,
                        .seat = nowhere};
}

struct actor actor_of(shoal_heap *heap, uint32_t process) {
  struct actor actor = actor_here(heap);
  actor.process = process;
  actor.generation = 1;
  return actor;
}

void actor_enter(const struct actor *actor) {
  actor->heap->region->process = actor->process;
  actor->heap->region->process_generation = actor->generation;
  shl_thread_seats[actor->heap->index] = actor->seat;
}

void actor_leave(struct actor *actor) {
  actor->seat = shl_thread_seats[actor->heap->index];
  shl_thread_seats[actor->heap->index] = nowhere;
}
