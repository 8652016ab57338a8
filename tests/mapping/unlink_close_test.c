// SPDX-License-Identifier: MIT
// Linux only: the table of system calls.
//
// Goal: the last one to close a region and one who removes its name may meet anywhere: the name
// goes once, and a region that a third has made under it meanwhile keeps it.
// Method: a process that stands still ahead of each system call of its close, or of its unlink,
// while the other's call is made as a whole and the name is given to a new region.
#include <signal.h>
#include <stdlib.h>

#include <shoal/heap.h>

#include "tests/harness/harness.h"
#include "tests/mapping/doom.h"
#include "tests/mapping/peer.h"

enum { CALLS_MOST = 200 };

static struct place place;

static void close_last(int argc, char **argv) {
  struct place where;
  shoal_heap *own = NULL;
  if (argc != 4) exit(3);
  place_read(&where, argv[0], argv[1]);
  ASSERT_OK(place_open(&where, SHOAL_CREATE, &own));
  EXPECT_NE(0, shoal_alloc(own, 64, 0));
  test_say("open");
  doom_begin(argc, argv);
  EXPECT_OK(shoal_close(own));
  doom_end();
}

static void remove_name(int argc, char **argv) {
  struct place where;
  if (argc != 4) exit(3);
  place_read(&where, argv[0], argv[1]);
  test_say("open");
  doom_begin(argc, argv);
  shoal_status status = shoal_unlink(where.name);
  doom_end();
  if (status != SHOAL_E_NOT_FOUND) EXPECT_OK(status);
}

// returns: whether the process stands still there; false: its call has fewer system calls.
static bool stands(struct peer *peer, const char *role, uint64_t at) {
  *peer = (struct peer){0};
  bool started = doom_start(&peer->child, role, &place, at, SIGSTOP) &&
                 test_child_expect(&peer->child, "open");
  if (!started) return false;
  if (peer_has_stopped(peer)) return true;
  test_child_finish(&peer->child);
  return false;
}

static void go_on(struct peer *peer) {
  test_child_signal(&peer->child, SIGCONT);
  test_child_finish(&peer->child);
}

// The name is another's by now, who keeps it.
static void expect_new_region_kept(struct peer *peer) {
  shoal_heap *heap = NULL;
  ASSERT_OK(place_open(&place, SHOAL_CREATE | SHOAL_EXCLUSIVE, &heap));
  uint64_t inode = place_inode(&place);
  go_on(peer);
  EXPECT_EQ(inode, place_inode(&place));
  place_expect_works(heap);
  EXPECT_OK(shoal_close(heap));
}

static void a_closer_that_meets_an_unlinker_leaves_the_next_region_its_name(void) {
  struct peer closer;
  unsigned removed = 0, busy = 0;
  place_choose(&place, PLACE_NAMED);
  for (uint64_t at = 1; at < CALLS_MOST && !test_has_failed(); at += doom_step()) {
    if (!stands(&closer, "close_last", at)) break;
    shoal_status status = shoal_unlink(place.name);
    if (status == SHOAL_OK) expect_new_region_kept(&closer);
    if (status != SHOAL_OK) go_on(&closer);
    if (status != SHOAL_OK && status != SHOAL_E_NOT_FOUND) EXPECT_STATUS(SHOAL_E_BUSY, status);
    removed += status == SHOAL_OK ? 1 : 0;
    busy += status == SHOAL_E_BUSY ? 1 : 0;
    EXPECT_EQ(0, place_inode(&place));
  }
  EXPECT_LT(0, removed);
  EXPECT_LT(0, busy);
}

// The unlinker stands anywhere while the last one closes: nobody finds the old region afterwards.
static void an_unlinker_that_meets_a_closer_leaves_no_region(void) {
  struct peer unlinker;
  place_choose(&place, PLACE_NAMED);
  for (uint64_t at = 1; at < CALLS_MOST && !test_has_failed(); at += doom_step()) {
    shoal_heap *heap = NULL;
    ASSERT_OK(place_open(&place, SHOAL_CREATE | SHOAL_EXCLUSIVE, &heap));
    bool stood = stands(&unlinker, "remove_name", at);
    EXPECT_OK(shoal_close(heap));
    if (!stood) break;
    go_on(&unlinker);
    EXPECT_EQ(0, place_inode(&place));
    EXPECT_STATUS(SHOAL_E_NOT_FOUND, place_open(&place, 0, &heap));
  }
}

SUITE(unlink_close, TEST(a_closer_that_meets_an_unlinker_leaves_the_next_region_its_name),
      TEST(an_unlinker_that_meets_a_closer_leaves_no_region), ROLE(close_last), ROLE(remove_name))
