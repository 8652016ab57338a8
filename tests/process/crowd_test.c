// SPDX-License-Identifier: MIT
// Goal: where many crowd in a heap that is nearly full, each gets memory that nobody else has, or a
// refusal, and the heap is whole and empty when they have gone. Method: threads and processes that
// allocate and free blocks of every kind, up to half of the heap, without a pause: the same chunks
// and pages are claimed, given up, filled and emptied by all.
#include <errno.h>
#include <stdlib.h>

#include "tests/harness/harness.h"
#include "tests/harness/process.h"
#include "tests/process/person.h"
#include "tests/random/crew.h"

enum { CAPACITY = 10 << 20, THREADS = 3, HELPERS = 2, ENTRIES = 6 };

// What a person does in a crew's thread. Private to the process.
struct part {
  struct person person;
  uint64_t moves;
  uint64_t wrong;
};

static void crowd_in(void *argument) {
  struct part *part = argument;
  part->wrong += person_change(&part->person, part->moves);
  part->wrong += person_give_all(&part->person);
}

static void go_idle(void *heap) {
  EXPECT_OK(shoal_thread_idle(heap));
}

static void be_crowd(shoal_heap *heap, struct crew *crew, uint64_t seed, uint64_t moves) {
  struct part parts[THREADS] = {{.wrong = 0}};
  for (unsigned i = 0; i < THREADS; i++) {
    struct part *part = &parts[i];
    part->moves = moves;
    part->person.heap = heap;
    part->person.draw.state = seed + i;
    part->person.size_most = 5 << 20;
    part->person.entries_count = ENTRIES;
    part->person.small_percent = 10;
    if (i != 0) crew_begin(crew, i, crowd_in, part);
  }
  crowd_in(&parts[0]);
  for (unsigned i = 0; i < THREADS; i++) {
    if (i != 0) crew_await(crew, i);
    EXPECT_EQ(0, parts[i].wrong);
    EXPECT_LT(0, parts[i].person.refused_count);
    EXPECT_LT(parts[i].person.refused_count, moves * 9 / 10);
  }
  for (unsigned i = 0; i < THREADS; i++) crew_run(crew, i, go_idle, heap);
}

static void expect_empty(shoal_heap *heap) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  EXPECT_OK(shoal_stats(heap, &stats));
  EXPECT_EQ(0, stats.live + stats.cached + stats.committed);
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  // All data is to be had as one block.
  shoal_off off = shoal_alloc(heap, stats.capacity - stats.metadata, 0);
  EXPECT_NE(0, off);
  EXPECT_OK(shoal_free_offset(heap, off));
}

static shoal_heap *open_heap(shoal_kind kind, const char *name) {
  shoal_heap *heap = NULL;
  shoal_options options = {.size = sizeof options,
                           .kind = kind,
                           .flags = SHOAL_CREATE,
                           .capacity = CAPACITY,
                           .max_processes = 4,
                           .max_threads = 16};
  EXPECT_OK(shoal_open(name, &options, &heap));
  return heap;
}

static void threads_crowd_in_a_private_heap(void) {
  struct crew crew;
  shoal_heap *heap = open_heap(SHOAL_KIND_PRIVATE, NULL);
  ASSERT(heap != NULL && crew_start(&crew, THREADS));
  for (unsigned round = 0; round < 8; round++) {
    be_crowd(heap, &crew, 100 * round, test_rounds(15000));
    expect_empty(heap);
  }
  crew_stop(&crew);
  EXPECT_OK(shoal_close(heap));
}

// argv: the heap, the seed.
static void crowd(int argc, char **argv) {
  struct crew crew;
  if (argc != 2) exit(3);
  shoal_heap *heap = open_heap(SHOAL_KIND_NAMED, argv[0]);
  ASSERT(heap != NULL && crew_start(&crew, THREADS));
  test_say("here");
  test_await("go");
  be_crowd(heap, &crew, strtoull(argv[1], NULL, 10), test_rounds(40000));
  test_say("done");
  test_await("bye");
  crew_stop(&crew);
  ASSERT_OK(shoal_close(heap));
}

static void processes_crowd_in_a_named_heap(void) {
  struct crew crew;
  char name[TEST_NAME_BYTES];
  static struct test_child children[HELPERS];
  const char *const seeds[] = {"2000", "3000"};
  shoal_heap *heap = open_heap(SHOAL_KIND_NAMED, test_unique_name(name));
  ASSERT(heap != NULL && crew_start(&crew, THREADS));
  for (unsigned i = 0; i < HELPERS; i++) {
    const char *arguments[] = {name, seeds[i], NULL};
    children[i] = (struct test_child){0};
    ASSERT(test_spawn(&children[i], "crowd", arguments));
    ASSERT(test_child_expect(&children[i], "here"));
  }
  for (unsigned i = 0; i < HELPERS; i++) (void)test_child_send(&children[i], "go");
  be_crowd(heap, &crew, 1000, test_rounds(40000));
  for (unsigned i = 0; i < HELPERS; i++) (void)test_child_expect(&children[i], "done");
  expect_empty(heap);
  for (unsigned i = 0; i < HELPERS; i++) (void)test_child_send(&children[i], "bye");
  for (unsigned i = 0; i < HELPERS; i++) test_child_finish(&children[i]);
  crew_stop(&crew);
  EXPECT_OK(shoal_close(heap));
}

SUITE(crowd, TEST(threads_crowd_in_a_private_heap), TEST(processes_crowd_in_a_named_heap),
      ROLE(crowd))
