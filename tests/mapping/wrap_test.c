// SPDX-License-Identifier: MIT
// Goal: the generation of a process record goes on past its last number while processes come, die
// and are reaped: each of the dead is found, what it had comes back, and no living one is taken
// for it.
// Method: the record that the next process takes is set two short of the end; processes with a
// block each live and die in it beside one that lives throughout.
#include <signal.h>
#include <stdlib.h>

#include <shoal/inspect.h>

#include "tests/harness/harness.h"
#include "tests/mapping/peer.h"

enum { LAST = 0xffffff, LIVES = 6 };

static void have_a_block(int argc, char **argv) {
  EXPECT_NE(0, shoal_alloc(peer_enter(argc, argv), 100, 0));
  test_say("has it");
  peer_stay();
}

static void generations_of_processes_wrap_while_they_live_and_die(void) {
  struct place place;
  struct peer peer = {.process = 2};
  shoal_heap *heap = NULL;
  place_choose(&place, PLACE_NAMED);
  ASSERT_OK(place_open(&place, SHOAL_CREATE | SHOAL_EXCLUSIVE, &heap));
  shl_store_release_u64(&peer_record(heap, &peer)->word, (uint64_t)(LAST - 3) << 8);
  for (uint32_t i = 0; i < LIVES; i++) {
    ASSERT(peer_hire(&peer, "have_a_block", &place));
    ASSERT(test_child_expect(&peer.child, "has it"));
    EXPECT_EQ(2, peer.process);
    EXPECT_EQ((LAST - 2 + i) & LAST, peer.generation);
    EXPECT(!peer_is_dead(heap, &peer));
    EXPECT_OK(shoal_reap(heap));
    EXPECT(!peer_is_dead(heap, &peer));
    test_child_kill(&peer.child);
    EXPECT(peer_is_dead(heap, &peer));
    EXPECT_OK(shoal_reap(heap));
    shoal_heap_stats stats = {.size = sizeof stats};
    EXPECT_OK(shoal_stats(heap, &stats));
    EXPECT_EQ(1, stats.processes);
    EXPECT_EQ(i + 1, stats.live_blocks);
    EXPECT_EQ(i + 1, stats.deaths);
    EXPECT_EQ(0, stats.thread_slots_dead);
    EXPECT_OK(shoal_check(heap, NULL, NULL));
  }
  EXPECT_OK(shoal_close(heap));
}

SUITE(wrap, TEST(generations_of_processes_wrap_while_they_live_and_die), ROLE(have_a_block))
