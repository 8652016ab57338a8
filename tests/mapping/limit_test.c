// SPDX-License-Identifier: MIT
// Goal: a heap's tables of processes and threads refuse the living, and make room out of the dead.
// Method: as many processes as max_processes, alive, closed or killed, and one more.
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/inspect.h>

#include "alloc/handle.h"
#include "mapping/process.h"
#include "tests/harness/harness.h"
#include "tests/mapping/peer.h"

static struct place place;
static shoal_heap *heap;
static struct peer peers[PLACE_PROCESSES];

static void open_here(void) {
  memset(peers, 0, sizeof peers);
  heap = NULL;
  place_choose(&place, PLACE_NAMED);
  ASSERT_OK(place_open(&place, SHOAL_CREATE | SHOAL_EXCLUSIVE, &heap));
}

static void close_here(void) {
  if (heap != NULL) EXPECT_OK(shoal_close(heap));
}

// Has a block, so that its slot has something in it.
static void be_there(int argc, char **argv) {
  shoal_heap *own = peer_enter(argc, argv);
  EXPECT_NE(0, shoal_alloc(own, 100, 0));
  test_await("close");
  EXPECT_OK(shoal_close(own));
}

static void try_to_be_there(int argc, char **argv) {
  struct place where;
  shoal_heap *own = NULL;
  if (argc != 2) exit(3);
  place_read(&where, argv[0], argv[1]);
  shoal_status status = place_open(&where, 0, &own);
  bool told = strstr(shoal_status_text(status), "max_processes") != NULL;
  test_say("%s%s", shoal_status_name(status), told ? ", max_processes" : "");
  if (own == NULL) return;
  place_expect_works(own);
  EXPECT_OK(shoal_close(own));
}

static void expect_outcome(const char *expected) {
  char kind[] = {'0' + PLACE_NAMED, '\0'};
  const char *arguments[] = {kind, place.name, NULL};
  struct test_child child = {.runs = false};
  ASSERT(test_spawn(&child, "try_to_be_there", arguments));
  EXPECT(test_child_expect(&child, expected));
  test_child_finish(&child);
}

static bool fill_table(void) {
  for (unsigned i = 0; i < PLACE_PROCESSES - 1; i++) {
    if (!peer_hire(&peers[i], "be_there", &place)) return false;
  }
  return true;
}

static void dismiss(struct peer *peer) {
  (void)test_child_send(&peer->child, "close");
  test_child_finish(&peer->child);
}

static void one_more_living_process_is_refused_and_told_why(void) {
  ASSERT(fill_table());
  expect_outcome("SHOAL_E_LIMIT, max_processes");
  expect_outcome("SHOAL_E_LIMIT, max_processes");
  EXPECT_EQ(PLACE_PROCESSES, shl_process_count(heap->region));
  place_expect_works(heap);
  for (unsigned i = 0; i < PLACE_PROCESSES - 1; i++) dismiss(&peers[i]);
}

static void the_place_of_one_that_closed_is_free(void) {
  ASSERT(fill_table());
  dismiss(&peers[2]);
  expect_outcome("SHOAL_OK");
  expect_outcome("SHOAL_OK");
  for (unsigned i = 0; i < PLACE_PROCESSES - 1; i++) {
    if (i != 2) dismiss(&peers[i]);
  }
}

static void the_place_of_one_that_was_killed_is_free(void) {
  ASSERT(fill_table());
  test_child_kill(&peers[3].child);
  EXPECT_EQ(PLACE_PROCESSES - 1, shl_process_count(heap->region));
  expect_outcome("SHOAL_OK");
  expect_outcome("SHOAL_OK");
  for (unsigned i = 0; i < PLACE_PROCESSES - 1; i++) {
    if (i != 3) dismiss(&peers[i]);
  }
}

static void a_table_of_dead_processes_refuses_nobody(void) {
  for (unsigned round = 0; round < 4; round++) {
    memset(peers, 0, sizeof peers);
    ASSERT(fill_table());
    for (unsigned i = 0; i < PLACE_PROCESSES - 1; i++) test_child_kill(&peers[i].child);
    EXPECT_EQ(1, shl_process_count(heap->region));
    expect_outcome("SHOAL_OK");
  }
  EXPECT_OK(shoal_check(heap, NULL, NULL));
}

static void a_stopped_process_keeps_its_place(void) {
  ASSERT(fill_table());
  ASSERT(peer_stop(&peers[0]));
  expect_outcome("SHOAL_E_LIMIT, max_processes");
  test_child_signal(&peers[0].child, SIGCONT);
  for (unsigned i = 0; i < PLACE_PROCESSES - 1; i++) dismiss(&peers[i]);
}

// Readers take no record.
static void read_there(int argc, char **argv) {
  struct place where;
  shoal_heap *own = NULL;
  if (argc != 2) exit(3);
  place_read(&where, argv[0], argv[1]);
  EXPECT_OK(place_open(&where, SHOAL_READ_ONLY, &own));
  if (own == NULL) exit(1);
  peer_introduce(own);
  test_await("close");
  EXPECT_OK(shoal_close(own));
}

static void readers_are_not_counted(void) {
  struct peer readers[2] = {{.process = 0}, {.process = 0}};
  ASSERT(fill_table());
  for (unsigned i = 0; i < 2; i++) ASSERT(peer_hire(&readers[i], "read_there", &place));
  for (unsigned i = 0; i < 2; i++) dismiss(&readers[i]);
  for (unsigned i = 0; i < PLACE_PROCESSES - 1; i++) dismiss(&peers[i]);
}

SUITE(limit, SET_UP(open_here), TEAR_DOWN(close_here),
      TEST(one_more_living_process_is_refused_and_told_why),
      TEST(the_place_of_one_that_closed_is_free), TEST(the_place_of_one_that_was_killed_is_free),
      TEST(a_table_of_dead_processes_refuses_nobody), TEST(a_stopped_process_keeps_its_place),
      TEST(readers_are_not_counted), ROLE(be_there), ROLE(try_to_be_there), ROLE(read_there))
