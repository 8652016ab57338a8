// SPDX-License-Identifier: MIT
// Linux only: the table of system calls.
//
// Goal: a creator that dies anywhere leaves nothing that keeps others from the name. Method: a
// creator that kills itself ahead of its n-th system call, for every n until it gets through, and
// after each an opener of every kind. A gate kept by the dead would show as BUSY.
#include <signal.h>
#include <stdlib.h>

#include "alloc/handle.h"
#include "tests/harness/harness.h"
#include "tests/mapping/doom.h"
#include "tests/mapping/peer.h"

static void create_doomed(int argc, char **argv) {
  struct place place;
  shoal_heap *heap = NULL;
  if (argc != 4) exit(3);
  place_read(&place, argv[0], argv[1]);
  doom_begin(argc, argv);
  shoal_status status = place_open(&place, SHOAL_CREATE, &heap);
  doom_end();
  EXPECT_OK(status);
  if (heap != NULL) EXPECT_OK(shoal_close(heap));
}

static void expect_new_and_working(const struct place *place, shoal_heap *heap) {
  ASSERT(heap != NULL);
  place_expect_works(heap);
  EXPECT_OK(shoal_close(heap));
  EXPECT_EQ(place->kind == PLACE_NAMED, place_inode(place) == 0);
}

// What an opener may meet: a heap that works, where it is to survive its processes; else nothing.
static void expect_working_or_none(const struct place *place, unsigned flags) {
  shoal_heap *heap = NULL;
  shoal_status status = place_open(place, flags, &heap);
  if (status == SHOAL_OK) {
    EXPECT_NE(PLACE_NAMED, place->kind);
    if (flags == 0) place_expect_works(heap);
    EXPECT_OK(shoal_close(heap));
  } else {
    EXPECT_STATUS(SHOAL_E_NOT_FOUND, status);
  }
}

static void follow_with_create(const struct place *place) {
  shoal_heap *heap = NULL;
  EXPECT_OK(place_open(place, SHOAL_CREATE, &heap));
  expect_new_and_working(place, heap);
}

static void follow_with_exclusive(const struct place *place) {
  shoal_heap *heap = NULL;
  shoal_status status = place_open(place, SHOAL_CREATE | SHOAL_EXCLUSIVE, &heap);
  if (status == SHOAL_E_EXISTS) {
    EXPECT_NE(PLACE_NAMED, place->kind);
    EXPECT_OK(place_open(place, 0, &heap));
  } else {
    EXPECT_OK(status);
    if (heap != NULL) EXPECT_EQ(1, shoal_created(heap));
  }
  expect_new_and_working(place, heap);
}

static void follow_with_those_who_do_not_create(const struct place *place) {
  expect_working_or_none(place, SHOAL_READ_ONLY);
  expect_working_or_none(place, 0);
  follow_with_exclusive(place);
}

static void follow_with_unlink(const struct place *place) {
  shoal_heap *heap = NULL;
  shoal_status status = shoal_unlink(place->name);
  if (status != SHOAL_OK) EXPECT_STATUS(SHOAL_E_NOT_FOUND, status);
  EXPECT_EQ(0, place_inode(place));
  EXPECT_OK(place_open(place, SHOAL_CREATE | SHOAL_EXCLUSIVE, &heap));
  expect_new_and_working(place, heap);
}

// Kills creators ahead of each of their system calls.
static void kill_at_each(enum place_kind kind, void (*follow)(const struct place *place)) {
  bool died = true;
  uint64_t at = 1;
  for (; died && !test_has_failed(); at += doom_step()) {
    struct place place;
    place_choose(&place, kind);
    died = doom_kill("create_doomed", &place, at);
    if (died) follow(&place);
    place_clear(&place);
    if (test_has_failed()) FAIL("killed ahead of call %llu", (unsigned long long)at);
  }
  // A creation takes more calls than these: the loop has not ended for another reason.
  EXPECT_LT(20, at);
}

static void for_each_kind(void (*follow)(const struct place *place)) {
  for (enum place_kind kind = PLACE_NAMED; kind < PLACE_KINDS; kind++) kill_at_each(kind, follow);
}

static void after_a_killed_creator_another_creates(void) {
  for_each_kind(follow_with_create);
}

static void after_a_killed_creator_openers_find_nothing_or_a_working_heap(void) {
  for_each_kind(follow_with_those_who_do_not_create);
}

static void after_a_killed_creator_the_name_can_be_removed(void) {
  for_each_kind(follow_with_unlink);
}

// Opens with CREATE, says what came of it, and stays until it is told. While the first creator
// stands still in the gate BUSY is the right answer, and on a slow machine it may come before the
// kill does: then it is asked again.
static void create_and_say(int argc, char **argv) {
  struct place place;
  shoal_heap *heap = NULL;
  if (argc != 2) exit(3);
  place_read(&place, argv[0], argv[1]);
  test_say("begins");
  shoal_status status = SHOAL_E_BUSY;
  while (status == SHOAL_E_BUSY) status = place_open(&place, SHOAL_CREATE, &heap);
  test_say("%s", shoal_status_name(status));
  if (heap == NULL) exit(1);
  test_await("close");
  place_expect_works(heap);
  EXPECT_OK(shoal_close(heap));
}

// returns: whether the first creator stood still at its call `at`.
static bool kill_under_waiters(const struct place *place, uint64_t at) {
  char kind[2] = {(char)('0' + place->kind), '\0'};
  const char *arguments[] = {kind, place->name, NULL};
  struct peer first = {.process = 0};
  struct test_child waiters[2] = {{.runs = false}, {.runs = false}};
  shoal_heap *heap = NULL;
  if (!doom_start(&first.child, "create_doomed", place, at, SIGSTOP)) return false;
  if (!peer_has_stopped(&first)) {
    test_child_finish(&first.child);
    return false;
  }
  for (unsigned i = 0; i < 2; i++) {
    if (!test_spawn(&waiters[i], "create_and_say", arguments)) return false;
    (void)test_child_expect(&waiters[i], "begins");
  }
  test_child_kill(&first.child);
  for (unsigned i = 0; i < 2; i++) (void)test_child_expect(&waiters[i], "SHOAL_OK");
  // Both are in the region that the name stands for.
  EXPECT_OK(place_open(place, 0, &heap));
  if (heap != NULL) EXPECT_EQ(3, shl_process_count(heap->region));
  for (unsigned i = 0; i < 2; i++) {
    (void)test_child_send(&waiters[i], "close");
    test_child_finish(&waiters[i]);
  }
  expect_new_and_working(place, heap);
  return true;
}

static void creators_that_wait_take_over_from_a_killed_one(void) {
  for (enum place_kind kind = PLACE_NAMED; kind < PLACE_KINDS; kind++) {
    // All calls of the first kind; of the others, which differ in little, every third.
    uint64_t step = doom_step() * (kind == PLACE_NAMED ? 1 : PLACE_KINDS);
    bool stood = true;
    for (uint64_t at = 1 + (uint64_t)kind; stood && !test_has_failed(); at += step) {
      struct place place;
      place_choose(&place, kind);
      stood = kill_under_waiters(&place, at);
      place_clear(&place);
      if (test_has_failed()) FAIL("stopped at call %llu", (unsigned long long)at);
    }
  }
}

SUITE(create_kill, TEST(after_a_killed_creator_another_creates),
      TEST(after_a_killed_creator_openers_find_nothing_or_a_working_heap),
      TEST(after_a_killed_creator_the_name_can_be_removed),
      TEST(creators_that_wait_take_over_from_a_killed_one), ROLE(create_doomed),
      ROLE(create_and_say))
