// SPDX-License-Identifier: MIT
// Goal: the check accepts every clean state, tells where and what, looks twice before it accuses,
// and neither stores nor touches memory that was given back. What it finds is in check_*_test.c.
// Method: heaps at rest, heaps in use by threads, a signal that repairs.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "alloc/chunk.h"
#include "tests/alloc/populated.h"
#include "tests/harness/harness.h"
#include "tests/harness/process.h"

enum { WORKERS = 3, WORKER_BLOCKS = 64, REPAIR_MS = 3 };

static void clean_heaps_are_clean(void) {
  struct populated populated;
  ASSERT(populated_open(&populated));
  EXPECT(populated_is_clean(&populated));
  EXPECT_OK(shoal_check(populated.heap, NULL, NULL));
  EXPECT_OK(shoal_thread_idle(populated.heap));
  EXPECT(populated_is_clean(&populated));
  EXPECT_OK(shoal_trim(populated.heap, SHOAL_TRIM_ALL));
  EXPECT(populated_is_clean(&populated));
  populated_close(&populated);
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_check(NULL, NULL, NULL));
}

// What a reporter was told. Private to the process.
struct told {
  unsigned count;
  shoal_off off;
};

static void note(void *context, shoal_off off, const char *text) {
  struct told *told = context;
  told->count += text[0] != '\0' ? 1 : 0;
  told->off = off;
}

static void each_finding_is_told_with_its_place(void) {
  struct populated populated;
  ASSERT(populated_open(&populated));
  struct told told = {0};
  shl_store_relaxed_u8(&populated_hot(&populated, populated.full)->state, 7);
  EXPECT_STATUS(SHOAL_E_CORRUPT, shoal_check(populated.heap, note, &told));
  EXPECT_EQ(1, told.count);
  EXPECT_EQ(shl_unit_offset(populated.full), told.off);
  EXPECT(strstr(shoal_status_text(SHOAL_E_CORRUPT), "found 1 contradiction") != NULL);
  populated_close(&populated);
}

// Garbage in every word of a chunk's row and run page: many findings, no fault, and an end.
static void garbage_is_reported_and_followed_nowhere(void) {
  struct populated populated;
  ASSERT(populated_open(&populated));
  struct told told = {0};
  struct shl_chunk_rec *row = populated_row(&populated, populated.run);
  uint64_t word = shl_load_relaxed_u64(&row->word);
  uint32_t chunk = (uint32_t)(populated.run >> SHL_CHUNK_SHIFT);
  struct shl_run_rec *run = shl_run_page(populated.heap, chunk);
  uint32_t first = chunk * SHL_UNITS_PER_CHUNK;
  uint64_t random = 88172645463325252U;
  for (unsigned i = 0; i < SHL_UNITS_PER_CHUNK + SHL_PAGES_PER_CHUNK; i++) {
    random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
    shl_a64 *desc = shl_unit_desc(populated.heap, first + i % SHL_UNITS_PER_CHUNK);
    if (i < SHL_UNITS_PER_CHUNK) shl_store_relaxed_u64(desc, random);
    if (i >= SHL_UNITS_PER_CHUNK) {
      shl_store_relaxed_u32(&run->pages[i - SHL_UNITS_PER_CHUNK], (uint32_t)(random >> 32));
    }
  }
  memset(shl_hot_row(populated.heap, populated.relisted), 0xff, sizeof(struct shl_hot_rec));
  memset(populated_hand(&populated), 0xff, sizeof(struct shl_hand_rec));
  EXPECT_STATUS(SHOAL_E_CORRUPT, shoal_check(populated.heap, note, &told));
  EXPECT_LT(10, told.count);
  shl_store_relaxed_u64(&row->word, shl_chunk_encode(SHL_CHUNK_HEAD, 1, 0x3fffff));
  EXPECT_STATUS(SHOAL_E_CORRUPT, shoal_check(populated.heap, note, &told));
  shl_store_relaxed_u64(&row->word, word);
  memset(populated_hand(&populated), 0, sizeof(struct shl_hand_rec));
  memset(populated_page(&populated)->hands, 0, sizeof populated_page(&populated)->hands);
  populated_close(&populated);
}

static struct shl_hot_rec *suspect;

static void repair(int signal_number) {
  (void)signal_number;
  shl_store_release_u8(&suspect->state, SHL_SLAB_FULL);
}

// By a signal in the thread that looks, since another thread might not run in time: the looks last
// longer than the timer, however busy the machine is.
static void a_suspect_is_looked_at_again(void) {
  struct populated populated;
  struct sigaction action = {.sa_handler = repair}, kept;
  struct itimerval soon = {.it_value = {.tv_usec = 1000 * REPAIR_MS}};
  ASSERT(populated_open(&populated));
  suspect = populated_hot(&populated, populated.full);
  ASSERT_EQ(0, sigaction(SIGALRM, &action, &kept));
  shl_store_release_u8(&suspect->state, 7);
  ASSERT_EQ(0, setitimer(ITIMER_REAL, &soon, NULL));
  EXPECT(populated_is_clean(&populated));
  struct itimerval never = {.it_value = {.tv_usec = 0}};
  ASSERT_EQ(0, setitimer(ITIMER_REAL, &never, NULL));
  ASSERT_EQ(0, sigaction(SIGALRM, &kept, NULL));
  populated_close(&populated);
}

// Threads that allocate, free their own blocks, and free each other's.
struct workshop {
  shoal_heap *heap;
  shl_a32 over;
  shl_a64 shelf[WORKER_BLOCKS];
};

static size_t size_of(uint64_t random) {
  static const size_t sizes[] = {16, 64, 64, 200, 3000, 6000, 40000, 300000, 2500000};
  return sizes[random % (sizeof sizes / sizeof sizes[0])];
}

static void *work(void *argument) {
  struct workshop *workshop = argument;
  uint64_t random = (uint64_t)(uintptr_t)&random | 1;
  while (shl_load_relaxed_u32(&workshop->over) == 0) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    shl_a64 *place = &workshop->shelf[random % WORKER_BLOCKS];
    uint64_t off = shl_load_relaxed_u64(place);
    uint64_t mine = off == 0 ? shoal_alloc(workshop->heap, size_of(random >> 20), 0) : 0;
    bool swapped = shl_cas_seq_cst_u64(place, off, mine);
    uint64_t unwanted = swapped ? off : mine;
    (void)shoal_free_offset(workshop->heap, unwanted);
  }
  return NULL;
}

static int count_block(void *context, const shoal_block *block) {
  *(uint64_t *)context += block->bytes != 0 ? 1 : 0;
  return 0;
}

static void a_heap_in_use_is_not_accused(void) {
  struct populated populated;
  ASSERT(populated_open(&populated));
  static struct workshop workshop;
  workshop = (struct workshop){.heap = populated.heap};
  pthread_t threads[WORKERS];
  for (unsigned i = 0; i < WORKERS; i++) {
    ASSERT_EQ(0, pthread_create(&threads[i], NULL, work, &workshop));
  }
  uint64_t rounds = test_rounds(100);
  for (uint64_t i = 0; i < rounds && !test_has_failed(); i++) {
    uint64_t blocks = 0;
    shoal_heap_stats stats = {.size = sizeof stats};
    EXPECT(populated_is_clean(&populated));
    EXPECT_OK(shoal_walk(populated.heap, count_block, &blocks));
    EXPECT_OK(shoal_stats(populated.heap, &stats));
    EXPECT_LE(populated.blocks, blocks);
    EXPECT_LE(populated.blocks, stats.live_blocks);
  }
  shl_store_relaxed_u32(&workshop.over, 1);
  for (unsigned i = 0; i < WORKERS; i++) EXPECT_EQ(0, pthread_join(threads[i], NULL));
  EXPECT(populated_is_clean(&populated));
  populated_close(&populated);
}

static void look_at_all(shoal_heap *heap) {
  uint64_t blocks = 0;
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_walk(heap, count_block, &blocks));
  EXPECT_OK(shoal_stats(heap, &stats));
  EXPECT_EQ(blocks, stats.live_blocks);
}

static int64_t backed_blocks(shoal_heap *heap) {
  struct stat status = {0};
  int fd = -1;
  EXPECT_OK(shoal_fd(heap, &fd));
  EXPECT_EQ(0, fstat(fd, &status));
  EXPECT_EQ(0, close(fd));
  return status.st_blocks;
}

// Reading a hole of a shared memory file gives it a page.
static void looking_touches_no_memory_that_was_given_back(void) {
  char name[TEST_NAME_BYTES];
  shoal_heap *heap;
  shoal_options options = {.size = sizeof options, .flags = SHOAL_CREATE, .capacity = 256 << 20};
  ASSERT_OK(shoal_open(test_unique_name(name), &options, &heap));
  shoal_off kept = shoal_alloc(heap, 64, 0);
  static shoal_off blocks[2000];
  for (unsigned i = 0; i < 2000; i++) blocks[i] = shoal_alloc(heap, 10000, 0);
  shoal_off huge = shoal_alloc(heap, 9 << 20, 0);
  for (unsigned i = 0; i < 2000; i++) EXPECT_OK(shoal_free_offset(heap, blocks[i]));
  EXPECT_OK(shoal_free_offset(heap, huge));
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  int64_t before = backed_blocks(heap);
  look_at_all(heap);
  EXPECT_EQ(before, backed_blocks(heap));
  EXPECT_OK(shoal_free_offset(heap, kept));
  EXPECT_OK(shoal_close(heap));
}

// A second process that may only read sees the same.
static void look(int argc, char **argv) {
  shoal_heap *heap;
  shoal_root root;
  ASSERT_EQ(1, argc);
  shoal_options options = {.size = sizeof options, .flags = SHOAL_READ_ONLY};
  ASSERT_OK(shoal_open(argv[0], &options, &heap));
  look_at_all(heap);
  EXPECT_OK(shoal_root_get(heap, "root", &root));
  shoal_pin_id pin;
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_root_set(heap, "root", &root));
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_root_remove(heap, "root"));
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_pin(heap, root.off, 1, &pin));
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_unpin(heap, 1));
  EXPECT_OK(shoal_close(heap));
}

static void a_reader_may_look(void) {
  char name[TEST_NAME_BYTES];
  shoal_heap *heap;
  shoal_options options = {.size = sizeof options, .flags = SHOAL_CREATE, .capacity = 64 << 20};
  ASSERT_OK(shoal_open(test_unique_name(name), &options, &heap));
  for (unsigned i = 0; i < 1000; i++) EXPECT_NE(0, shoal_alloc(heap, 100 * i, 0));
  shoal_root root = {.off = shoal_alloc(heap, 10, 0)};
  EXPECT_OK(shoal_root_set(heap, "root", &root));
  const char *const arguments[] = {name, NULL};
  struct test_child child = {0};
  ASSERT(test_spawn(&child, "look", arguments));
  test_child_finish(&child);
  EXPECT_OK(shoal_close(heap));
}

SUITE(check, TEST(clean_heaps_are_clean), TEST(each_finding_is_told_with_its_place),
      TEST(garbage_is_reported_and_followed_nowhere), TEST(a_suspect_is_looked_at_again),
      TEST(a_heap_in_use_is_not_accused), TEST(looking_touches_no_memory_that_was_given_back),
      TEST(a_reader_may_look), ROLE(look))
