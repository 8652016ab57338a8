// SPDX-License-Identifier: MIT
// Goal: threads and processes come and go, and what those that are gone have left is used by those
// that come: memory and slots do not grow with their number. Method: generations that take over
// their predecessors' blocks, under the exactly-once oracle.
#define _GNU_SOURCE
#include <pthread.h>

#include "tests/process/stage.h"

enum { CAPACITY = 128 << 20, SLOTS = 64, AT_ONCE = 16, BEYOND = 24, SIZE_MOST = 600, BLOCKS = 150 };

static struct stage stage;

// A thread of this process with an actor of its own. Private to the process.
struct visitor {
  pthread_t thread;
  struct actor actor;
  pthread_barrier_t *barrier;  // passed before the first call and after the last; may be null
};

static struct visitor visitors[SLOTS + BEYOND];
static uint64_t blocks_each, size_most;  // of all visitors

static void meet(const struct visitor *visitor) {
  if (visitor->barrier != NULL) pthread_barrier_wait(visitor->barrier);
}

// Makes blocks and leaves them to others, takes as many of others. The first call of every other
// visitor is a free: it begins with an empty slot.
static void *visit(void *argument) {
  struct visitor *visitor = argument;
  struct actor *actor = &visitor->actor;
  unsigned before = actor->number % 2;
  meet(visitor);
  actor_eat(actor, before);
  actor_feed(actor, blocks_each);
  meet(visitor);
  actor_eat(actor, blocks_each / 2);
  actor_feed(actor, blocks_each / 2);
  actor_eat(actor, blocks_each - before);
  meet(visitor);
  return NULL;
}

// A generation's actors go on where the last one's ended.
static void begin_visit(unsigned i, pthread_barrier_t *barrier) {
  struct visitor *visitor = &visitors[i];
  visitor->actor.heap = stage.here.heap;
  visitor->actor.ledger = stage.here.ledger;
  visitor->actor.ring = stage.here.ring;
  visitor->actor.number = STAGE_STATIONS * STATION_WORKERS + i;
  visitor->actor.draw.state += visitor->actor.number;
  visitor->actor.size_most = size_most;
  visitor->barrier = barrier;
  ASSERT_EQ(0, pthread_create(&visitor->thread, NULL, visit, visitor));
}

static void end_visit(unsigned i) {
  ASSERT_EQ(0, pthread_join(visitors[i].thread, NULL));
}

// In the second half of the generations hardly a slab is added: every slot has one of each class by
// then.
struct growth {
  uint64_t committed[2];  // the most, of each half
  uint64_t slots;
};

static void note_generation(struct growth *growth, unsigned half) {
  shoal_heap_stats stats = stage_stats(&stage);
  uint64_t slots = stats.thread_slots + stats.thread_slots_orphan;
  if (stats.committed > growth->committed[half]) growth->committed[half] = stats.committed;
  if (slots > growth->slots) growth->slots = slots;
  EXPECT_EQ(0, stats.thread_slots_dead);
  EXPECT_EQ(1, stats.processes);
}

static void expect_no_growth(const struct growth *growth, uint64_t slots_most) {
  EXPECT_LE(growth->committed[1] * 10, growth->committed[0] * 11);
  EXPECT_LE(growth->slots, slots_most);
}

static void threads_that_come_and_go_need_no_more_memory(void) {
  uint64_t generations = test_rounds(240);
  struct growth growth = {{0}, 0};
  pthread_barrier_t barrier;
  ASSERT(stage_open(&stage, CAPACITY, SLOTS));
  stage_do(&stage, 0, "sizes 0 %d", SIZE_MOST);
  stage_do(&stage, 0, "feed 0 %d", 5 * BLOCKS);
  blocks_each = BLOCKS;
  size_most = SIZE_MOST;
  ASSERT_EQ(0, pthread_barrier_init(&barrier, NULL, AT_ONCE));
  for (uint64_t g = 0; g < generations; g++) {
    // The first generation is there all at once, so that each of its threads has a slot.
    for (unsigned i = 0; i < AT_ONCE; i++) begin_visit(i, g == 0 ? &barrier : NULL);
    for (unsigned i = 0; i < AT_ONCE; i++) end_visit(i);
    note_generation(&growth, g < generations / 2 ? 0 : 1);
  }
  ASSERT_EQ(0, pthread_barrier_destroy(&barrier));
  // Each thread that runs may have one slot of another's in hand for a moment.
  expect_no_growth(&growth, 2 * AT_ONCE + 1);
  stage_close(&stage);
}

// All slots taken at once (max_threads and one for each of max_processes), and more threads beside:
// those allocate from the process's spare slot.
static void all_slots_at_once_and_more_threads_beside(void) {
  pthread_barrier_t barrier;
  // Every slot keeps a slab of each class it has used: that many of larger classes would not fit.
  size_most = 128;
  blocks_each = RING_CELLS / (SLOTS + BEYOND) - 1;
  ASSERT(stage_open(&stage, CAPACITY, SLOTS));
  for (unsigned g = 0; g < 1 + test_rounds(8); g++) {
    ASSERT_EQ(0, pthread_barrier_init(&barrier, NULL, SLOTS + BEYOND + 1));
    for (unsigned i = 0; i < SLOTS + BEYOND; i++) begin_visit(i, &barrier);
    for (unsigned i = 0; i < 3; i++) {
      pthread_barrier_wait(&barrier);
      if (i == 1) EXPECT_LE(SLOTS, stage_stats(&stage).thread_slots);
    }
    for (unsigned i = 0; i < SLOTS + BEYOND; i++) end_visit(i);
    ASSERT_EQ(0, pthread_barrier_destroy(&barrier));
    stage_settle(&stage);
  }
  stage_close(&stage);
}

static void processes_that_come_and_go_need_no_more_memory(void) {
  unsigned generations = (unsigned)test_rounds(80) + 10;
  struct growth growth = {{0}, 0};
  ASSERT(stage_open(&stage, CAPACITY, SLOTS));
  stage_do(&stage, 0, "sizes 0 %d", SIZE_MOST);
  stage_do(&stage, 0, "feed 0 500");
  for (unsigned g = 0; g < generations; g++) {
    for (unsigned i = 1; i <= 2; i++) ASSERT(stage_hire(&stage, i));
    for (unsigned i = 1; i <= 2; i++) {
      stage_do(&stage, i, "sizes %u %d", g % 2, SIZE_MOST);
      stage_do(&stage, i, "feed %u 500", g % 2);
      stage_do(&stage, 3 - i, "eat %u 500", (g + i) % 2);
    }
    for (unsigned i = 1; i <= 2; i++) stage_dismiss(&stage, i);
    note_generation(&growth, g < generations / 2 ? 0 : 1);
  }
  expect_no_growth(&growth, 6);
  stage_close(&stage);
}

SUITE(slots, TEST(threads_that_come_and_go_need_no_more_memory),
      TEST(all_slots_at_once_and_more_threads_beside),
      TEST(processes_that_come_and_go_need_no_more_memory), ROLE(station_serve))
