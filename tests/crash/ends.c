// SPDX-License-Identifier: MIT
#include "tests/crash/ends.h"

#include "tests/harness/harness.h"

void end_take_slabs(struct stage *stage) {
  unsigned count = stage_more_than_slab(stage->bytes);
  for (unsigned i = 0; i < count; i++) (void)stage_take_as_other(stage, stage->bytes);
}

// Some blocks freed before: frees pending in the slabs.
static void leave_slot(struct stage *stage) {
  for (unsigned i = 0; i < 8; i++) {
    EXPECT_OK(shoal_free_offset(stage->heap, stage->blocks[i]));
  }
  struct shl_seat seat = {.heap = stage->heap, .slot = stage->other->seat.slot};
  stage->ended = shl_seat_id(seat);
  shl_slot_let_go(seat);
  *stage->other = actor_of(stage->heap, stage->other->process);
  stage->other->generation = stage->actor->generation;
}

void end_as_orphan(struct stage *stage) {
  end_take_slabs(stage);
  leave_slot(stage);
}

void end_as_orphan_without_memory(struct stage *stage) {
  end_take_slabs(stage);
  for (size_t bytes = STAGE_HUGE; bytes >= STAGE_RUN; bytes = bytes / 2 / STAGE_RUN * STAGE_RUN) {
    while (shoal_alloc(stage->heap, bytes, 0) != 0) continue;
  }
  while (shoal_alloc(stage->heap, stage->bytes, 0) != 0) continue;
  leave_slot(stage);
}

void end_as_orphan_without_seat(struct stage *stage) {
  end_as_orphan(stage);
  shl_seat_return(stage->heap);
}

// As the kernel says it of a thread that was killed.
static void end_thread(struct stage *stage) {
  struct shl_seat seat = {.heap = stage->heap, .slot = stage->other->seat.slot};
  stage->ended = shl_seat_id(seat);
  shl_store_release_u64(&shl_owner_row(stage->heap, stage->ended)->thread, INT32_MAX);
}

void end_dead(struct stage *stage) {
  end_take_slabs(stage);
  end_thread(stage);
}

void end_dead_with_tags(struct stage *stage) {
  actor_leave(stage->actor);
  actor_enter(stage->other);
  stage_take_tagged(stage);
  actor_leave(stage->other);
  actor_enter(stage->actor);
  end_thread(stage);
}

void end_dead_without_seat(struct stage *stage) {
  end_dead(stage);
  shl_seat_return(stage->heap);
}
