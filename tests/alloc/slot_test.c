// SPDX-License-Identifier: MIT
// Goal: a slot has one owner, is taken in the order that keeps slots few and memory in use, and is
// taken from the dead only. Method: owner words of a small table.
#include "alloc/slot.h"

#include "alloc/hand.h"
#include "alloc/journal.h"
#include "tests/alloc/stand.h"
#include "tests/harness/harness.h"

static shoal_heap *heap;

static void open_heap(void) {
  heap = stand_open_small();
}

static void close_heap(void) {
  stand_close(heap);
}

static struct shl_seat take(enum shl_slot_order order) {
  struct shl_seat seat = {.heap = heap};
  EXPECT_OK(shl_slot_take(heap, order, &seat));
  return seat;
}

static unsigned state_of(uint32_t id) {
  return shl_owner_read(heap, id).state;
}

// As if the slot had made a slab once.
static void use(struct shl_seat seat) {
  shl_store_relaxed_u32(&seat.slot->cursor, heap->first_chunk);
}

static void slots_are_taken_from_the_lowest(void) {
  struct shl_seat second = take(SHL_SLOT_FREE_FIRST), third = take(SHL_SLOT_FREE_FIRST);
  EXPECT_EQ(2, shl_seat_id(second));
  EXPECT_EQ(3, shl_seat_id(third));
  shl_slot_let_go(third);
  shl_slot_let_go(second);
  EXPECT_EQ(2, shl_seat_id(take(SHL_SLOT_ORPHAN_FIRST)));
  EXPECT_EQ(3, shl_slot_high_water(heap));
}

static void a_slot_that_owns_nothing_is_free_again(void) {
  struct shl_seat seat = take(SHL_SLOT_FREE_FIRST);
  EXPECT_EQ(SHL_OWNER_OWNED, state_of(shl_seat_id(seat)));
  EXPECT(shl_slot_is_ours(heap, shl_seat_id(seat)));
  shl_slot_let_go(seat);
  EXPECT_EQ(SHL_OWNER_FREE, state_of(shl_seat_id(seat)));
  EXPECT(!shl_slot_is_ours(heap, shl_seat_id(seat)));
}

// Whose thread is still the last owner's would be judged by it, and taken away from the new one.
static void a_slot_just_taken_has_no_thread(void) {
  struct shl_seat seat = take(SHL_SLOT_FREE_FIRST);
  uint32_t id = shl_seat_id(seat);
  shl_slot_let_go(seat);
  shl_store_relaxed_u64(&shl_owner_row(heap, id)->thread, 12345);
  EXPECT_EQ(id, shl_seat_id(take(SHL_SLOT_FREE_FIRST)));
  EXPECT_EQ(0, shl_load_relaxed_u64(&shl_owner_row(heap, id)->thread));
  EXPECT(!shl_owner_is_dead(heap, id, shl_owner_read(heap, id)));
}

static void a_slot_that_made_slabs_is_an_orphan(void) {
  struct shl_seat seat = take(SHL_SLOT_FREE_FIRST);
  (void)stand_alloc(seat, 64);
  shl_slot_let_go(seat);
  EXPECT_EQ(SHL_OWNER_ORPHAN, state_of(shl_seat_id(seat)));
  EXPECT_EQ(1, stand_live(heap));
}

// Who will use memory takes an orphan's first, who may not takes an empty slot first.
static void orphans_are_taken_first_or_last(void) {
  struct shl_seat low = take(SHL_SLOT_FREE_FIRST), high = take(SHL_SLOT_FREE_FIRST);
  use(high);
  shl_slot_let_go(low);
  shl_slot_let_go(high);
  struct shl_seat user = take(SHL_SLOT_ORPHAN_FIRST);
  EXPECT_EQ(shl_seat_id(high), shl_seat_id(user));
  shl_slot_let_go(user);
  struct shl_seat other = take(SHL_SLOT_FREE_FIRST);
  EXPECT_EQ(shl_seat_id(low), shl_seat_id(other));
  EXPECT_EQ(4, shl_seat_id(take(SHL_SLOT_FREE_FIRST)));
}

static void a_full_table_gives_orphans_to_anybody_and_then_says_so(void) {
  struct shl_seat seats[6];
  unsigned count = 0;
  while (shl_slot_high_water(heap) < heap->slot_count) seats[count++] = take(SHL_SLOT_FREE_FIRST);
  EXPECT_EQ(5, count);
  struct shl_seat seat;
  EXPECT_STATUS(SHOAL_E_LIMIT, shl_slot_take(heap, SHL_SLOT_FREE_FIRST, &seat));
  EXPECT_STATUS(SHOAL_E_LIMIT, shl_slot_take(heap, SHL_SLOT_ORPHAN_FIRST, &seat));
  use(seats[2]);
  shl_slot_let_go(seats[2]);
  EXPECT_OK(shl_slot_take(heap, SHL_SLOT_FREE_FIRST, &seat));
  EXPECT_EQ(shl_seat_id(seats[2]), shl_seat_id(seat));
}

// The word's generation makes every older look at it stale.
static void each_change_of_owner_is_a_generation(void) {
  struct shl_seat seat = take(SHL_SLOT_FREE_FIRST);
  uint32_t before = shl_owner_read(heap, shl_seat_id(seat)).generation;
  shl_slot_let_go(seat);
  EXPECT_EQ(before + 1, shl_owner_read(heap, shl_seat_id(seat)).generation);
  (void)take(SHL_SLOT_FREE_FIRST);
  EXPECT_EQ(before + 2, shl_owner_read(heap, shl_seat_id(seat)).generation);
}

static void generations_wrap_into_no_other_field(void) {
  struct shl_seat seat = take(SHL_SLOT_FREE_FIRST);
  struct shl_owner_word word = shl_owner_read(heap, shl_seat_id(seat));
  word.generation = 0xffffff;
  shl_store_release_u64(&shl_owner_row(heap, shl_seat_id(seat))->word, shl_owner_encode(word));
  shl_slot_let_go(seat);
  EXPECT_EQ(0, shl_owner_read(heap, shl_seat_id(seat)).generation);
  EXPECT_EQ(SHL_OWNER_FREE, state_of(shl_seat_id(seat)));
  EXPECT_EQ(0, shl_owner_read(heap, shl_seat_id(seat)).process);
}

static void an_orphan_is_acted_as_by_one(void) {
  struct shl_seat seat = take(SHL_SLOT_FREE_FIRST), orphan;
  EXPECT(!shl_slot_take_orphan(heap, shl_seat_id(seat), &orphan));
  EXPECT(!shl_slot_take_any_orphan(heap, &orphan));
  use(seat);
  shl_slot_let_go(seat);
  EXPECT(shl_slot_take_orphan(heap, shl_seat_id(seat), &orphan));
  EXPECT_EQ(shl_seat_id(seat), shl_seat_id(orphan));
  EXPECT(!shl_slot_take_orphan(heap, shl_seat_id(seat), &orphan));
  shl_slot_let_go(orphan);
  EXPECT(shl_slot_take_any_orphan(heap, &orphan));
  EXPECT_EQ(shl_seat_id(seat), shl_seat_id(orphan));
}

static void the_dead_are_recovered_and_nobody_else(void) {
  struct shl_seat mine = take(SHL_SLOT_FREE_FIRST);
  struct shl_seat dead = stand_other(heap, STAND_DEAD);
  struct shl_seat stopped = stand_other(heap, STAND_STOPPED);
  EXPECT(!shl_slot_recover(heap, shl_seat_id(mine)));
  EXPECT(!shl_slot_recover(heap, shl_seat_id(stopped)));
  EXPECT(shl_slot_recover(heap, shl_seat_id(dead)));
  EXPECT(!shl_slot_recover(heap, shl_seat_id(dead)));
  EXPECT_EQ(SHL_OWNER_FREE, state_of(shl_seat_id(dead)));
  EXPECT_EQ(SHL_OWNER_OWNED, state_of(shl_seat_id(stopped)));
}

static bool is_dead(uint32_t id) {
  return shl_owner_is_dead(heap, id, shl_owner_read(heap, id));
}

// Of its own slots a process judges by the thread; no thread noted is no reason.
static void ones_own_slots_die_with_their_threads(void) {
  struct shl_seat seat = take(SHL_SLOT_FREE_FIRST);
  EXPECT(!is_dead(shl_seat_id(seat)));
  shl_slot_sign(seat);
  EXPECT(!is_dead(shl_seat_id(seat)));
  shl_slot_disown(seat);
  EXPECT(is_dead(shl_seat_id(seat)));
  shl_store_release_u64(&shl_owner_row(heap, shl_seat_id(seat))->thread, 0);
  EXPECT(!is_dead(shl_seat_id(seat)));
}

// The same process number in another generation is another process.
static void an_older_generation_of_this_process_is_judged_as_anothers(void) {
  struct shl_seat seat = take(SHL_SLOT_FREE_FIRST);
  struct shl_owner_word word = shl_owner_read(heap, shl_seat_id(seat));
  word.process_generation++;
  shl_store_release_u64(&shl_owner_row(heap, shl_seat_id(seat))->word, shl_owner_encode(word));
  EXPECT(!shl_slot_is_ours(heap, shl_seat_id(seat)));
  EXPECT(!is_dead(shl_seat_id(seat)));
  word.process = STAND_DEAD;
  shl_store_release_u64(&shl_owner_row(heap, shl_seat_id(seat))->word, shl_owner_encode(word));
  EXPECT(is_dead(shl_seat_id(seat)));
}

static void a_step_cut_short_is_settled_before_the_slot_is_given_back(void) {
  struct shl_seat seat = take(SHL_SLOT_FREE_FIRST);
  (void)stand_alloc(seat, 64);
  uint32_t unit = shl_load_relaxed_u32(&seat.slot->hands[4].ref) >> 6;
  shl_journal_set(seat.slot, SHL_J_HINT, unit, 0);
  shl_slot_let_go(seat);
  EXPECT_EQ(0, stand_journal(seat));
  EXPECT(stand_is_clean(heap));
}

SUITE(slot, SET_UP(open_heap), TEAR_DOWN(close_heap), TEST(slots_are_taken_from_the_lowest),
      TEST(a_slot_that_owns_nothing_is_free_again), TEST(a_slot_just_taken_has_no_thread),
      TEST(a_slot_that_made_slabs_is_an_orphan),
      TEST(orphans_are_taken_first_or_last),
      TEST(a_full_table_gives_orphans_to_anybody_and_then_says_so),
      TEST(each_change_of_owner_is_a_generation), TEST(generations_wrap_into_no_other_field),
      TEST(an_orphan_is_acted_as_by_one), TEST(the_dead_are_recovered_and_nobody_else),
      TEST(ones_own_slots_die_with_their_threads),
      TEST(an_older_generation_of_this_process_is_judged_as_anothers),
      TEST(a_step_cut_short_is_settled_before_the_slot_is_given_back))
