// SPDX-License-Identifier: MIT
// Goal: what the dead have left is recovered by whoever needs or opens the heap, and their records
// are there for others again. Method: helper processes that are killed with a heap open, in a table
// of two processes.
#include "alloc/reap.h"

#include <signal.h>
#include <stdlib.h>

#include "alloc/slot.h"
#include "mapping/process.h"
#include "tests/alloc/stand.h"
#include "tests/harness/harness.h"
#include "tests/harness/process.h"

enum { PROCESSES = 2, CAPACITY = 32 << 20, BLOCKS = 500, LIVES = 6 };

static shoal_heap *open_named(const char *name) {
  shoal_heap *heap = NULL;
  shoal_options options = {.size = sizeof options,
                           .flags = SHOAL_CREATE,
                           .capacity = CAPACITY,
                           .lifetime = SHOAL_LIFETIME_PERSIST,
                           .max_processes = PROCESSES,
                           .max_threads = 4,
                           .max_roots = 16,
                           .max_pins = 16};
  EXPECT_OK(shoal_open(name, &options, &heap));
  return heap;
}

// Opens the heap, allocates, pins, frees some of it, says so, and waits to be killed.
static void live_until_killed(int argc, char **argv) {
  shoal_heap *heap = argc == 1 ? open_named(argv[0]) : NULL;
  char line[TEST_LINE_BYTES];
  shoal_pin_id pin;
  if (heap == NULL) exit(2);
  shoal_off off = shoal_alloc(heap, 100000, 0);
  EXPECT_OK(shoal_pin(heap, off, 1, &pin));
  for (unsigned i = 0; i < BLOCKS; i++) EXPECT_NE(0, shoal_alloc(heap, 64, 0));
  test_say("ready");
  (void)test_hear(line);
}

static void live_and_die(const char *name) {
  struct test_child child = {.runs = false};
  ASSERT(test_spawn(&child, "live_until_killed", (const char *const[]){name, NULL}));
  EXPECT(test_child_expect(&child, "ready"));
  test_child_kill(&child);
}

static unsigned live_records(const shoal_heap *heap) {
  const struct shl_area_rec *area = shl_superblock_area(&heap->region->header, SHL_AREA_PROCESS);
  unsigned count = 0;
  for (unsigned k = 0; k < PROCESSES; k++) {
    const char *row = heap->region->base + area->offset + k * sizeof(struct shl_process_rec);
    const struct shl_process_rec *record = (const struct shl_process_rec *)(const void *)row;
    if ((shl_load_acquire_u64(&record->word) & 0xff) == SHL_PROCESS_LIVE) count++;
  }
  return count;
}

static void expect_all_reaped(shoal_heap *heap, uint64_t deaths) {
  shoal_heap_stats stats = stand_stats(heap);
  EXPECT_EQ(0, stats.thread_slots_dead);
  EXPECT_EQ(deaths, stats.deaths);
  EXPECT_EQ(0, stats.pins);
  EXPECT_EQ(deaths * (BLOCKS + 1), stats.live_blocks);
  EXPECT_EQ(1, stats.processes);
  EXPECT_EQ(1, live_records(heap));
  EXPECT(stand_is_clean(heap));
}

static void an_opener_reaps_all_who_died_before(void) {
  char name[TEST_NAME_BYTES];
  live_and_die(test_unique_name(name));
  live_and_die(name);
  shoal_heap *heap = open_named(name);
  ASSERT(heap != NULL);
  expect_all_reaped(heap, 2);
  EXPECT_OK(shoal_unlink(name));
  EXPECT_OK(shoal_close(heap));
}

// Three times as many processes as the table holds die one after the other beside a living one.
static void a_table_full_of_dead_records_keeps_nobody_out(void) {
  char name[TEST_NAME_BYTES];
  shoal_heap *heap = open_named(test_unique_name(name));
  ASSERT(heap != NULL);
  for (unsigned i = 0; i < LIVES; i++) live_and_die(name);
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  expect_all_reaped(heap, LIVES);
  EXPECT_OK(shoal_unlink(name));
  EXPECT_OK(shoal_close(heap));
}

// The dead's slots are found when the table of slots is full: 4 and one a process, all used.
static void a_full_table_of_slots_is_refilled_from_the_dead(void) {
  char name[TEST_NAME_BYTES];
  shoal_heap *heap = open_named(test_unique_name(name));
  ASSERT(heap != NULL);
  live_and_die(name);
  struct shl_seat seat;
  while (shl_slot_take(heap, SHL_SLOT_FREE_FIRST, &seat) == SHOAL_OK) {
  }
  EXPECT_LT(0, stand_stats(heap).thread_slots_dead);
  EXPECT_NE(0, shoal_alloc(heap, 64, 0));
  EXPECT_EQ(0, stand_stats(heap).thread_slots_dead);
  EXPECT_EQ(1, live_records(heap));
  EXPECT_OK(shoal_unlink(name));
  EXPECT_OK(shoal_close(heap));
}

static void the_living_keep_slots_pins_and_record(void) {
  char name[TEST_NAME_BYTES];
  struct test_child child = {.runs = false};
  shoal_heap *heap = open_named(test_unique_name(name));
  ASSERT(heap != NULL);
  ASSERT(test_spawn(&child, "live_until_killed", (const char *const[]){name, NULL}));
  EXPECT(test_child_expect(&child, "ready"));
  test_child_signal(&child, SIGSTOP);
  shl_reap(heap);
  shoal_heap_stats stats = stand_stats(heap);
  EXPECT_EQ(0, stats.thread_slots_dead);
  EXPECT_EQ(1, stats.pins);
  EXPECT_EQ(2, stats.processes);
  EXPECT_EQ(2, live_records(heap));
  test_child_signal(&child, SIGCONT);
  test_child_kill(&child);
  shl_reap(heap);
  shl_reap(heap);
  expect_all_reaped(heap, 1);
  EXPECT_OK(shoal_unlink(name));
  EXPECT_OK(shoal_close(heap));
}

SUITE(reap, TEST(an_opener_reaps_all_who_died_before),
      TEST(a_table_full_of_dead_records_keeps_nobody_out),
      TEST(a_full_table_of_slots_is_refilled_from_the_dead),
      TEST(the_living_keep_slots_pins_and_record), ROLE(live_until_killed))
