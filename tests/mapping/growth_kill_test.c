// SPDX-License-Identifier: MIT
// Linux only: the table of system calls.
//
// Goal: a process that dies while it makes the heap grow or gives memory back loses at most the one
// block it was being given: the others go on at once, and once it is recovered every byte is
// accounted for. Method: this process stays; another kills itself ahead of its n-th system call,
// for every n; what it had been given is on a tally in the heap.
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/inspect.h>
#include <shoal/root.h>

#include "alloc/handle.h"
#include "alloc/reap.h"
#include "tests/harness/harness.h"
#include "tests/mapping/doom.h"
#include "tests/mapping/peer.h"

static struct place place;
static shoal_heap *heap;

// In shared memory: blocks that the doomed process was given, and had not begun to free.
struct tally {
  shl_a64 given;
};

static struct tally *tally_of(shoal_heap *of) {
  shoal_root root = {.off = 0};
  EXPECT_OK(shoal_root_get(of, "tally", &root));
  return shoal_ptr(of, root.off);
}

static void open_here(enum place_kind kind) {
  shoal_root root = {.off = 0};
  place_choose(&place, kind);
  heap = NULL;
  ASSERT_OK(place_open(&place, SHOAL_CREATE | SHOAL_EXCLUSIVE, &heap));
  root.off = shoal_alloc(heap, sizeof(struct tally), SHOAL_ZERO);
  ASSERT_NE(0, root.off);
  EXPECT_OK(shoal_root_set(heap, "tally", &root));
}

static shoal_heap_stats stats_here(void) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(heap, &stats));
  return stats;
}

static int free_visited(void *context, const shoal_block *block) {
  (void)context;
  if (block->off != shoal_offset(heap, tally_of(heap))) {
    EXPECT_OK(shoal_free_offset(heap, block->off));
  }
  return 0;
}

static void close_here(void) {
  EXPECT_OK(shoal_free_offset(heap, shoal_offset(heap, tally_of(heap))));
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  shoal_heap_stats stats = stats_here();
  EXPECT_EQ(0, stats.live + stats.cached + stats.committed);
  EXPECT_OK(shoal_close(heap));
  place_clear(&place);
}

// Recovers the dead: what they had is `given` blocks, or one more that was on its way. Frees them,
// and has all memory back.
static void expect_accounted_for(uint64_t given) {
  shl_reap(heap);
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  uint64_t live = stats_here().live_blocks - 1;
  EXPECT(live == given || live == given + 1);
  EXPECT_OK(shoal_walk(heap, free_visited, NULL));
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  shoal_heap_stats stats = stats_here();
  EXPECT_EQ(1, stats.live_blocks);
  EXPECT_EQ(1, stats.processes);
  EXPECT_EQ(0, stats.thread_slots_dead);
  // The tally's slab is left.
  EXPECT_LE(stats.committed, SHL_CHUNK_BYTES);
  EXPECT_OK(shoal_check(heap, NULL, NULL));
}

static shoal_heap *join(int argc, char **argv) {
  struct place where;
  shoal_heap *own = NULL;
  if (argc != 4) exit(3);
  place_read(&where, argv[0], argv[1]);
  EXPECT_OK(place_open(&where, 0, &own));
  if (own == NULL) exit(1);
  return own;
}

enum { SIZES = 11, EACH = 3 };

static const size_t sizes[SIZES] = {16,    64,    256,    1024,   4096,   20000,
                                    32768, 50000, 200000, 900000, 3000000};

// Allocates; what it was given counts once it has it.
static unsigned allocate(shoal_heap *own, struct tally *tally, shoal_off blocks[SIZES * EACH]) {
  unsigned count = 0;
  for (unsigned i = 0; i < SIZES * EACH; i++) {
    blocks[count] = shoal_alloc(own, sizes[i % SIZES], 0);
    if (blocks[count] == 0) continue;
    (void)shl_add_relaxed_u64(&tally->given, 1);
    count++;
  }
  return count;
}

static void grow_doomed(int argc, char **argv) {
  shoal_off blocks[SIZES * EACH];
  shoal_heap *own = join(argc, argv);
  struct tally *tally = tally_of(own);
  doom_begin(argc, argv);
  (void)allocate(own, tally, blocks);
  doom_end();
  EXPECT_OK(shoal_close(own));
}

static void free_all(shoal_heap *own, struct tally *tally, const shoal_off *blocks,
                     unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    (void)shl_add_relaxed_u64(&tally->given, UINT64_MAX);
    EXPECT_OK(shoal_free_offset(own, blocks[i]));
  }
}

// Frees and trims twice: the second time finds chunks that have been given back before.
static void trim_doomed(int argc, char **argv) {
  shoal_off blocks[SIZES * EACH];
  shoal_heap *own = join(argc, argv);
  struct tally *tally = tally_of(own);
  unsigned count = allocate(own, tally, blocks);
  doom_begin(argc, argv);
  free_all(own, tally, blocks, count);
  shoal_status status = shoal_trim(own, SHOAL_TRIM_ALL);
  count = allocate(own, tally, blocks);
  free_all(own, tally, blocks, count);
  if (status == SHOAL_OK) status = shoal_trim(own, SHOAL_TRIM_ALL);
  doom_end();
  EXPECT_OK(status);
  EXPECT_OK(shoal_close(own));
}

static void kill_at_each(const char *role, uint64_t step) {
  bool died = true;
  uint64_t at = 1;
  for (; died && !test_has_failed(); at += step) {
    struct tally *tally = tally_of(heap);
    shl_store_release_u64(&tally->given, 0);
    died = doom_kill(role, &place, at);
    // The dead are there still: nobody waits for them.
    place_expect_works(heap);
    expect_accounted_for(shl_load_acquire_u64(&tally->given));
    if (test_has_failed()) FAIL("%s, killed ahead of call %llu", role, (unsigned long long)at);
  }
  EXPECT_LT(20, at);
}

static void those_killed_while_growing_lose_one_block_at_most(void) {
  open_here(PLACE_NAMED);
  kill_at_each("grow_doomed", doom_step());
  close_here();
}

static void those_killed_while_growing_a_file_lose_one_block_at_most(void) {
  open_here(PLACE_FILE);
  kill_at_each("grow_doomed", doom_step() * 3);
  close_here();
}

static void those_killed_while_trimming_lose_one_block_at_most(void) {
  open_here(PLACE_NAMED);
  kill_at_each("trim_doomed", doom_step());
  close_here();
}

// Nobody recovers in between: more die than the tables have room for.
static void the_dead_make_room_for_those_who_come(void) {
  open_here(PLACE_NAMED);
  for (uint64_t at = 2; at < 2 + 3 * PLACE_PROCESSES; at++) {
    EXPECT(doom_kill("grow_doomed", &place, at));
    EXPECT_OK(shoal_walk(heap, free_visited, NULL));
  }
  expect_accounted_for(0);
  close_here();
}

SUITE(growth_kill, TEST(those_killed_while_growing_lose_one_block_at_most),
      TEST(those_killed_while_growing_a_file_lose_one_block_at_most),
      TEST(those_killed_while_trimming_lose_one_block_at_most),
      TEST(the_dead_make_room_for_those_who_come), ROLE(grow_doomed), ROLE(trim_doomed))
