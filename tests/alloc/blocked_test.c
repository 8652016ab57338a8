// SPDX-License-Identifier: MIT
// Goal: what others can allocate after a producer has filled the heap, handed all of it over and
// then blocks for ever. Runs and whole chunks come back at once, to anybody; blocks of slabs when
// their owner works again, goes idle or dies.
// Method: a slot of a process that does not move fills the heap; another frees all and fills it
// again, before and after the first has gone idle or died.
#include "alloc/grant.h"
#include "tests/alloc/seats.h"
#include "tests/harness/harness.h"

static void open_heap(void) {
  seats_open(stand_open(0), STAND_STOPPED);
}

enum { OFFS_MOST = 1 << 20 };

static shoal_off offs[OFFS_MOST];

// Until the heap is full. returns: the blocks, in `offs`.
static uint64_t fill(struct shl_seat seat, size_t bytes) {
  struct shl_wish wish = {.bytes = bytes, .alignment = 16};
  uint64_t count = 0;
  while (count < OFFS_MOST && shl_grant_in(seat, &wish, &offs[count]) == SHOAL_OK) count++;
  EXPECT_LT(count, OFFS_MOST);
  return count;
}

static void free_all(uint64_t count) {
  for (uint64_t i = 0; i < count; i++) EXPECT_OK(shoal_free_offset(heap, offs[i]));
  EXPECT_EQ(0, stand_live(heap));
}

// returns: how many others could have while the producer was blocked, of as many as it had filled.
static uint64_t refill(size_t bytes, uint64_t *filled, void (*end)(void)) {
  *filled = fill(other, bytes);
  EXPECT_LT(0, *filled);
  free_all(*filled);
  uint64_t again = fill(here, bytes);
  free_all(again);
  end();
  EXPECT_EQ(*filled, fill(here, bytes));
  free_all(*filled);
  return again;
}

static void go_idle(void) {
  shl_slot_let_go(other);
}

static void die(void) {
  stand_give(other, STAND_DEAD);
}

static const size_t slab_sizes[] = {64, 1000, 32768};
static const size_t page_sizes[] = {65536, 1 << 20, 2 << 20, 6 << 20};

static void blocks_of_slabs_wait_for_an_owner_that_is_blocked(void) {
  for (unsigned i = 0; i < sizeof slab_sizes / sizeof slab_sizes[0]; i++) {
    uint64_t filled;
    EXPECT_EQ(0, refill(slab_sizes[i], &filled, go_idle));
    seats_close();
    open_heap();
  }
}

static void blocks_of_slabs_come_back_when_their_owner_is_dead(void) {
  for (unsigned i = 0; i < sizeof slab_sizes / sizeof slab_sizes[0]; i++) {
    uint64_t filled;
    EXPECT_EQ(0, refill(slab_sizes[i], &filled, die));
    seats_close();
    open_heap();
  }
}

static void runs_and_whole_chunks_come_back_to_anybody_at_once(void) {
  for (unsigned i = 0; i < sizeof page_sizes / sizeof page_sizes[0]; i++) {
    uint64_t filled, again = refill(page_sizes[i], &filled, go_idle);
    EXPECT_EQ(filled, again);
    seats_close();
    open_heap();
  }
}

SUITE(blocked, SET_UP(open_heap), TEAR_DOWN(seats_close),
      TEST(blocks_of_slabs_wait_for_an_owner_that_is_blocked),
      TEST(blocks_of_slabs_come_back_when_their_owner_is_dead),
      TEST(runs_and_whole_chunks_come_back_to_anybody_at_once))
