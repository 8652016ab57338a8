// SPDX-License-Identifier: MIT
// Goal: a heap in long use does not drift: with the same number of blocks live, committed memory,
// the high-water mark, descriptors and mappings stay where they were. Method: ten million
// operations on a table of blocks, each entry full half of the time; what is held is sampled
// between rounds, the second half of the samples against the first.
#include <stdio.h>
#include <string.h>

#include <shoal/inspect.h>

#include "base/atomic.h"
#include "tests/harness/harness.h"
#include "tests/random/crew.h"
#include "tests/random/draw.h"
#include "tests/random/holdings.h"

enum { CAPACITY = 512 << 20, ROUNDS = 40, THREADS = 3, OPERATIONS = 10000000 };

// Entries of the table: fewer where fewer operations are made, so that each is used as often.
enum { TABLE_MOST = 262144 };

// Blocks known by their offsets; 0: none. A thread takes an entry by an exchange, and what it took
// is its own, whoever allocated it. Private to the process.
struct soak {
  shoal_heap *heap;
  uint64_t entries;
  shl_a64 table[TABLE_MOST];
};

// One thread's part of a round. Private to the process.
struct stint {
  struct soak *soak;
  struct draw draw;
  uint64_t operations;
  uint64_t wrong;
};

// Mostly small, a few of several units and a few runs.
static uint64_t draw_wish(struct draw *draw) {
  static const uint64_t larges[] = {3000, 5000, 20000, 100000};
  if (draw_chance(draw, 2)) return larges[draw_below(draw, 4)];
  return draw_size(draw, 1000) + 2 * sizeof(uint64_t);
}

// A block says where it is and how long, at both ends.
static shoal_off make_block(struct stint *stint) {
  uint64_t size = draw_wish(&stint->draw);
  shoal_off off = shoal_alloc(stint->soak->heap, size, 0);
  if (off == 0) {
    stint->wrong++;
    return 0;
  }
  char *start = shoal_ptr(stint->soak->heap, off);
  uint64_t sum = off + size;
  memcpy(start, &size, sizeof size);
  memcpy(start + size - sizeof sum, &sum, sizeof sum);
  return off;
}

static void end_block(struct stint *stint, shoal_off off) {
  const char *start = shoal_ptr(stint->soak->heap, off);
  uint64_t size, sum;
  memcpy(&size, start, sizeof size);
  bool known = size <= shoal_usable_size(stint->soak->heap, start);
  if (known) memcpy(&sum, start + size - sizeof sum, sizeof sum);
  bool whole = known && sum == off + size;
  stint->wrong += whole && shoal_free_offset(stint->soak->heap, off) == SHOAL_OK ? 0 : 1;
}

static void work(void *argument) {
  struct stint *stint = argument;
  for (uint64_t i = 0; i < stint->operations; i++) {
    shl_a64 *entry = &stint->soak->table[draw_below(&stint->draw, stint->soak->entries)];
    shoal_off found = shl_load_relaxed_u64(entry);
    shoal_off next = found == 0 ? make_block(stint) : 0;
    found = atomic_exchange_explicit(entry, next, memory_order_acq_rel);
    if (found != 0) end_block(stint, found);
  }
}

// What is held at one moment. Private to the process.
struct sample {
  uint64_t committed;
  uint64_t high_water;
  uint64_t descriptors;
  uint64_t mappings;
};

static struct sample take_sample(struct soak *soak) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(soak->heap, &stats));
  EXPECT_OK(shoal_check(soak->heap, NULL, NULL));
  return (struct sample){.committed = stats.committed,
                         .high_water = stats.chunks_high_water,
                         .descriptors = holdings_descriptors(),
                         .mappings = holdings_mappings()};
}

// All workers at once.
static void run_round(struct crew *crew, struct stint *stints, unsigned threads) {
  for (unsigned i = 1; i < threads; i++) crew_begin(crew, i, work, &stints[i]);
  work(&stints[0]);
  for (unsigned i = 1; i < threads; i++) crew_await(crew, i);
}

static void raise(struct sample *peak, const struct sample *sample) {
  if (sample->committed > peak->committed) peak->committed = sample->committed;
  if (sample->high_water > peak->high_water) peak->high_water = sample->high_water;
}

// What memory may grow by in the second half.
struct allowance {
  uint64_t percent;
  uint64_t chunks;
};

// The first half fills the heap and lets it find its shape. Then descriptors and mappings stay, and
// memory stays within the allowance.
static void expect_flat(const struct sample *samples, struct allowance allowance) {
  struct sample first = {0}, last = {0};
  for (unsigned i = 0; i < ROUNDS; i++) raise(i < ROUNDS / 2 ? &first : &last, &samples[i]);
  for (unsigned i = ROUNDS / 2; i < ROUNDS; i++) {
    EXPECT_EQ(samples[ROUNDS / 2 - 1].descriptors, samples[i].descriptors);
    EXPECT_EQ(samples[ROUNDS / 2 - 1].mappings, samples[i].mappings);
  }
  uint64_t bytes = first.committed * allowance.percent / 100 + (allowance.chunks << 21);
  EXPECT_LE(last.committed, first.committed + bytes);
  EXPECT_LE(last.high_water, first.high_water + (bytes >> 21));
}

static void empty(struct soak *soak) {
  struct stint stint = {.soak = soak};
  for (unsigned i = 0; i < soak->entries; i++) {
    shoal_off off = shl_load_relaxed_u64(&soak->table[i]);
    if (off != 0) end_block(&stint, off);
  }
  EXPECT_EQ(0, stint.wrong);
  EXPECT_OK(shoal_trim(soak->heap, SHOAL_TRIM_ALL));
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(soak->heap, &stats));
  EXPECT_EQ(0, stats.live + stats.cached + stats.committed);
  EXPECT_OK(shoal_check(soak->heap, NULL, NULL));
}

// Slow builds make as many times fewer operations as they are slow, twice over.
static uint64_t scale(uint64_t count) {
  return test_rounds(test_rounds(count));
}

static void soak_heap(shoal_kind kind, unsigned threads, struct allowance allowance) {
  static struct soak soak;
  static struct crew crew;
  char name[TEST_NAME_BYTES];
  struct sample samples[ROUNDS];
  struct stint stints[THREADS] = {{0}};
  shoal_options options = {.size = sizeof options,
                           .kind = kind,
                           .flags = SHOAL_CREATE,
                           .capacity = CAPACITY,
                           .max_processes = 4,
                           .max_threads = 16};
  memset(&soak, 0, sizeof soak);
  soak.entries = scale(TABLE_MOST);
  bool named = kind == SHOAL_KIND_NAMED;
  ASSERT_OK(shoal_open(named ? test_unique_name(name) : NULL, &options, &soak.heap));
  ASSERT(crew_start(&crew, threads));
  for (unsigned i = 0; i < threads; i++) {
    stints[i] = (struct stint){
        .soak = &soak, .draw = {.state = i}, .operations = scale(OPERATIONS) / ROUNDS / threads};
  }
  for (unsigned i = 0; i < ROUNDS; i++) {
    run_round(&crew, stints, threads);
    samples[i] = take_sample(&soak);
  }
  for (unsigned i = 0; i < threads; i++) EXPECT_EQ(0, stints[i].wrong);
  expect_flat(samples, allowance);
  crew_stop(&crew);
  empty(&soak);
  EXPECT_OK(shoal_close(soak.heap));
}

static void ten_million_operations_of_one_thread_do_not_drift(void) {
  soak_heap(SHOAL_KIND_PRIVATE, 1, (struct allowance){.percent = 1});
}

// How far each thread is ahead of the others varies, and with it how many slabs each has in use.
static void ten_million_operations_of_threads_at_once_do_not_drift(void) {
  soak_heap(SHOAL_KIND_NAMED, THREADS, (struct allowance){.percent = 10, .chunks = 2});
}

SUITE(soak, TEST(ten_million_operations_of_one_thread_do_not_drift),
      TEST(ten_million_operations_of_threads_at_once_do_not_drift))
