// SPDX-License-Identifier: MIT
// Goal: whichever page the system refuses to back, or to take back, the heap is as before or the
// step is done: nothing is linked that is not backed, and what is counted as backed is.
// Method: each step with its first refusal at the n-th such call, for every n, and all later ones
// refused or not; then the step again with none refused.
#include <errno.h>

#include <shoal/inspect.h>

#include "alloc/chunk.h"
#include "base/bits.h"
#include "tests/alloc/stand.h"
#include "tests/harness/harness.h"
#include "tests/mapping/fault.h"

enum { CAPACITY = 32 << 20, LIMIT = 24 << 20, CALLS_MAX = 200 };

static shoal_heap *heap;
static shoal_off block;

static bool alloc_small(void) {
  return shoal_alloc(heap, 100, 0) != 0;
}

static bool alloc_run(void) {
  return shoal_alloc(heap, 100000, 0) != 0;
}

static bool alloc_huge(void) {
  return shoal_alloc(heap, 5 << 20, 0) != 0;
}

// returns: whether `block` has grown where it is.
static bool grow_to(size_t bytes) {
  void *ptr = shoal_realloc(heap, shoal_ptr(heap, block), bytes);
  if (ptr != NULL) block = shoal_offset(heap, ptr);
  return ptr != NULL;
}

static bool grow_run(void) {
  return grow_to(900000);
}

static bool grow_huge(void) {
  return grow_to(9 << 20);
}

static bool trim(void) {
  return shoal_trim(heap, SHOAL_TRIM_ALL) == SHOAL_OK;
}

static void prepare_nothing(void) {
  block = 0;
}

static void prepare_run(void) {
  block = shoal_alloc(heap, 40000, 0);
}

static void prepare_huge(void) {
  block = shoal_alloc(heap, 3 << 20, 0);
}

// FREE chunks with backed units, and one with a block between them.
static void prepare_free_chunks(void) {
  shoal_off first = shoal_alloc(heap, 3 << 20, 0);
  block = shoal_alloc(heap, 100, 0);
  shoal_off second = shoal_alloc(heap, 100000, 0);
  EXPECT_OK(shoal_free_offset(heap, second));
  EXPECT_OK(shoal_free_offset(heap, first));
}

struct step {
  const char *name;
  void (*prepare)(void);
  bool (*run)(void);
  bool adds;  // a block, where it is done
};

static const struct step steps[] = {
    {"first block", prepare_nothing, alloc_small, true},
    {"block beside a huge one", prepare_huge, alloc_small, true},
    {"run", prepare_nothing, alloc_run, true},
    {"second run", prepare_run, alloc_run, true},
    {"huge block", prepare_run, alloc_huge, true},
    {"huge block over freed chunks", prepare_free_chunks, alloc_huge, true},
    {"growth of a run", prepare_run, grow_run, false},
    {"growth of a huge block", prepare_huge, grow_huge, false},
    {"trim", prepare_free_chunks, trim, false},
};

static void open_heap(void) {
  shoal_options options = {.size = sizeof options,
                           .kind = SHOAL_KIND_MEMFD,
                           .flags = SHOAL_CREATE,
                           .capacity = CAPACITY,
                           .max_processes = STAND_PROCESSES,
                           .max_threads = STAND_PROCESSES,
                           .max_roots = 4,
                           .max_pins = 4,
                           .limit_bytes = LIMIT};
  ASSERT_OK(shoal_open(NULL, &options, &heap));
  (void)stand_here(heap);
}

static uint64_t committed_bytes(void) {
  uint64_t units = 0;
  for (uint32_t chunk = heap->first_chunk; chunk < shl_chunk_high_water(heap); chunk++) {
    units += shl_count_bits(shl_load_relaxed_u32(&shl_chunk_row(heap, chunk)->committed));
  }
  return units * SHL_UNIT_BYTES;
}

static void expect_whole(const struct step *step, uint64_t n, uint64_t live) {
  bool whole = stand_is_clean(heap) && stand_live(heap) == live &&
               stand_journal(stand_here(heap)) == 0 &&
               shl_load_relaxed_u64(&heap->words->committed_bytes) == committed_bytes();
  if (!whole) FAIL("%s, refusal %llu", step->name, (unsigned long long)n);
}

// returns: whether a call was refused.
static bool run_refused(const struct step *step, uint64_t n, bool sticky) {
  open_heap();
  step->prepare();
  uint64_t live = stand_live(heap);
  fault_install();
  fault_arm(&(struct fault_plan){
      .call = FAULT_FALLOCATE, .at = n, .sticky = sticky, .code = ENOSPC});
  errno = 0;
  bool done = step->run();
  bool refused = fault_strikes() != 0;
  EXPECT(done || (refused && errno == ENOMEM));
  fault_remove();
  live += done && step->adds;
  expect_whole(step, n, live);
  EXPECT(step->run());
  expect_whole(step, n, live + step->adds);
  EXPECT_OK(shoal_close(heap));
  return refused;
}

static void run_all(bool sticky) {
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
    uint64_t n = 1;
    while (n < CALLS_MAX && run_refused(&steps[i], n, sticky)) n++;
    EXPECT_LT(n, CALLS_MAX);
    EXPECT_LT(1, n);
  }
}

static void one_refusal_leaves_a_whole_heap(void) {
  run_all(false);
}

static void a_system_that_gives_nothing_more_leaves_a_whole_heap(void) {
  run_all(true);
}

SUITE(refused, TEST(one_refusal_leaves_a_whole_heap),
      TEST(a_system_that_gives_nothing_more_leaves_a_whole_heap))
