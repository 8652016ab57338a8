// SPDX-License-Identifier: MIT
// Goal: a slot's cells say what is reserved, and what a thread leaves reserved is freed with it.
// Method: cells written by hand, in a slot that lives, dies, or is spoilt.
#include "alloc/reservation.h"

#include "alloc/record.h"
#include "tests/alloc/seats.h"
#include "tests/harness/harness.h"

static void open_heap(void) {
  seats_open(stand_open(0), 0);
}

static void reserve(struct shl_seat seat, unsigned cell, shoal_off off) {
  shl_store_release_u64(&seat.slot->reservations[cell], off);
}

static void cells_are_found_by_what_they_hold(void) {
  shoal_off off = stand_alloc(here, 64);
  EXPECT_EQ(0, shl_reservation_find(here.slot, 0));
  EXPECT_EQ(SHL_NO_RESERVATION, shl_reservation_find(here.slot, off));
  reserve(here, 0, off);
  reserve(here, SHL_RESERVATIONS - 1, off + 64);
  EXPECT_EQ(0, shl_reservation_find(here.slot, off));
  EXPECT_EQ(SHL_RESERVATIONS - 1, shl_reservation_find(here.slot, off + 64));
  EXPECT_EQ(1, shl_reservation_find(here.slot, 0));
  EXPECT_EQ(2, shl_reservation_count(here.slot));
  EXPECT_EQ(shl_region_offset(heap, here.slot) + offsetof(struct shl_slot_rec, reservations) + 8,
            shl_reservation_dest(here, 1));
  reserve(here, SHL_RESERVATIONS - 1, 0);
  shl_reservation_cancel(here, 0);
  EXPECT_EQ(0, shl_reservation_count(here.slot));
  EXPECT_EQ(0, stand_live(heap));
}

static void the_dead_keep_nothing_reserved(void) {
  reserve(other, 3, stand_alloc(other, 64));
  reserve(other, 9, stand_alloc(here, 64));
  stand_die(other);
  EXPECT_EQ(0, shl_reservation_count(other.slot));
  EXPECT_EQ(0, stand_live(heap));
}

static void stand(struct shl_seat seat, uint64_t dest, shoal_off off) {
  struct shl_record record = {.op = SHL_JA_ALLOC_TO, .dest = dest, .block = off};
  shl_record_stand(seat.slot, &record);
}

// A thread died reserving a block out of an orphan that it acted as. Its own slot was recovered
// first, and is another thread's by now.
static void a_cell_that_changed_hands_says_nothing_of_the_dead(void) {
  shoal_off lost = stand_alloc(other, 64), new_owners = stand_alloc(here, 64);
  stand(other, shl_reservation_dest(here, 0), lost);
  reserve(here, 0, new_owners);
  stand_die(other);
  EXPECT_EQ(1, stand_live(heap));
  EXPECT_EQ(new_owners, shl_load_relaxed_u64(&here.slot->reservations[0]));
  shl_reservation_cancel_all(here);
}

static void a_cell_that_was_filled_keeps_its_block(void) {
  shoal_off off = stand_alloc(other, 64);
  stand(other, shl_reservation_dest(here, 0), off);
  reserve(here, 0, off);
  stand_die(other);
  EXPECT_EQ(1, stand_live(heap));
  shl_reservation_cancel_all(here);
  EXPECT_EQ(0, stand_live(heap));
}

// Written by another process in bad faith: no block is freed that is none.
static void a_cell_that_names_no_block_is_emptied(void) {
  shoal_off off = stand_alloc(here, 64);
  stand_free(here, off);
  const shoal_off wrong[] = {1, 4096, off, off + 8, heap->view.capacity, UINT64_MAX};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    reserve(other, 0, wrong[i]);
    EXPECT_STATUS(SHOAL_E_CORRUPT, shoal_check(heap, NULL, NULL));
    shl_reservation_cancel_all(other);
    EXPECT_EQ(0, shl_reservation_count(other.slot));
    EXPECT(stand_is_clean(heap));
  }
}

SUITE(reservation, SET_UP(open_heap), TEAR_DOWN(seats_close),
      TEST(cells_are_found_by_what_they_hold), TEST(the_dead_keep_nothing_reserved),
      TEST(a_cell_that_changed_hands_says_nothing_of_the_dead),
      TEST(a_cell_that_was_filled_keeps_its_block), TEST(a_cell_that_names_no_block_is_emptied))
