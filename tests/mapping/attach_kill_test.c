// SPDX-License-Identifier: MIT
// Linux only: the table of system calls.
//
// Goal: a process that dies anywhere while it attaches, closes or unlinks costs those that stay
// attached nothing: they work on, its record and slots come back, its blocks are all accounted for.
// Method: this process stays; another kills itself ahead of its n-th system call, for every n.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <shoal/inspect.h>

#include "alloc/handle.h"
#include "alloc/reap.h"
#include "tests/harness/harness.h"
#include "tests/mapping/doom.h"
#include "tests/mapping/peer.h"

enum { BLOCKS = 5 };

static struct place place;
static shoal_heap *heap;

static void open_here(enum place_kind kind) {
  place_choose(&place, kind);
  heap = NULL;
  EXPECT_OK(place_open(&place, SHOAL_CREATE | SHOAL_EXCLUSIVE, &heap));
}

static void close_here(void) {
  EXPECT_OK(shoal_close(heap));
  EXPECT_EQ(place.kind == PLACE_NAMED, place_inode(&place) == 0);
  place_clear(&place);
}

static shoal_heap_stats stats_here(void) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(heap, &stats));
  return stats;
}

// After the dead have been recovered nothing of them is left but `blocks` blocks.
static void expect_all_recovered(uint64_t blocks) {
  shl_reap(heap);
  shoal_heap_stats stats = stats_here();
  EXPECT_EQ(1, stats.processes);
  EXPECT_EQ(0, stats.thread_slots_dead);
  EXPECT_EQ(blocks, stats.live_blocks);
  EXPECT_OK(shoal_check(heap, NULL, NULL));
}

static void attach_with(int argc, char **argv, unsigned flags) {
  struct place where;
  shoal_heap *own = NULL;
  if (argc != 4) exit(3);
  place_read(&where, argv[0], argv[1]);
  doom_begin(argc, argv);
  shoal_status status = place_open(&where, flags, &own);
  doom_end();
  EXPECT_OK(status);
  if (own != NULL && flags == 0) place_expect_works(own);
  if (own != NULL) EXPECT_OK(shoal_close(own));
}

static void attach_doomed(int argc, char **argv) {
  attach_with(argc, argv, 0);
}

static void read_doomed(int argc, char **argv) {
  attach_with(argc, argv, SHOAL_READ_ONLY);
}

static void close_doomed(int argc, char **argv) {
  struct place where;
  shoal_heap *own = NULL;
  static const size_t sizes[BLOCKS] = {16, 100, 4000, 70000, SHL_CHUNK_BYTES / 4};
  if (argc != 4) exit(3);
  place_read(&where, argv[0], argv[1]);
  EXPECT_OK(place_open(&where, 0, &own));
  if (own == NULL) exit(1);
  for (unsigned i = 0; i < BLOCKS; i++) EXPECT_NE(0, shoal_alloc(own, sizes[i], 0));
  doom_begin(argc, argv);
  shoal_status status = shoal_close(own);
  doom_end();
  EXPECT_OK(status);
}

static int free_visited(void *context, const shoal_block *block) {
  EXPECT_OK(shoal_free_offset(context, block->off));
  return 0;
}

// Kills processes in `role` ahead of each of their calls. returns: how many there were, the one
// that got through included.
static uint64_t kill_at_each(const char *role) {
  bool died = true;
  uint64_t count = 0;
  for (uint64_t at = 1; died && !test_has_failed(); at += doom_step()) {
    died = doom_kill(role, &place, at);
    count++;
    place_expect_works(heap);
    if (test_has_failed()) FAIL("%s, killed ahead of call %llu", role, (unsigned long long)at);
  }
  EXPECT_LT(4, count);
  return count;
}

static void those_killed_while_attaching_leave_nothing(void) {
  for (enum place_kind kind = PLACE_NAMED; kind < PLACE_KINDS; kind++) {
    open_here(kind);
    ASSERT(heap != NULL);
    (void)kill_at_each("attach_doomed");
    expect_all_recovered(0);
    close_here();
  }
}

static void readers_killed_while_attaching_leave_nothing(void) {
  open_here(PLACE_NAMED);
  ASSERT(heap != NULL);
  (void)kill_at_each("read_doomed");
  expect_all_recovered(0);
  close_here();
}

static void those_killed_while_closing_leave_their_blocks_alone(void) {
  for (enum place_kind kind = PLACE_NAMED; kind < PLACE_KINDS; kind++) {
    open_here(kind);
    ASSERT(heap != NULL);
    // Half of the victims' blocks are freed in between, so that the heap has room for all.
    uint64_t blocks = 0, died = 1;
    for (uint64_t at = 1; died != 0 && !test_has_failed(); at += doom_step()) {
      died = doom_kill("close_doomed", &place, at);
      blocks += BLOCKS;
      EXPECT_EQ(blocks, stats_here().live_blocks);
      place_expect_works(heap);
      if (at % 8 != 0) continue;
      EXPECT_OK(shoal_walk(heap, free_visited, heap));
      blocks = 0;
    }
    expect_all_recovered(blocks);
    EXPECT_OK(shoal_walk(heap, free_visited, heap));
    expect_all_recovered(0);
    EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
    EXPECT_EQ(0, stats_here().committed);
    close_here();
  }
}

// The last process is killed while it closes: the name is gone, or the next opener finds it stale.
static void close_last(uint64_t at, bool *died) {
  struct test_child child;
  open_here(PLACE_NAMED);
  ASSERT(heap != NULL);
  ASSERT(doom_start(&child, "close_when_told", &place, at, SIGKILL));
  ASSERT(test_child_expect(&child, "here"));
  EXPECT_OK(shoal_close(heap));
  ASSERT(test_child_send(&child, "close"));
  int code = test_child_wait(&child);
  *died = code == -SIGKILL;
  EXPECT(*died || code == 0);
  if (!*died) EXPECT_EQ(0, place_inode(&place));
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, place_open(&place, 0, &heap));
  EXPECT_EQ(0, place_inode(&place));
}

static void the_last_process_killed_while_closing_leaves_no_region(void) {
  bool died = true;
  for (uint64_t at = 1; died; at += doom_step()) {
    close_last(at, &died);
    if (test_has_failed()) FAIL("killed ahead of call %llu", (unsigned long long)at);
  }
}

static void close_when_told(int argc, char **argv) {
  struct place where;
  shoal_heap *own = NULL;
  if (argc != 4) exit(3);
  place_read(&where, argv[0], argv[1]);
  EXPECT_OK(place_open(&where, 0, &own));
  if (own == NULL) exit(1);
  test_say("here");
  test_await("close");
  doom_begin(argc, argv);
  shoal_status status = shoal_close(own);
  doom_end();
  EXPECT_OK(status);
}

static void unlink_doomed(int argc, char **argv) {
  if (argc != 4) exit(3);
  doom_begin(argc, argv);
  shoal_status status = shoal_unlink(argv[1]);
  doom_end();
  EXPECT_OK(status);
}

// Says what another process finds under the name.
static void say_what_is_there(int argc, char **argv) {
  struct place where;
  shoal_heap *own = NULL;
  if (argc != 4) exit(3);
  place_read(&where, argv[0], argv[1]);
  shoal_status status = place_open(&where, 0, &own);
  test_say("%s", status == SHOAL_E_NOT_FOUND ? "nothing" : shoal_status_name(status));
  if (own == NULL) return;
  test_say("%llx", (unsigned long long)place_uuid(own));
  EXPECT_OK(shoal_close(own));
}

static void expect_found_by_others(bool named) {
  struct test_child child;
  char uuid[24];
  (void)snprintf(uuid, sizeof uuid, "%llx", (unsigned long long)place_uuid(heap));
  ASSERT(doom_start(&child, "say_what_is_there", &place, 0, 0));
  (void)test_child_expect(&child, named ? "SHOAL_OK" : "nothing");
  if (named) (void)test_child_expect(&child, uuid);
  test_child_finish(&child);
}

static void after_a_killed_unlinker_the_name_is_there_or_it_is_not(void) {
  for (enum place_kind kind = PLACE_NAMED; kind < PLACE_KINDS; kind++) {
    bool died = true;
    for (uint64_t at = 1; died && !test_has_failed(); at += doom_step()) {
      shoal_heap *second = NULL;
      open_here(kind);
      ASSERT(heap != NULL);
      died = doom_kill("unlink_doomed", &place, at);
      bool named = place_inode(&place) != 0;
      if (!died) EXPECT(!named);
      expect_found_by_others(named);
      EXPECT_OK(place_open(&place, SHOAL_CREATE, &second));
      ASSERT(second != NULL);
      EXPECT_EQ(named, second == heap);
      place_expect_works(second);
      place_expect_works(heap);
      EXPECT_OK(shoal_close(second));
      close_here();
      if (test_has_failed()) FAIL("killed ahead of call %llu", (unsigned long long)at);
    }
  }
}

SUITE(attach_kill, TEST(those_killed_while_attaching_leave_nothing),
      TEST(readers_killed_while_attaching_leave_nothing),
      TEST(those_killed_while_closing_leave_their_blocks_alone),
      TEST(the_last_process_killed_while_closing_leaves_no_region),
      TEST(after_a_killed_unlinker_the_name_is_there_or_it_is_not), ROLE(attach_doomed),
      ROLE(read_doomed), ROLE(close_doomed), ROLE(close_when_told), ROLE(unlink_doomed),
      ROLE(say_what_is_there))
