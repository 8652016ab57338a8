// SPDX-License-Identifier: MIT
// Goal: while processes come, go, die and unlink, all who are attached under a name are in one
// region, and each region that is made is removed once. Method: four processes without any order
// between them; each says on the board which region it is surely attached to.
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

#include "tests/harness/harness.h"
#include "tests/mapping/race.h"

enum { ROUNDS = 1500, VICTIMS = 150 };

static struct race race;

// Says where it is, then looks where the others are: of two who come at once one sees the other.
static void enter_board(struct racer *racer, const shoal_heap *heap) {
  uint64_t mine = place_uuid(heap);
  shl_store_seq_cst_u64(&racer->board->seats[racer->seat].uuid, mine);
  for (unsigned i = 0; i < RACE_SEATS; i++) {
    uint64_t theirs = shl_load_seq_cst_u64(&racer->board->seats[i].uuid);
    EXPECT(theirs == 0 || theirs == mine);
  }
}

static void leave_board(struct racer *racer) {
  shl_store_seq_cst_u64(&racer->board->seats[racer->seat].uuid, 0);
}

static void dawdle(struct racer *racer) {
  for (uint64_t i = draw_below(&racer->draw, 4); i > 0; i--) (void)sched_yield();
}

static void use(shoal_heap *heap) {
  shoal_off block = shoal_alloc(heap, 100, 0);
  EXPECT_NE(0, block);
  EXPECT_OK(shoal_free_offset(heap, block));
}

static void come_and_go_once(struct racer *racer) {
  shoal_heap *heap = NULL;
  unsigned flags = draw_chance(&racer->draw, 70) ? SHOAL_CREATE : 0;
  shoal_status status = place_open(&racer->place, flags, &heap);
  if (flags == 0 && status == SHOAL_E_NOT_FOUND) return;
  EXPECT_OK(status);
  if (heap == NULL) return;
  enter_board(racer, heap);
  use(heap);
  dawdle(racer);
  leave_board(racer);
  EXPECT_OK(shoal_close(heap));
}

static void come_and_go(int argc, char **argv) {
  struct racer racer;
  racer_enter(&racer, argc, argv);
  racer_meet(&racer);
  for (uint64_t i = 0; i < racer.rounds && !test_has_failed(); i++) come_and_go_once(&racer);
  racer_leave(&racer);
}

static void those_who_come_and_go_are_in_one_region(void) {
  ASSERT(race_open(&race, PLACE_NAMED, test_rounds(ROUNDS)));
  race_run(&race, "come_and_go");
  EXPECT_EQ(0, place_inode(&race.place));
  race_close(&race);
}

static void come_and_go_until_over(int argc, char **argv) {
  struct racer racer;
  racer_enter(&racer, argc, argv);
  while (shl_load_acquire_u64(&racer.board->over) == 0 && !test_has_failed()) {
    come_and_go_once(&racer);
  }
  racer_leave(&racer);
}

// Does the same, off the board, until a signal ends it somewhere.
static void come_and_go_until_killed(int argc, char **argv) {
  struct racer racer;
  racer_enter(&racer, argc, argv);
  racer.draw.state = racer.seat;
  struct itimerval timer = {.it_value = {.tv_usec = 50 + (long)draw_below(&racer.draw, 2500)}};
  (void)signal(SIGALRM, SIG_DFL);
  if (setitimer(ITIMER_REAL, &timer, NULL) != 0) exit(1);
  for (;;) {
    shoal_heap *heap = NULL;
    if (place_open(&racer.place, SHOAL_CREATE, &heap) != SHOAL_OK) exit(1);
    if (shoal_alloc(heap, 100, 0) == 0) exit(1);
    if (shoal_close(heap) != SHOAL_OK) exit(1);
  }
}

static void those_who_are_killed_do_not_part_the_others(void) {
  struct test_child victims[2];
  ASSERT(race_open(&race, PLACE_NAMED, 0));
  for (unsigned i = 0; i < 2; i++) {
    ASSERT(race_start(&race, &race.children[i], "come_and_go_until_over", i));
  }
  for (unsigned i = 0; i < test_rounds(VICTIMS) && !test_has_failed(); i++) {
    for (unsigned k = 0; k < 2; k++) {
      ASSERT(race_start(&race, &victims[k], "come_and_go_until_killed", RACE_SEATS + 2 * i + k));
    }
    for (unsigned k = 0; k < 2; k++) EXPECT_EQ(-SIGALRM, test_child_wait(&victims[k]));
  }
  shl_store_release_u64(&race.board->over, 1);
  for (unsigned i = 0; i < 2; i++) test_child_finish(&race.children[i]);
  shoal_heap *heap = NULL;
  EXPECT_OK(place_open(&race.place, SHOAL_CREATE, &heap));
  place_expect_works(heap);
  EXPECT_OK(shoal_close(heap));
  EXPECT_EQ(0, place_inode(&race.place));
  race_close(&race);
}

// Opens, and sometimes removes the name; counts what it made and removed.
static void open_and_unlink(int argc, char **argv) {
  struct racer racer;
  racer_enter(&racer, argc, argv);
  struct race_seat *seat = &racer.board->seats[racer.seat];
  racer_meet(&racer);
  for (uint64_t i = 0; i < racer.rounds && !test_has_failed(); i++) {
    shoal_heap *heap = NULL;
    EXPECT_OK(place_open(&racer.place, SHOAL_CREATE, &heap));
    if (heap == NULL) break;
    (void)shl_add_relaxed_u64(&seat->made, (uint64_t)shoal_created(heap));
    use(heap);
    if (draw_chance(&racer.draw, 40)) {
      shoal_status status = shoal_unlink(racer.place.name);
      if (status == SHOAL_OK) (void)shl_add_relaxed_u64(&seat->unlinked, 1);
      if (status != SHOAL_OK) EXPECT_STATUS(SHOAL_E_NOT_FOUND, status);
      // Nameless or not, it is still there.
      use(heap);
    }
    EXPECT_OK(shoal_close(heap));
  }
  racer_leave(&racer);
}

// No region is made twice, and none is lost. An unlinker may also meet, and remove, an object of
// which its creator has not made a region yet: more names go than regions are made.
static void every_region_made_is_unlinked_or_there(void) {
  for (enum place_kind kind = PLACE_PERSIST; kind < PLACE_KINDS; kind++) {
    uint64_t made = 0, unlinked = 0;
    ASSERT(race_open(&race, kind, test_rounds(ROUNDS / 4)));
    race_run(&race, "open_and_unlink");
    for (unsigned i = 0; i < RACE_SEATS; i++) {
      made += shl_load_acquire_u64(&race.board->seats[i].made);
      unlinked += shl_load_acquire_u64(&race.board->seats[i].unlinked);
    }
    EXPECT_LE(made, unlinked + (place_inode(&race.place) != 0 ? 1 : 0));
    EXPECT_LT(1, made);
    race_close(&race);
  }
}

SUITE(detach_race, TEST(those_who_come_and_go_are_in_one_region),
      TEST(those_who_are_killed_do_not_part_the_others),
      TEST(every_region_made_is_unlinked_or_there), ROLE(come_and_go), ROLE(come_and_go_until_over),
      ROLE(come_and_go_until_killed), ROLE(open_and_unlink))
