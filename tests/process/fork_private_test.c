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

#include "base/atomic.h"
#include "tests/harness/harness.h"
#include "tests/harness/process.h"
#include "tests/random/draw.h"

enum { CAPACITY = 64 << 20, ENTRIES = 400, CHILD_SECONDS_MAX = 40, WRONG_MAX = 99 };

// Who has a list: threads at work, those that come and go one after the other, the main thread.
enum { WORKERS = 3, VISITOR = WORKERS, MAIN, PEOPLE };

#define MARK (UINT64_C(0xb10c) << 48)

static shoal_heap *heap;
static shl_a32 stop;

// Someone's blocks. An entry is set after the block was allocated and marked, cleared before the mark
// is taken off and the block freed; `busy` stands around both. Private to the process.
struct person {
  pthread_t thread;
  struct draw draw;
  shl_a64 busy;
  shl_a64 entries[ENTRIES];
};

static struct person people[PEOPLE];

static void open_heap(void) {
  shoal_options options = {.size = sizeof options,
                           .kind = SHOAL_KIND_PRIVATE,
                           .flags = SHOAL_CREATE,
                           .capacity = CAPACITY,
                           .max_processes = 4,
                           .max_threads = 32};
  memset(people, 0, sizeof people);
  for (unsigned i = 0; i < PEOPLE; i++) people[i].draw.state = i;
  EXPECT_OK(shoal_open(NULL, &options, &heap));
}

static void close_heap(void) {
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_close(heap));
}

static uint64_t swap_mark(shoal_off off, uint64_t mark) {
  return atomic_exchange_explicit((shl_a64 *)shoal_ptr(heap, off), mark, memory_order_acq_rel);
}

// Allocates a block for an entry. returns: 1 iff it carries a mark: someone has it already.
static uint64_t take_block(shl_a64 *entry, uint64_t size) {
  shoal_off off = shoal_alloc(heap, size, 0);
  if (off == 0) return 1;
  uint64_t found = swap_mark(off, MARK | off);
  shl_store_release_u64(entry, off);
  return found >> 48 == MARK >> 48 ? 1 : 0;
}

// Frees an entry's block. returns: 1 iff it does not carry its mark any more.
static uint64_t give_block(shl_a64 *entry) {
  shoal_off off = shl_load_relaxed_u64(entry);
  shl_store_release_u64(entry, 0);
  uint64_t found = swap_mark(off, 0);
  bool freed = shoal_free_offset(heap, off) == SHOAL_OK;
  return found == (MARK | off) && freed ? 0 : 1;
}

// Sizes of which most are of one class, the one that parent and child fight for.
static uint64_t draw_wish(struct draw *draw) {
  return draw_chance(draw, 80) ? 64 : draw_size(draw, 100000) + 8;
}

static uint64_t change_entry(struct person *person) {
  shl_a64 *entry = &person->entries[draw_below(&person->draw, ENTRIES)];
  shl_store_release_u64(&person->busy, 1);
  bool full = shl_load_relaxed_u64(entry) != 0;
  uint64_t wrong = full ? give_block(entry) : take_block(entry, draw_wish(&person->draw));
  shl_store_release_u64(&person->busy, 0);
  return wrong;
}

static void *work(void *argument) {
  struct person *person = argument;
  uint64_t wrong = 0;
  while (shl_load_acquire_u32(&stop) == 0) wrong += change_entry(person);
  EXPECT_EQ(0, wrong);
  return NULL;
}

static void *visit(void *argument) {
  struct person *person = argument;
  uint64_t wrong = 0;
  for (unsigned i = 0; i < 20; i++) wrong += change_entry(person);
  EXPECT_EQ(0, wrong);
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
    for (unsigned k = 0; k < ENTRIES; k++) {
      known += shl_load_acquire_u64(&people[i].entries[k]) != 0 ? 1 : 0;
    }
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

// The child's copy of the heap holds what its copy of the lists says, and at most one block more for
// each thread that was inside a call.
static uint64_t compare_lists(void) {
  uint64_t busy, known = count_known(&busy), live = count_live();
  uint64_t lost = live < known || live > known + busy ? 1 : 0;
  uint64_t check = shoal_check(heap, print_finding, NULL) == SHOAL_OK ? 0 : 1;
  return complain("blocks lost or too many", lost) + complain("the check", check);
}

static uint64_t change_many(struct person *mine, uint64_t count) {
  uint64_t wrong = 0;
  for (uint64_t i = 0; i < count; i++) wrong += change_entry(mine);
  return wrong;
}

// Frees everybody's blocks: what stays are those that others were about to hand over or free.
static uint64_t free_all(void) {
  uint64_t wrong = 0, busy = 0;
  for (unsigned i = 0; i < PEOPLE; i++) {
    for (unsigned k = 0; k < ENTRIES; k++) {
      shl_a64 *entry = &people[i].entries[k];
      if (shl_load_relaxed_u64(entry) != 0) wrong += give_block(entry);
    }
  }
  (void)count_known(&busy);
  uint64_t live = count_live();
  return complain("blocks changed", wrong) + complain("left live", live > busy ? live : 0);
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
  wrong += complain("blocks given twice", change_many(&people[MAIN], count));
  wrong += complain("trim", shoal_trim(heap, SHOAL_TRIM_ALL) == SHOAL_OK ? 0 : 1);
  wrong += complain("blocks given twice after trim", change_many(&people[MAIN], count / 10));
  wrong += free_all() + open_another();
  wrong += shoal_check(heap, print_finding, NULL) == SHOAL_OK ? 0 : 1;
  _exit((int)(wrong < WRONG_MAX ? wrong : WRONG_MAX));
}

static void start_threads(pthread_t *churner) {
  shl_store_release_u32(&stop, 0);
  for (unsigned i = 0; i < WORKERS; i++) {
    ASSERT_EQ(0, pthread_create(&people[i].thread, NULL, work, &people[i]));
  }
  ASSERT_EQ(0, pthread_create(churner, NULL, churn, &people[VISITOR]));
}

static void end_threads(pthread_t churner) {
  shl_store_release_u32(&stop, 1);
  for (unsigned i = 0; i < WORKERS; i++) EXPECT_EQ(0, pthread_join(people[i].thread, NULL));
  EXPECT_EQ(0, pthread_join(churner, NULL));
}

// returns: as test_child_wait.
static int wait_for(pid_t child) {
  int status = 0;
  EXPECT_EQ(child, waitpid(child, &status, 0));
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void parent_and_child_both_go_on_after_fork(void) {
  pthread_t churner;
  uint64_t count = test_rounds(40000), busy = 0;
  start_threads(&churner);
  for (uint64_t i = 0; i < 3 + test_rounds(22) && !test_has_failed(); i++) {
    EXPECT_EQ(0, change_many(&people[MAIN], count / 100));
    pid_t child = fork();
    if (child == 0) live_as_child(count);
    EXPECT_LT(0, child);
    EXPECT_EQ(0, change_many(&people[MAIN], count));
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
  EXPECT_EQ(0, change_many(&people[MAIN], 5000));
  ASSERT_EQ(0, pipe2(ends, O_CLOEXEC));
  pid_t child = fork();
  ASSERT(child >= 0);
  if (child != 0) _exit(0);
  (void)close(ends[1]);
  uint64_t wrong = read(ends[0], &byte, 1) == 0 ? 0 : 1;  // the end: the father is dead
  wrong += compare_lists() + change_many(&people[MAIN], 50000) + compare_lists() + free_all();
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
  EXPECT_EQ(0, change_many(&people[MAIN], 5000));
  for (unsigned i = 0; i < 5; i++) {
    pid_t child = fork();
    if (child == 0) {
      (void)alarm(CHILD_SECONDS_MAX);
      while (true) (void)change_many(&people[MAIN], 1000);
    }
    EXPECT_LT(0, child);
    EXPECT_EQ(0, change_many(&people[MAIN], 50000));
    EXPECT_EQ(0, kill(child, SIGKILL));
    EXPECT_EQ(-SIGKILL, wait_for(child));
    EXPECT_EQ(0, compare_lists());
  }
  EXPECT_EQ(0, free_all());
}

SUITE(fork_private, SET_UP(open_heap), TEAR_DOWN(close_heap),
      TEST(parent_and_child_both_go_on_after_fork), TEST(a_child_lives_on_when_its_parent_is_dead),
      TEST(a_parent_lives_on_when_its_child_is_killed), ROLE(be_father))
