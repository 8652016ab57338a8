// SPDX-License-Identifier: MIT
// Goal: when all processes die at once, in the middle of their work, the next who opens the heap
// finds it whole: the words name exactly the blocks that are allocated, and all of it can be given
// back.
// Method: workers on words of their own in a heap that persists, killed together; an opener that
// was not there before compares words and blocks with "==".
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <shoal/exact.h>
#include <shoal/inspect.h>
#include <shoal/root.h>

#include "tests/harness/harness.h"
#include "tests/harness/process.h"

enum { WORKERS = 4, WORDS = 16, ROUNDS = 24, CAPACITY = 64 << 20 };

// In the heap: each worker's words.
struct words {
  shoal_off of[WORKERS][WORDS];
};

static shoal_heap *open_lasting(const char *name) {
  shoal_heap *heap = NULL;
  shoal_options options = {.size = sizeof options,
                           .flags = SHOAL_CREATE,
                           .capacity = CAPACITY,
                           .lifetime = SHOAL_LIFETIME_PERSIST,
                           .max_processes = 8,
                           .max_threads = 16};
  EXPECT_OK(shoal_open(name, &options, &heap));
  return heap;
}

static struct words *find_words(shoal_heap *heap) {
  shoal_root root = {.off = 0};
  EXPECT_OK(shoal_root_get(heap, "words", &root));
  return shoal_ptr(heap, root.off);
}

static void change_word(shoal_heap *heap, shoal_off *word, unsigned turn) {
  static const size_t sizes[] = {64, 200, 6000, 50000, 64, 3 << 20, 1000};
  size_t size = sizes[turn % (sizeof sizes / sizeof sizes[0])];
  if (*word == 0) {
    EXPECT_OK(shoal_alloc_to(heap, word, size, 0));
  } else if (turn % 3 == 0) {
    EXPECT_OK(shoal_realloc_to(heap, word, size));
  } else {
    EXPECT_OK(shoal_free_from(heap, word));
  }
}

// argv: the heap, the worker's number, where its work begins.
static void work(int argc, char **argv) {
  if (argc != 3) exit(3);
  shoal_heap *heap = open_lasting(argv[0]);
  unsigned number = (unsigned)strtoul(argv[1], NULL, 10) % WORKERS;
  unsigned turn = (unsigned)strtoul(argv[2], NULL, 10);
  shoal_off *own = find_words(heap)->of[number];
  for (unsigned i = 0; i < 50; i++, turn++) change_word(heap, &own[turn * 7 % WORDS], turn);
  test_say("working");
  for (;; turn++) change_word(heap, &own[turn * 7 % WORDS], turn);
}

static void start_workers(struct test_child *workers, const char *name, unsigned round) {
  for (unsigned i = 0; i < WORKERS; i++) {
    char number[12], turn[12];
    (void)snprintf(number, sizeof number, "%u", i);
    (void)snprintf(turn, sizeof turn, "%u", round * 1000 + i * 17);
    workers[i] = (struct test_child){.runs = false};
    ASSERT(test_spawn(&workers[i], "work", (const char *const[]){name, number, turn, NULL}));
  }
  for (unsigned i = 0; i < WORKERS; i++) EXPECT(test_child_expect(&workers[i], "working"));
}

static void kill_all(struct test_child *workers) {
  for (unsigned i = 0; i < WORKERS; i++) test_child_signal(&workers[i], SIGKILL);
  for (unsigned i = 0; i < WORKERS; i++) EXPECT_EQ(-SIGKILL, test_child_wait(&workers[i]));
}

static uint64_t count_named(const struct words *words) {
  uint64_t named = 0;
  for (unsigned i = 0; i < WORKERS * WORDS; i++) named += words->of[i / WORDS][i % WORDS] != 0;
  return named;
}

static shoal_heap_stats read_stats(shoal_heap *heap) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(heap, &stats));
  return stats;
}

// The block of the words is one more. A word that named no block would be misuse at its free.
static void expect_exact(shoal_heap *heap, uint64_t deaths) {
  struct words *words = find_words(heap);
  shoal_heap_stats stats = read_stats(heap);
  EXPECT_EQ(count_named(words) + 1, stats.live_blocks);
  EXPECT_EQ(deaths, stats.deaths);
  EXPECT_EQ(1, stats.processes);
  EXPECT_EQ(0, stats.thread_slots_dead);
  EXPECT_OK(shoal_check(heap, NULL, NULL));
}

static void give_all_back(shoal_heap *heap) {
  struct words *words = find_words(heap);
  for (unsigned i = 0; i < WORKERS * WORDS; i++) {
    EXPECT_OK(shoal_free_from(heap, &words->of[i / WORDS][i % WORDS]));
  }
  EXPECT_EQ(1, read_stats(heap).live_blocks);
  EXPECT_OK(shoal_free_offset(heap, shoal_offset(heap, words)));
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  EXPECT_EQ(0, read_stats(heap).committed);
}

static void make_words(const char *name) {
  shoal_heap *heap = open_lasting(name);
  shoal_root root = {.off = shoal_alloc(heap, sizeof(struct words), SHOAL_ZERO),
                     .size = sizeof(struct words),
                     .type_id = 1};
  EXPECT_OK(shoal_root_set(heap, "words", &root));
  EXPECT_OK(shoal_close(heap));
}

static void when_all_die_at_once_the_next_opener_finds_all(void) {
  char name[TEST_NAME_BYTES];
  struct test_child workers[WORKERS];
  make_words(test_unique_name(name));
  uint64_t rounds = test_rounds(ROUNDS);
  for (unsigned round = 1; round <= rounds && !test_has_failed(); round++) {
    start_workers(workers, name, round);
    kill_all(workers);
    shoal_heap *heap = open_lasting(name);
    expect_exact(heap, (uint64_t)round * WORKERS);
    if (round == rounds) give_all_back(heap);
    EXPECT_OK(shoal_close(heap));
  }
  test_count("kills", rounds * WORKERS);
  EXPECT_OK(shoal_unlink(name));
}

SUITE(all_dead, TEST(when_all_die_at_once_the_next_opener_finds_all), ROLE(work))
