// SPDX-License-Identifier: MIT
// Linux only: the table of system calls.
//
// Goal: what processes and threads that grow one heap at once commit is committed once and counted
// once, also where the system refuses a part of it and where they are killed on the way. Method:
// their fallocate counts on a board how often each unit was backed since it was last given back;
// when all have ended that is compared with the chunks' bits, the heap's sum and the object.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shoal/inspect.h>
#include <shoal/root.h>

#include "alloc/chunk.h"
#include "alloc/reap.h"
#include "base/bits.h"
#include "mapping/linux/syscall.h"
#include "tests/harness/harness.h"
#include "tests/mapping/race.h"

enum {
  UNITS = PLACE_CAPACITY / SHL_UNIT_BYTES,
  THREADS = 2,
  ROUNDS = 12,
  DOOMED_SEATS = 2,
  CALLS = 16
};

// More than is needed where all goes well, and less than the capacity; and less than is needed.
enum { LIMIT = 26 << 20, TIGHT = 8 << 20 };

// In shared memory.
struct tally {
  shl_a32 times[UNITS];  // committed since it was last given back
};

// What is to become of this process's calls that back memory. Private to the process.
struct plan {
  uint32_t fail_every;  // 0: none fails
  uint32_t last;        // ahead of this one, or after it, the process kills itself; 0: none
  bool after;
};

static struct race race;
static struct tally *tally;
static shoal_heap *heap;
static struct plan plan;
static shl_a32 calls;
static bool recent[UNITS];  // by the call of a doomed process that has not returned
static struct shl_syscalls table;

static bool is_backed(unsigned unit) {
  uint32_t chunk = unit / SHL_UNITS_PER_CHUNK;
  bool exists = chunk >= heap->first_chunk && chunk < shl_chunk_high_water(heap);
  if (!exists) return false;
  uint32_t bits = shl_load_acquire_u32(&shl_chunk_row(heap, chunk)->committed);
  return (bits >> unit % SHL_UNITS_PER_CHUNK & 1) != 0;
}

// Whoever commits a unit that a dead process has not come to mark may do so once more.
static void die(void) {
  for (unsigned u = 0; u < UNITS; u++) {
    if (recent[u]) shl_store_seq_cst_u32(&tally->times[u], is_backed(u));
  }
  (void)raise(SIGKILL);
}

static void note(int64_t offset, int64_t bytes, bool backed) {
  for (int64_t at = offset; at < offset + bytes; at += SHL_UNIT_BYTES) {
    unsigned unit = (unsigned)(at / SHL_UNIT_BYTES);
    if (plan.last != 0) recent[unit] = true;
    if (backed) (void)atomic_fetch_add(&tally->times[unit], 1);
    if (!backed) shl_store_seq_cst_u32(&tally->times[unit], 0);
  }
}

// Metadata that was backed in vain stays backed: only data is refused.
static int counting_fallocate(int fd, int mode, int64_t offset, int64_t bytes) {
  if (heap == NULL) return shl_system_calls.fallocate(fd, mode, offset, bytes);
  uint32_t number = mode == 0 ? (uint32_t)atomic_fetch_add(&calls, 1) + 1 : 0;
  bool is_last = number != 0 && number == plan.last;
  bool data = (uint64_t)offset >= heap->data_begin;
  if (is_last && !plan.after) die();
  if (plan.fail_every != 0 && data && number != 0 && number % plan.fail_every == 0) {
    errno = ENOSPC;
    return -1;
  }
  int result = shl_system_calls.fallocate(fd, mode, offset, bytes);
  if (result == 0 && data) note(offset, bytes, mode == 0);
  if (is_last) die();
  return result;
}

static void begin_counting(shoal_heap *board_heap) {
  shoal_root root = {.off = 0};
  EXPECT_OK(shoal_root_get(board_heap, "tally", &root));
  tally = shoal_ptr(board_heap, root.off);
  table = shl_system_calls;
  table.fallocate = counting_fallocate;
  shl_sys = &table;
}

static void open_with(uint64_t limit) {
  shoal_options options = {.size = sizeof options,
                           .flags = SHOAL_CREATE | SHOAL_EXCLUSIVE,
                           .capacity = PLACE_CAPACITY,
                           .limit_bytes = limit,
                           .max_processes = PLACE_PROCESSES,
                           .max_threads = PLACE_THREADS};
  shoal_root root = {.off = 0};
  heap = NULL;
  ASSERT(race_open(&race, PLACE_NAMED, 1));
  root.off = shoal_alloc(race.board_heap, sizeof(struct tally), SHOAL_ZERO);
  ASSERT_NE(0, root.off);
  ASSERT_OK(shoal_root_set(race.board_heap, "tally", &root));
  begin_counting(race.board_heap);
  ASSERT_OK(shoal_open(race.place.name, &options, &heap));
}

static void close_here(void) {
  shl_sys = &shl_system_calls;
  if (heap != NULL) EXPECT_OK(shoal_close(heap));
  heap = NULL;
  race_close(&race);
}

static const size_t sizes[] = {64, 5000, 20000, 70000, 300000, 30000, 150000, 40000};

enum { SIZES = sizeof sizes / sizeof sizes[0], BLOCKS = 10, HUGE_BYTES = 2500000 };

static void allocate_one(size_t bytes) {
  shoal_off off = shoal_alloc(heap, bytes, 0);
  if (off != 0) *(char *)shoal_ptr(heap, off) = 1;
  for (unsigned u = 0; u < UNITS && plan.last != 0; u++) recent[u] = false;
}

// What there is no room for, or no backing, is left out. Two threads have a huge block too.
static void *allocate(void *first) {
  unsigned size = *(const unsigned *)first;
  if (size % 4 == 1) allocate_one(HUGE_BYTES);
  for (unsigned i = 0; i < BLOCKS; i++) allocate_one(sizes[(size + i) % SIZES]);
  return NULL;
}

static void allocate_in_threads(unsigned seat) {
  pthread_t threads[THREADS];
  unsigned firsts[THREADS];
  for (unsigned i = 0; i < THREADS; i++) {
    firsts[i] = seat * THREADS + i;
    if (pthread_create(&threads[i], NULL, allocate, &firsts[i]) != 0) exit(1);
  }
  for (unsigned i = 0; i < THREADS; i++) (void)pthread_join(threads[i], NULL);
}

static void enter(struct racer *racer, int argc, char **argv) {
  shoal_heap *own = NULL;
  racer_enter(racer, argc, argv);
  begin_counting(racer->board_heap);
  ASSERT_OK(place_open(&racer->place, 0, &own));
  heap = own;
}

static void leave(struct racer *racer) {
  EXPECT_OK(shoal_close(heap));
  heap = NULL;
  racer_leave(racer);
}

static void grow(int argc, char **argv) {
  struct racer racer;
  enter(&racer, argc, argv);
  racer_meet(&racer);
  allocate_in_threads(racer.seat);
  leave(&racer);
}

static void grow_refused(int argc, char **argv) {
  struct racer racer;
  enter(&racer, argc, argv);
  plan.fail_every = 2 + racer.seat;
  racer_meet(&racer);
  allocate_in_threads(racer.seat);
  leave(&racer);
}

// `rounds` says which call is the last one.
static void grow_doomed(int argc, char **argv) {
  struct racer racer;
  unsigned first;
  enter(&racer, argc, argv);
  plan = (struct plan){.last = (uint32_t)(racer.rounds / 2), .after = racer.rounds % 2 != 0};
  first = racer.seat;
  racer_meet(&racer);
  (void)allocate(&first);
  plan.last = 0;
  leave(&racer);
}

static shoal_heap_stats stats_here(void) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(heap, &stats));
  return stats;
}

static uint64_t backed_here(void) {
  struct stat status = {.st_blocks = 0};
  int fd = place_open_object(&race.place);
  EXPECT_EQ(0, fstat(fd, &status));
  EXPECT_EQ(0, close(fd));
  return (uint64_t)status.st_blocks * 512;
}

static uint64_t sum_here(void) {
  return shl_load_acquire_u64(&heap->words->committed_bytes);
}

// returns: bytes that the chunks say are backed.
static uint64_t expect_once(void) {
  uint64_t units = 0;
  for (unsigned u = 0; u < UNITS; u++) {
    uint32_t times = shl_load_acquire_u32(&tally->times[u]);
    bool backed = is_backed(u);
    units += backed;
    if (times != backed)
      FAIL("unit %u, %s, was committed %u times", u, backed ? "backed" : "not backed", times);
  }
  EXPECT_EQ(units * SHL_UNIT_BYTES, stats_here().committed);
  return units * SHL_UNIT_BYTES;
}

static void open_here(void) {
  open_with(LIMIT);
}

static int free_visited(void *context, const shoal_block *block) {
  (void)context;
  EXPECT_OK(shoal_free_offset(heap, block->off));
  return 0;
}

static void expect_all_comes_back(void) {
  (void)expect_once();
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_walk(heap, free_visited, NULL));
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  EXPECT_EQ(0, expect_once());
  EXPECT_EQ(0, stats_here().live_blocks);
}

// All that was backed is what is counted: data, and the metadata that came with it.
static void expect_counted_once(const char *role) {
  for (uint64_t i = 0; i < test_rounds(ROUNDS) && !test_has_failed(); i++) {
    race_run(&race, role);
    EXPECT_EQ(expect_once(), sum_here());
    shoal_heap_stats stats = stats_here();
    EXPECT_LE(SHL_CHUNK_BYTES, stats.committed);
    EXPECT_EQ(backed_here(), stats.committed + stats.metadata_committed);
    expect_all_comes_back();
    EXPECT_EQ(0, sum_here());
    stats = stats_here();
    EXPECT_EQ(backed_here(), stats.metadata_committed);
  }
}

static void those_that_grow_it_at_once_commit_each_unit_once(void) {
  expect_counted_once("grow");
}

static void what_the_system_refuses_is_not_counted(void) {
  expect_counted_once("grow_refused");
}

// returns: how many of the doomed have died.
static uint64_t race_with_doomed(uint64_t last) {
  uint64_t died = 0;
  bool started = true;
  for (unsigned i = 0; i < RACE_SEATS && started; i++) {
    race.rounds = last + i;
    started = race_start(&race, &race.children[i], i < DOOMED_SEATS ? "grow_doomed" : "grow", i);
  }
  for (unsigned i = 0; i < RACE_SEATS && started; i++) {
    int code = test_child_wait(&race.children[i]);
    EXPECT(code == 0 || (i < DOOMED_SEATS && code == -SIGKILL));
    died += code != 0;
  }
  return died;
}

// The sum may be off by what the dead had begun. Who meets the limit makes it right.
static void expect_sum_made_right(void) {
  while (shoal_alloc(heap, SHL_UNIT_BYTES, 0) != 0) {
  }
  EXPECT_EQ(expect_once(), sum_here());
  EXPECT_LE(sum_here(), LIMIT);
}

// Who is refused counts the sum anew, while others are on their way between it and the chunks.
static void those_that_meet_the_limit_do_not_pass_it(void) {
  close_here();
  open_with(TIGHT);
  for (uint64_t i = 0; i < test_rounds(ROUNDS) && !test_has_failed(); i++) {
    race_run(&race, "grow");
    EXPECT_LE(expect_once(), TIGHT);
    expect_all_comes_back();
  }
  while (shoal_alloc(heap, SHL_UNIT_BYTES, 0) != 0) {
  }
  EXPECT_EQ(expect_once(), sum_here());
  EXPECT_LE(sum_here(), TIGHT);
  expect_all_comes_back();
}

static void what_the_dead_committed_is_counted_once(void) {
  uint64_t died = 0;
  for (uint64_t i = 0; i < test_rounds(2 * ROUNDS) && !test_has_failed(); i++) {
    died += race_with_doomed(2 + i % CALLS);
    shl_reap(heap);
    expect_all_comes_back();
    expect_sum_made_right();
    expect_all_comes_back();
  }
  EXPECT_LT(0, died);
}

SUITE(growth_race, SET_UP(open_here), TEAR_DOWN(close_here),
      TEST(those_that_grow_it_at_once_commit_each_unit_once),
      TEST(what_the_system_refuses_is_not_counted), TEST(what_the_dead_committed_is_counted_once),
      TEST(those_that_meet_the_limit_do_not_pass_it),
      ROLE(grow), ROLE(grow_refused), ROLE(grow_doomed))
