// SPDX-License-Identifier: MIT
// Goal: of several creators of one name exactly one makes the region, and all are in it. Method:
// four processes that open the same name at the same moment, again and again, each round from
// nothing.
#include <stdlib.h>

#include "alloc/handle.h"
#include "mapping/process.h"
#include "tests/harness/harness.h"
#include "tests/mapping/race.h"

enum { ROUNDS = 120 };

static struct race race;

static shoal_heap *open_in_round(struct racer *racer, unsigned flags) {
  struct race_seat *seat = &racer->board->seats[racer->seat];
  shoal_heap *heap = NULL;
  shoal_status status = place_open(&racer->place, flags, &heap);
  bool created = heap != NULL && shoal_created(heap) != 0;
  shl_store_release_u64(&seat->status, (uint64_t)status);
  shl_store_release_u64(&seat->created, created ? 1 : 0);
  shl_store_release_u64(&seat->uuid, heap != NULL ? place_uuid(heap) : 0);
  return heap;
}

// Judges a round that all have opened in. `exclusive`: bit i: seat i asked so.
static void judge(const struct race_board *board, const shoal_heap *heap, unsigned exclusive) {
  uint64_t created = 0, uuid = 0;
  uint32_t attached = 0;
  for (unsigned i = 0; i < RACE_SEATS; i++) {
    const struct race_seat *seat = &board->seats[i];
    bool asked = (exclusive >> i & 1) != 0;
    uint64_t made = shl_load_acquire_u64(&seat->created);
    shoal_status status = (shoal_status)shl_load_acquire_u64(&seat->status);
    created += made;
    EXPECT_STATUS(asked && made == 0 ? SHOAL_E_EXISTS : SHOAL_OK, status);
    if (status != SHOAL_OK) continue;
    attached++;
    if (uuid == 0) uuid = shl_load_acquire_u64(&seat->uuid);
    EXPECT_EQ(uuid, shl_load_acquire_u64(&seat->uuid));
  }
  EXPECT_EQ(1, created);
  if (heap != NULL) EXPECT_EQ(attached, shl_process_count(heap->region));
}

static void play_round(struct racer *racer, unsigned exclusive) {
  unsigned flags = SHOAL_CREATE;
  if ((exclusive >> racer->seat & 1) != 0) flags |= SHOAL_EXCLUSIVE;
  racer_meet(racer);
  shoal_heap *heap = open_in_round(racer, flags);
  racer_meet(racer);
  if (racer->seat == 0) judge(racer->board, heap, exclusive);
  if (heap != NULL) {
    shoal_off block = shoal_alloc(heap, 64, 0);
    EXPECT_NE(0, block);
    EXPECT_OK(shoal_free_offset(heap, block));
  }
  racer_meet(racer);
  if (heap != NULL) EXPECT_OK(shoal_close(heap));
  racer_meet(racer);
  if (racer->seat != 0) return;
  if (racer->place.kind != PLACE_NAMED) EXPECT_OK(shoal_unlink(racer->place.name));
  EXPECT_EQ(0, place_inode(&racer->place));
}

static void play(int argc, char **argv, unsigned (*exclusive)(uint64_t round)) {
  struct racer racer;
  racer_enter(&racer, argc, argv);
  for (uint64_t i = 0; i < racer.rounds; i++) play_round(&racer, exclusive(i));
  racer_leave(&racer);
}

static unsigned none(uint64_t round) {
  (void)round;
  return 0;
}

static unsigned all(uint64_t round) {
  (void)round;
  return (1U << RACE_SEATS) - 1;
}

static unsigned some(uint64_t round) {
  return (unsigned)(round % ((1U << RACE_SEATS) - 1));
}

static void create(int argc, char **argv) {
  play(argc, argv, none);
}

static void create_exclusively(int argc, char **argv) {
  play(argc, argv, all);
}

static void create_both_ways(int argc, char **argv) {
  play(argc, argv, some);
}

static void run_everywhere(const char *role) {
  for (enum place_kind kind = PLACE_NAMED; kind < PLACE_KINDS; kind++) {
    ASSERT(race_open(&race, kind, test_rounds(ROUNDS)));
    race_run(&race, role);
    race_close(&race);
  }
}

static void of_creators_at_once_one_creates_and_all_are_in_its_region(void) {
  run_everywhere("create");
}

static void of_exclusive_creators_at_once_one_creates_and_the_others_are_told(void) {
  run_everywhere("create_exclusively");
}

static void exclusive_creators_among_others_create_or_are_told(void) {
  run_everywhere("create_both_ways");
}

SUITE(create_race, TEST(of_creators_at_once_one_creates_and_all_are_in_its_region),
      TEST(of_exclusive_creators_at_once_one_creates_and_the_others_are_told),
      TEST(exclusive_creators_among_others_create_or_are_told), ROLE(create),
      ROLE(create_exclusively), ROLE(create_both_ways))
