// SPDX-License-Identifier: MIT
// Goal: a thread that acts as an orphan may die at any instruction, and whoever tends or adopts the
// orphan next finds it whole: what the dead did there stands under the orphan's journal and record.
// Method: orphans with blocks in hand, listed slabs and pending frees; tending, adoption, giving
// back and an allocation from them, each cut after every instruction, the tender dead with both
// slots.
#include <shoal/exact.h>

#include "alloc/census.h"
#include "alloc/hand.h"
#include "alloc/orphan.h"
#include "alloc/run.h"
#include "alloc/seat.h"
#include "tests/alloc/death.h"
#include "tests/harness/harness.h"

enum { WIDE = 6000, SMALL = 64 };

// An orphan that has blocks in two hands, and frees of another's that wait, a slab's last among
// them. The tender is `victim`.
static void prepare_orphan(struct scene *scene) {
  scene->second = stand_other(scene->heap, 0);
  unsigned blocks = shl_classes[shl_class_of(WIDE)].blocks;
  shoal_off offs[64];
  for (unsigned i = 0; i < blocks; i++) offs[i] = stand_alloc(scene->second, WIDE);
  (void)stand_alloc(scene->second, WIDE);
  scene->off = stand_alloc(scene->second, SMALL);
  for (unsigned i = 0; i < blocks; i++) stand_free(scene->other, offs[i]);
  shl_slot_let_go(scene->second);
}

static void tend(struct scene *scene) {
  struct shl_seat orphan;
  uint32_t id = shl_seat_id(scene->second) - 1;
  EXPECT(shl_orphan_next(scene->heap, &id, &orphan));
  EXPECT_EQ(shl_seat_id(scene->second), shl_seat_id(orphan));
  shl_seat_drain(orphan);
  shl_orphan_leave(orphan);
}

static void tend_in_passing(struct scene *scene) {
  shl_orphan_tend_next(scene->heap);
}

// What the living do with it before the dead tender has been noticed: free into it, and tend.
static void others_free_and_tend(struct scene *scene) {
  shoal_block block;
  if (!shl_block_find(scene->heap, scene->off, &block)) return;
  tally_take(&scene->extra, scene->heap, scene->off);
  stand_free(scene->other, scene->off);
  shl_orphan_tend_next(scene->heap);
}

static void adopt_and_use(struct scene *scene) {
  struct shl_seat orphan = {.heap = scene->heap};
  EXPECT(shl_slot_take_any_orphan(scene->heap, &orphan));
  shl_slot_sign(orphan);
  (void)stand_alloc(orphan, SMALL);
}

static void give_back(struct scene *scene) {
  shl_slot_let_go(scene->second);
}

// A slot with blocks reserved: giving it back frees them.
static void prepare_reserved(struct scene *scene) {
  scene->second = stand_other(scene->heap, 0);
  shoal_off off = stand_alloc(scene->second, SMALL);
  scene->off = stand_alloc(scene->second, SMALL);
  shl_store_release_u64(&scene->second.slot->reservations[3], off);
}

// Nobody's so far: its rows are backed, the mark rises, the owner word is taken.
static void prepare_new(struct scene *scene) {
  scene->second = stand_other(scene->heap, 0);
  shl_slot_let_go(scene->second);
}

static void take_new(struct scene *scene) {
  struct shl_seat seat;
  EXPECT_OK(shl_slot_take(scene->heap, SHL_SLOT_FREE_FIRST, &seat));
  EXPECT_EQ(shl_seat_id(scene->second), shl_seat_id(seat));
  shl_slot_sign(seat);
}

static const struct step tendings[] = {
    {"tending of an orphan", prepare_orphan, tend, NULL, 1, false},
    {"tending of an orphan, others free and tend", prepare_orphan, tend, others_free_and_tend, 1,
     false},
    {"tending in passing", prepare_orphan, tend_in_passing, others_free_and_tend, 1, false},
    {"adoption of an orphan", prepare_orphan, adopt_and_use, NULL, 1, false},
};

static const struct step changes_of_owner[] = {
    {"taking of a slot", prepare_new, take_new, NULL, 1, false},
    {"giving back of a slot", prepare_reserved, give_back, NULL, 1, false},
};

static void expect_each(const struct step *steps, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!death_anywhere_in(&steps[i])) SKIP("this machine does not stop at each instruction");
  }
}

static void a_tender_dies_anywhere_and_the_orphan_is_whole(void) {
  expect_each(tendings, sizeof tendings / sizeof tendings[0]);
}

static void a_slot_changes_hands_at_one_instruction(void) {
  expect_each(changes_of_owner, sizeof changes_of_owner / sizeof changes_of_owner[0]);
}

// All pages in use, but for the free blocks of an orphan's slab; its hand is empty.
static void prepare_last_block(struct scene *scene) {
  scene->victim = stand_here(scene->heap);
  scene->word = shoal_ptr(scene->heap, stand_alloc(scene->victim, 16));
  *scene->word = 0;
  scene->second = stand_other(scene->heap, 0);
  (void)stand_alloc(scene->second, WIDE);
  struct shl_hand_rec *hand = &scene->second.slot->hands[shl_class_of(WIDE)];
  while (shl_hand_pop(hand) != 0) continue;
  shl_slot_let_go(scene->second);
  const struct shl_run_request page = {.pages = 1, .align_pages = 1};
  uint64_t off;
  while (shl_run_alloc(scene->other, page, false, &off) == SHOAL_OK) continue;
}

static void alloc_to(struct scene *scene) {
  EXPECT_OK(shoal_alloc_to(scene->heap, scene->word, WIDE, 0));
  uint32_t unit = stand_bit_of(scene->heap, *scene->word).unit;
  uint64_t desc = shl_load_relaxed_u64(shl_unit_desc(scene->heap, unit));
  EXPECT_EQ(shl_seat_id(scene->second), shl_desc_owner(desc));
}

static const struct step last_block[] = {
    {"alloc_to from an orphan", prepare_last_block, alloc_to, NULL, 1, false},
};

static void a_tender_dies_with_an_alloc_to_standing(void) {
  expect_each(last_block, 1);
}

SUITE(tender_cut, TEST(a_tender_dies_anywhere_and_the_orphan_is_whole),
      TEST(a_slot_changes_hands_at_one_instruction),
      TEST(a_tender_dies_with_an_alloc_to_standing))
