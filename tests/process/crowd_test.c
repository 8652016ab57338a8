// SPDX-License-Identifier: MIT
// Goal: where many crowd in a heap that is nearly full, each gets memory that nobody else has, or a
// refusal, and the heap is whole and empty when they have gone. Method: threads and processes that
// allocate and free blocks of every kind, up to half of the heap, without a pause: the same chunks
// and pages are claimed, given up, filled and emptied by all.
#include <stdlib.h>

#include "tests/harness/harness.h"
#include "tests/harness/process.h"
#include "tests/process/person.h"
#include "tests/random/crew.h"

enum { CAPACITY = 10 << 20, THREADS = 3, HELPERS = 2 };

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

// What is asked for: everything; or whole chunks only, which all claim from the same few.
struct demand {
  uint64_t size_least;
  uint64_t size_most;
  unsigned small_percent;
  unsigned entries;
};

static const struct demand everything = {0, 5 << 20, 10, 6};
static const struct demand chunks = {(1 << 20) + 1, 5 << 20, 0, 2};

// A process's part of a crowd. Private to the process.
struct group {
  shoal_heap *heap;
  struct crew crew;
  uint64_t seed;
  uint64_t refused_count;
  uint64_t moves;
};

static void be_crowd(struct group *group, const struct demand *demand, uint64_t moves) {
  struct part parts[THREADS] = {{.wrong = 0}};
  for (unsigned i = 0; i < THREADS; i++) {
    struct part *part = &parts[i];
    part->moves = moves;
    part->person.heap = group->heap;
    part->person.draw.state = group->seed++;
    part->person.size_least = demand->size_least;
    part->person.size_most = demand->size_most;
    part->person.entries_count = demand->entries;
    part->person.small_percent = demand->small_percent;
    if (i != 0) crew_begin(&group->crew, i, crowd_in, part);
  }
  crowd_in(&parts[0]);
  for (unsigned i = 0; i < THREADS; i++) {
    if (i != 0) crew_await(&group->crew, i);
    EXPECT_EQ(0, parts[i].wrong);
    group->refused_count += parts[i].person.refused_count;
    group->moves += moves;
  }
  for (unsigned i = 0; i < THREADS; i++) crew_run(&group->crew, i, go_idle, group->heap);
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

static bool open_group(struct group *group, const char *name, uint64_t seed) {
  *group = (struct group){.seed = seed};
  group->heap = open_heap(name != NULL ? SHOAL_KIND_NAMED : SHOAL_KIND_PRIVATE, name);
  return group->heap != NULL && crew_start(&group->crew, THREADS);
}

// It was a crowd, and there was something to be had.
static void close_group(struct group *group) {
  EXPECT_LT(0, group->refused_count);
  EXPECT_LT(group->refused_count, group->moves);
  crew_stop(&group->crew);
  EXPECT_OK(shoal_close(group->heap));
}

static void threads_crowd_in_a_private_heap(void) {
  static struct group group;
  ASSERT(open_group(&group, NULL, 1000));
  for (unsigned round = 0; round < 6; round++) {
    be_crowd(&group, &everything, test_rounds(6000));
    expect_empty(group.heap);
    be_crowd(&group, &chunks, test_rounds(10000));
    expect_empty(group.heap);
  }
  close_group(&group);
}

// argv: the heap, the seed.
static void crowd(int argc, char **argv) {
  static struct group group;
  char line[TEST_LINE_BYTES];
  if (argc != 2) exit(3);
  ASSERT(open_group(&group, argv[0], strtoull(argv[1], NULL, 10)));
  test_say("here");
  while (test_hear(line)) {
    be_crowd(&group, line[0] == 'c' ? &chunks : &everything, test_rounds(5000));
    test_say("done");
  }
  close_group(&group);
}

static void processes_crowd_in_a_named_heap(void) {
  static struct group group;
  static struct test_child children[HELPERS];
  char name[TEST_NAME_BYTES];
  const char *const seeds[] = {"3000", "4000"};
  ASSERT(open_group(&group, test_unique_name(name), 2000));
  for (unsigned i = 0; i < HELPERS; i++) {
    const char *arguments[] = {name, seeds[i], NULL};
    children[i] = (struct test_child){0};
    ASSERT(test_spawn(&children[i], "crowd", arguments));
    ASSERT(test_child_expect(&children[i], "here"));
  }
  for (unsigned round = 0; round < 4; round++) {
    bool in_chunks = round % 2 == 1;
    for (unsigned i = 0; i < HELPERS; i++) {
      (void)test_child_send(&children[i], in_chunks ? "chunks" : "everything");
    }
    be_crowd(&group, in_chunks ? &chunks : &everything, test_rounds(5000));
    for (unsigned i = 0; i < HELPERS; i++) (void)test_child_expect(&children[i], "done");
    expect_empty(group.heap);
  }
  for (unsigned i = 0; i < HELPERS; i++) test_child_finish(&children[i]);
  close_group(&group);
}

SUITE(crowd, TEST(threads_crowd_in_a_private_heap), TEST(processes_crowd_in_a_named_heap),
      ROLE(crowd))
