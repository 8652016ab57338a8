// SPDX-License-Identifier: MIT
// The states in which acts begin, of the slabs that the stage's blocks come from.
#include <string.h>

#include "alloc/chunk.h"
#include "alloc/class.h"
#include "alloc/hand.h"
#include "tests/crash/stage.h"
#include "tests/harness/harness.h"

static struct shl_seat seat_of(const struct stage *stage) {
  return shl_seat_here(stage->heap);
}

static uint64_t in_hand(const struct stage *stage) {
  struct shl_seat seat = seat_of(stage);
  if (seat.slot == NULL) return 0;
  return shl_load_relaxed_u64(&seat.slot->hands[shl_class_of(stage->bytes)].blocks);
}

// Free blocks of the actor's slabs of the class.
static unsigned free_blocks(struct stage *stage) {
  struct shl_seat seat = seat_of(stage);
  if (seat.slot == NULL) return 0;
  const struct shl_hand_rec *hand = &seat.slot->hands[shl_class_of(stage->bytes)];
  unsigned count = (unsigned)__builtin_popcountll(shl_load_relaxed_u64(&hand->blocks));
  uint32_t unit = shl_load_relaxed_u32(&hand->head);
  for (; unit != 0; unit = shl_load_relaxed_u32(&shl_hot_row(stage->heap, unit)->next)) {
    const struct shl_hot_rec *hot = shl_hot_row(stage->heap, unit);
    for (unsigned i = 0; i < SHL_WORDS_PER_SLAB; i++) {
      count += (unsigned)__builtin_popcountll(shl_load_relaxed_u64(&hot->free[i]));
    }
  }
  return count;
}

static void set_empty(struct stage *stage) {
  (void)stage;
}

static void fill(struct stage *stage) {
  do {
    EXPECT_NE(0, shoal_alloc(stage->heap, stage->bytes, 0));
  } while (free_blocks(stage) > 0);
}

static void set_one_free(struct stage *stage) {
  shoal_off off = shoal_alloc(stage->heap, stage->bytes, 0);
  fill(stage);
  EXPECT_OK(shoal_free_offset(stage->heap, off));
}

static void empty_hand(struct stage *stage) {
  do {
    EXPECT_NE(0, shoal_alloc(stage->heap, stage->bytes, 0));
  } while (in_hand(stage) != 0);
}

static void fill_hand(struct stage *stage) {
  empty_hand(stage);
  EXPECT_NE(0, shoal_alloc(stage->heap, stage->bytes, 0));
}

static void set_remote_pending(struct stage *stage) {
  shoal_off offs[8];
  for (unsigned i = 0; i < 8; i++) offs[i] = shoal_alloc(stage->heap, stage->bytes, 0);
  fill(stage);
  for (unsigned i = 0; i < 8; i++) stage_free_as_other(stage, offs[i]);
}

static void bring_near_wrap(struct shl_seat seat) {
  uint32_t id = shl_seat_id(seat);
  struct shl_owner_word word = shl_owner_read(seat.heap, id);
  word.generation = 0xffffff;
  shl_store_release_u64(&shl_owner_row(seat.heap, id)->word, shl_owner_encode(word));
}

// The next change of the actor's slot, and of the other's, wraps the generation.
static void set_near_wrap(struct stage *stage) {
  if (seat_of(stage).slot == NULL) EXPECT_NE(0, shoal_alloc(stage->heap, stage->bytes, 0));
  bring_near_wrap(seat_of(stage));
  struct shl_seat other = {.heap = stage->heap, .slot = stage->other->seat.slot};
  if (other.slot != NULL && stage->other != stage->actor) bring_near_wrap(other);
}

static void fill_chunk(shoal_heap *heap, uint32_t chunk) {
  for (unsigned pages = 256; pages >= 16; pages /= 2) {
    while (shl_load_relaxed_u16(shl_room(heap, chunk)) >= pages) {
      ASSERT_NE(0, shoal_alloc(heap, pages * SHL_PAGE_BYTES, 0));
    }
  }
}

// No chunk that is cut into runs has room for one more slab: the next makes the heap grow.
static void set_growing(struct stage *stage) {
  uint32_t high = shl_chunk_high_water(stage->heap);
  for (uint32_t chunk = stage->heap->first_chunk; chunk < high; chunk++) {
    if (shl_chunk_read(stage->heap, chunk).state == SHL_CHUNK_MIXED) {
      fill_chunk(stage->heap, chunk);
    }
  }
}

const struct opening openings[OPENINGS] = {
    {"empty", set_empty},         {"full", fill},           {"one free", set_one_free},
    {"hand empty", empty_hand},   {"hand full", fill_hand}, {"remote pending", set_remote_pending},
    {"near wrap", set_near_wrap}, {"growing", set_growing},
};

const struct opening *opening_named(const char *name) {
  for (unsigned i = 0; i < OPENINGS; i++) {
    if (strcmp(openings[i].name, name) == 0) return &openings[i];
  }
  return NULL;
}
