// SPDX-License-Identifier: MIT
// Linux only: this file calls fork.
//
// Goal: a forked child goes on with its copy of a PRIVATE heap, whatever other threads were doing
// when it was forked: no block is given out twice in either process, nothing is lost but what other
// threads were about to free, and no lock of the parent's keeps the child waiting. Method: threads
// that allocate, free, end, open and close heaps without a pause, each with its own list; the child
// compares its copy of the heap with its copy of the lists.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shoal/inspect.h>

#include "alloc/slot.h"
#include "tests/harness/harness.h"
#include "tests/harness/process.h"
#include "tests/process/person.h"

enum { CAPACITY = 64 << 20, CHILD_SECONDS_MAX = 40, WRONG_MAX = 99 };

// Threads at work, those that come and go one after the other, the main thread.
enum { WORKERS = 3, VISITOR = WORKERS, MAIN, PEOPLE };

static shoal_heap *heap;
static shl_a32 stop;
static struct person people[PEOPLE];
static pthread_t threads[WORKERS];

static void open_heap(void) {
  shoal_options options = {.size = sizeof options,
                           .kind = SHOAL_KIND_PRIVATE,
                           .flags = SHOAL_CREATE,
                           .capacity = CAPACITY,
                           .max_processes = 4,
                           .max_threads = 32};
  EXPECT_OK(shoal_open(NULL, &options, &heap));
  memset(people, 0, sizeof people);
  for (unsigned i = 0; i < PEOPLE; i++) {
    // Most blocks are of one class, the one that parent and child fight for.
    people[i].heap = heap;
    people[i].draw.state = i;
    people[i].size_most = 100000;
    people[i].entries_count = PERSON_ENTRIES;
    people[i].small_percent = 80;
  }
}

static void close_heap(void) {
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_close(heap));
}

static void *work(void *argument) {
  struct person *person = argument;
  uint64_t wrong = 0;
  while (shl_load_acquire_u32(&stop) == 0) wrong += person_change(person, 1);
  EXPECT_EQ(0, wrong);
  return NULL;
}

static void *visit(void *argument) {
  EXPECT_EQ(0, person_change(argument, 20));
  return NULL;
}

// Threads begin and end, and other heaps are opened and closed: what takes the process's own locks.
static void *churn(void *argument) {
  shoal_options options = {.size = sizeof options, .flags = SHOAL_CREATE, .capacity = 8 << 20};
  while (shl_load_acquire_u32(&stop) == 0) {
    pthread_t thread;
    shoal_heap *other = NULL;
    if (pthread_create(&thread, NULL, visit, argument) == 0) (void)pthread_join(thread, NULL);
    EXPECT_OK(shoal_open(NULL, &options, &other));
    if (other != NULL) EXPECT_OK(shoal_close(other));
  }
  return NULL;
}

static uint64_t count_known(uint64_t *busy) {
  uint64_t known = 0;
  *busy = 0;
  for (unsigned i = 0; i < PEOPLE; i++) {
    *busy += shl_load_acquire_u64(&people[i].busy);
    known += person_count(&people[i]);
  }
  return known;
}

static uint64_t count_live(void) {
  shoal_heap_stats stats = {.size = sizeof stats};
  if (shoal_stats(heap, &stats) != SHOAL_OK) return UINT64_MAX;
  uint64_t sum = stats.metadata + stats.live + stats.cached + stats.free + stats.uncommitted;
  return sum == stats.capacity ? stats.live_blocks : UINT64_MAX;
}

// In the forked child only.
static uint64_t complain(const char *text, uint64_t wrong) {
  if (wrong != 0)
    (void)fprintf(stderr, "in the forked child: %s: %llu\n", text, (unsigned long long)wrong);
  return wrong;
}

static void print_finding(void *context, shoal_off off, const char *text) {
  (void)context;
  (void)fprintf(stderr, "in the forked child: 0x%llx: %s\n", (unsigned long long)off, text);
}

// The child's copy of the heap holds what its copy of the lists says, and at most one block more
// for each thread that was inside a call.
static uint64_t compare_lists(void) {
  uint64_t busy, known = count_known(&busy), live = count_live();
  uint64_t lost = live < known || live > known + busy ? 1 : 0;
  uint64_t check = shoal_check(heap, print_finding, NULL) == SHOAL_OK ? 0 : 1;
  return complain("blocks lost or too many", lost) + complain("the check", check);
}

// Frees everybody's blocks: what stays are those that others were about to hand over or free.
static uint64_t free_all(void) {
  uint64_t wrong = 0, busy = 0;
  for (unsigned i = 0; i < PEOPLE; i++) wrong += person_give_all(&people[i]);
  (void)count_known(&busy);
  uint64_t live = count_live();
  return complain("blocks changed", wrong) + complain("left live", live > busy ? live : 0);
}

// Two slots are owned in the child: its thread's and the process's spare one. Those of the threads
// that are not here were given back by the trim, whatever they were doing.
static uint64_t compare_slots(void) {
  uint64_t owned = 0, high = shl_slot_high_water(heap);
  for (uint32_t id = 1; id <= high; id++) {
    owned += shl_owner_read(heap, id).state == SHL_OWNER_OWNED ? 1 : 0;
  }
  shoal_heap_stats stats = {.size = sizeof stats};
  bool counted = shoal_stats(heap, &stats) == SHOAL_OK && stats.thread_slots == 1;
  return complain("slots owned", owned == 2 ? 0 : owned) +
         complain("own slot", counted && stats.thread_slots_dead == 0 ? 0 : 1);
}

static uint64_t open_another(void) {
  shoal_heap *other = NULL;
  shoal_options options = {.size = sizeof options, .flags = SHOAL_CREATE, .capacity = 8 << 20};
  uint64_t wrong = shoal_open(NULL, &options, &other) == SHOAL_OK ? 0 : 1;
  if (other != NULL && shoal_alloc(other, 10, 0) == 0) wrong++;
  if (other != NULL && shoal_close(other) != SHOAL_OK) wrong++;
  return complain("another heap", wrong);
}

static void live_as_child(uint64_t count) {
  (void)alarm(CHILD_SECONDS_MAX);
  uint64_t wrong = compare_lists();
  wrong += complain("blocks given twice", person_change(&people[MAIN], count));
  wrong += complain("trim", shoal_trim(heap, SHOAL_TRIM_ALL) == SHOAL_OK ? 0 : 1);
  wrong += compare_slots();
  wrong += complain("blocks given twice after trim", person_change(&people[MAIN], count / 10));
  wrong += free_all() + open_another();
  wrong += shoal_check(heap, print_finding, NULL) == SHOAL_OK ? 0 : 1;
  _exit((int)(wrong < WRONG_MAX ? wrong : WRONG_MAX));
}

static void start_threads(pthread_t *churner) {
  shl_store_release_u32(&stop, 0);
  for (unsigned i = 0; i < WORKERS; i++) {
    ASSERT_EQ(0, pthread_create(&threads[i], NULL, work, &people[i]));
  }
  ASSERT_EQ(0, pthread_create(churner, NULL, churn, &people[VISITOR]));
}

static void end_threads(pthread_t churner) {
  shl_store_release_u32(&stop, 1);
  for (unsigned i = 0; i < WORKERS; i++) EXPECT_EQ(0, pthread_join(threads[i], NULL));
  EXPECT_EQ(0, pthread_join(churner, NULL));
}

// returns: as test_child_wait.
static int wait_for(pid_t child) {
  int status = 0;
  EXPECT_EQ(child, waitpid(child, &status, 0));
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void parent_and_child_both_go_on_after_fork(void) {
  if (test_in_memcheck()) SKIP("memcheck counts the other threads' memory as lost");
  pthread_t churner;
  uint64_t count = test_rounds(40000), busy = 0;
  start_threads(&churner);
  for (uint64_t i = 0; i < 3 + test_rounds(22) && !test_has_failed(); i++) {
    EXPECT_EQ(0, person_change(&people[MAIN], count / 100));
    pid_t child = fork();
    if (child == 0) live_as_child(count);
    EXPECT_LT(0, child);
    EXPECT_EQ(0, person_change(&people[MAIN], count));
    EXPECT_EQ(0, wait_for(child));
  }
  end_threads(churner);
  EXPECT_EQ(count_known(&busy), count_live());
  EXPECT_EQ(0, free_all());
}

// argv: none. A father whose child goes on when he is gone.
static void be_father(int argc, char **argv) {
  int ends[2];
  char byte;
  (void)argc;
  (void)argv;
  open_heap();
  EXPECT_EQ(0, person_change(&people[MAIN], 5000));
  ASSERT_EQ(0, pipe2(ends, O_CLOEXEC));
  pid_t child = fork();
  ASSERT(child >= 0);
  if (child != 0) _exit(0);
  (void)close(ends[1]);
  uint64_t wrong = read(ends[0], &byte, 1) == 0 ? 0 : 1;  // the end: the father is dead
  wrong += compare_lists() + person_change(&people[MAIN], 50000) + compare_lists() + free_all();
  test_say("%llu things wrong", (unsigned long long)wrong);
  _exit(0);
}

static void a_child_lives_on_when_its_parent_is_dead(void) {
  struct test_child father = {0};
  ASSERT(test_spawn(&father, "be_father", NULL));
  (void)test_child_expect(&father, "0 things wrong");
  test_child_finish(&father);
}

static void a_parent_lives_on_when_its_child_is_killed(void) {
  EXPECT_EQ(0, person_change(&people[MAIN], 5000));
  for (unsigned i = 0; i < 5; i++) {
    pid_t child = fork();
    if (child == 0) {
      (void)alarm(CHILD_SECONDS_MAX);
      while (true) (void)person_change(&people[MAIN], 1000);
    }
    EXPECT_LT(0, child);
    EXPECT_EQ(0, person_change(&people[MAIN], 50000));
    EXPECT_EQ(0, kill(child, SIGKILL));
    EXPECT_EQ(-SIGKILL, wait_for(child));
    EXPECT_EQ(0, compare_lists());
  }
  EXPECT_EQ(0, free_all());
}

SUITE(fork_private, SET_UP(open_heap), TEAR_DOWN(close_heap),
      TEST(parent_and_child_both_go_on_after_fork), TEST(a_child_lives_on_when_its_parent_is_dead),
      TEST(a_parent_lives_on_when_its_child_is_killed), ROLE(be_father))
