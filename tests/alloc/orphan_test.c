// SPDX-License-Identifier: MIT
// Goal: memory that nobody owns is found and used: adopted whole, tended, or given back.
// Method: slots given back by hand with hands, slabs and pending frees.
#include "alloc/orphan.h"

#include "alloc/hand.h"
#include "alloc/hint.h"
#include "alloc/reap.h"
#include "alloc/seat.h"
#include "tests/alloc/seats.h"
#include "tests/harness/harness.h"

enum { BLOCKS = 3000, TURNS = 1000 };

static shoal_off offs[BLOCKS];

static void open_heap(void) {
  seats_open(stand_open(0), 0);
}

static void leave_orphan(void) {
  for (unsigned i = 0; i < BLOCKS; i++) offs[i] = stand_alloc(other, 64);
  shl_slot_let_go(other);
}

static void an_adopted_slot_goes_on_where_it_was(void) {
  leave_orphan();
  EXPECT_OK(shoal_thread_idle(heap));
  EXPECT_EQ(offs[BLOCKS - 1] + 64, shoal_alloc(heap, 64, 0));
  EXPECT_EQ(shl_seat_id(other), shl_seat_id(shl_seat_here(heap)));
  EXPECT_OK(shoal_free_offset(heap, offs[0]));
  EXPECT_EQ(0, stand_bit_of(heap, offs[0]).remote->freed[0]);
}

static void each_orphan_is_met_once(void) {
  struct shl_seat third = stand_other(heap, 0), orphan;
  (void)stand_alloc(third, 64);
  leave_orphan();
  shl_slot_let_go(third);
  uint32_t id = 0;
  EXPECT(shl_orphan_next(heap, &id, &orphan));
  EXPECT_EQ(shl_seat_id(other), shl_seat_id(orphan));
  EXPECT(shl_slot_is_ours(heap, shl_seat_id(orphan)));
  shl_orphan_leave(orphan);
  EXPECT(shl_orphan_next(heap, &id, &orphan));
  EXPECT_EQ(shl_seat_id(third), shl_seat_id(orphan));
  shl_orphan_leave(orphan);
  EXPECT(!shl_orphan_next(heap, &id, &orphan));
}

static bool has_hints(struct shl_seat seat) {
  return shl_load_relaxed_u64(&shl_owner_row(heap, shl_seat_id(seat))->hint_summary) != 0;
}

// Dead producers' memory comes back before the heap grows.
static void an_orphan_with_hints_is_tended_in_passing(void) {
  leave_orphan();
  for (unsigned i = 0; i < BLOCKS; i++) stand_free(here, offs[i]);
  EXPECT(has_hints(other));
  uint64_t slabs = stand_stats(heap).slabs;
  for (unsigned i = 0; i < heap->slot_count && has_hints(other); i++) shl_orphan_tend_next(heap);
  EXPECT(!has_hints(other));
  EXPECT_LT(stand_stats(heap).slabs, slabs);
}

// However many orphans come first in the table, each has its turn, also where looks at a few slots
// each make up the table exactly.
static void the_looking_goes_round(void) {
  enum { ORPHANS = 21 };
  struct shl_seat orphans[ORPHANS];
  for (unsigned i = 0; i < ORPHANS; i++) {
    orphans[i] = stand_other(heap, 0);
    offs[i] = stand_alloc(orphans[i], 64);
  }
  for (unsigned i = 0; i < ORPHANS; i++) {
    stand_free(here, offs[i]);
    shl_slot_let_go(orphans[i]);
  }
  // The first always has something.
  for (unsigned i = 0; i < 10 * ORPHANS; i++) {
    shl_hint_restore(orphans[0], 70);
    shl_orphan_tend_next(heap);
  }
  for (unsigned i = 1; i < ORPHANS; i++) EXPECT(!has_hints(orphans[i]));
}

static void the_dead_are_recovered_in_passing(void) {
  stand_give(other, STAND_DEAD);
  for (unsigned i = 0; i < heap->slot_count; i++) shl_orphan_tend_next(heap);
  EXPECT_EQ(SHL_OWNER_FREE, shl_owner_read(heap, shl_seat_id(other)).state);
}

// Each of the living is asked about, and each time somebody comes first.
static void the_dead_are_noticed_behind_any_number_of_the_living(void) {
  enum { SLOTS = 32, WINDOW = 8 };
  struct shl_seat dead[SLOTS / WINDOW];
  stand_give(other, STAND_STOPPED);
  for (uint32_t id = shl_seat_id(other) + 1; id <= SLOTS; id++) {
    struct shl_seat seat = stand_other(heap, id % WINDOW == 0 ? STAND_DEAD : STAND_STOPPED);
    ASSERT_EQ(id, shl_seat_id(seat));
    if (id % WINDOW == 0) dead[id / WINDOW - 1] = seat;
  }
  for (unsigned i = 0; i < SLOTS; i++) shl_orphan_tend_next(heap);
  for (unsigned i = 0; i < SLOTS / WINDOW; i++) {
    EXPECT_EQ(SHL_OWNER_FREE, shl_owner_read(heap, shl_seat_id(dead[i])).state);
  }
  EXPECT_EQ(SHL_OWNER_OWNED, shl_owner_read(heap, shl_seat_id(other)).state);
}

static void a_dead_thread_of_ones_own_process_is_noticed_in_passing(void) {
  struct shl_seat dead = stand_other(heap, 0);
  (void)stand_alloc(dead, 64);
  shl_slot_sign(other);
  shl_slot_disown(dead);
  for (unsigned i = 0; i < TURNS; i++) shl_orphan_tend_next(heap);
  EXPECT_EQ(SHL_OWNER_ORPHAN, shl_owner_read(heap, shl_seat_id(dead)).state);
  EXPECT_EQ(SHL_OWNER_OWNED, shl_owner_read(heap, shl_seat_id(other)).state);
  EXPECT_EQ(SHL_OWNER_OWNED, shl_owner_read(heap, shl_seat_id(here)).state);
  EXPECT_EQ(SHL_OWNER_OWNED, shl_owner_read(heap, heap->spare_slot).state);
}

static void the_living_are_left_alone(void) {
  leave_orphan();
  stand_give(other, STAND_STOPPED);
  for (unsigned i = 0; i < BLOCKS; i++) stand_free(here, offs[i]);
  for (unsigned i = 0; i < heap->slot_count; i++) shl_orphan_tend_next(heap);
  EXPECT(!shl_orphan_tend_all(heap));
  EXPECT(has_hints(other));
  EXPECT_EQ(SHL_OWNER_OWNED, shl_owner_read(heap, shl_seat_id(other)).state);
}

static void tending_all_gives_everything_back(void) {
  leave_orphan();
  for (unsigned i = 0; i < BLOCKS; i++) stand_free(here, offs[i]);
  EXPECT(shl_orphan_tend_all(heap));
  shoal_heap_stats stats = stand_stats(heap);
  EXPECT_EQ(0, stats.slabs);
  EXPECT_EQ(0, stats.cached);
  EXPECT_EQ(0, shl_load_relaxed_u32(&other.slot->hands[4].ref));
}

static void tending_all_reaps_the_dead_first(void) {
  leave_orphan();
  stand_give(other, STAND_DEAD);
  for (unsigned i = 0; i < BLOCKS; i++) stand_free(here, offs[i]);
  EXPECT(shl_orphan_tend_all(heap));
  EXPECT_EQ(0, stand_stats(heap).slabs);
}

// One's own process's slots are judged one by one, by their threads.
static void a_dead_thread_behind_living_ones_is_found(void) {
  struct shl_seat dead = stand_other(heap, 0);
  shl_slot_sign(other);
  shl_slot_disown(dead);
  shl_reap(heap);
  EXPECT_EQ(SHL_OWNER_OWNED, shl_owner_read(heap, shl_seat_id(other)).state);
  EXPECT_EQ(SHL_OWNER_FREE, shl_owner_read(heap, shl_seat_id(dead)).state);
}

// Blocks are freed into the orphan while it is tended: they wait for the next time.
static void frees_between_tendings_are_found_by_the_next(void) {
  leave_orphan();
  struct shl_seat orphan;
  uint32_t id = 0;
  EXPECT(shl_orphan_next(heap, &id, &orphan));
  for (unsigned i = 0; i < BLOCKS / 2; i++) stand_free(here, offs[i]);
  shl_seat_drain(orphan);
  for (unsigned i = BLOCKS / 2; i < BLOCKS; i++) stand_free(here, offs[i]);
  EXPECT(has_hints(other));
  shl_orphan_leave(orphan);
  EXPECT_EQ(0, stand_live(heap));
  EXPECT(shl_orphan_tend_all(heap));
  EXPECT_EQ(0, stand_stats(heap).slabs);
}

static void a_drained_seat_keeps_what_is_allocated(void) {
  shoal_off off = stand_alloc(here, 64);
  (void)stand_alloc(here, 5000);
  shl_seat_drain(here);
  EXPECT_EQ(2, stand_live(heap));
  EXPECT_EQ(0, stand_stats(heap).cached);
  stand_free(here, off);
  shl_seat_drain(here);
  EXPECT_EQ(1, stand_stats(heap).slabs);
}

static void the_spare_slot_is_drained_by_others(void) {
  struct shl_seat spare = shl_seat_enter_spare(heap);
  stand_free(spare, stand_alloc(spare, 64));
  shl_spare_drain(spare);
  EXPECT_EQ(1, stand_stats(heap).slabs);
  shl_seat_leave(spare);
  shl_spare_drain(here);
  EXPECT_EQ(0, stand_stats(heap).slabs);
  EXPECT_EQ(0, shl_load_relaxed_u32(&heap->spare_lock));
}

SUITE(orphan, SET_UP(open_heap), TEAR_DOWN(seats_close), TEST(an_adopted_slot_goes_on_where_it_was),
      TEST(each_orphan_is_met_once), TEST(an_orphan_with_hints_is_tended_in_passing),
      TEST(the_looking_goes_round), TEST(the_dead_are_recovered_in_passing),
      TEST(the_dead_are_noticed_behind_any_number_of_the_living),
      TEST(a_dead_thread_of_ones_own_process_is_noticed_in_passing),
      TEST(the_living_are_left_alone), TEST(tending_all_gives_everything_back),
      TEST(tending_all_reaps_the_dead_first), TEST(a_dead_thread_behind_living_ones_is_found),
      TEST(frees_between_tendings_are_found_by_the_next),
      TEST(a_drained_seat_keeps_what_is_allocated), TEST(the_spare_slot_is_drained_by_others))
