// SPDX-License-Identifier: MIT
// Goal: a drain passes a slab that has to stay once, and keeps its hint even where it dies.
// Method: a wholly free slab in a chunk that another holds; drains under the trap flag.
#include "alloc/chunk.h"
#include "alloc/drain.h"
#include "alloc/partial.h"
#include "alloc/run.h"
#include "alloc/slab.h"
#include "tests/alloc/cut.h"
#include "tests/alloc/stand.h"
#include "tests/harness/harness.h"

static shoal_heap *heap;
static struct shl_seat owner;
static struct shl_seat holder;
static uint32_t low;
static uint32_t high;

static void open_heap(void) {
  heap = stand_open_tiny();
  owner = stand_other(heap, 0);
  holder = stand_other(heap, STAND_STOPPED);
  low = stand_slab(owner, 4);
  high = stand_slab(owner, 4);
  EXPECT_EQ(SHL_CLAIM_TAKEN, shl_chunk_claim(holder, shl_unit_chunk(low)));
  EXPECT(!shl_slab_examine(owner, high, true));
}

static void close_heap(void) {
  shl_run_end_claim(holder, shl_unit_chunk(low));
  stand_close(heap);
}

static void run_drain(void *unused) {
  (void)unused;
  shl_drain(owner);
}

static void run_full_drain(void *unused) {
  (void)unused;
  shl_drain_all(owner);
}

// One drain and no more: each further one would be as many states again.
static void a_full_drain_passes_what_stays_once(void) {
  struct cut once, full;
  if (!cut_run(heap, NULL, run_drain, NULL, &once) ||
      !cut_run(heap, NULL, run_full_drain, NULL, &full)) {
    SKIP("this machine does not stop at each instruction");
  }
  EXPECT_LT(2, once.count);
  EXPECT_EQ(once.count, full.count);
  EXPECT(cut_is_at(&once, 0));
  cut_free(&full);
  cut_free(&once);
}

static bool goes_when_its_chunk_is_let_go(void) {
  shl_run_end_claim(holder, shl_unit_chunk(low));
  stand_give(owner, 0);
  shl_drain(owner);
  return shl_partial_head(owner, 4) == low;
}

static void a_dead_drain_keeps_the_hint_of_what_stays(void) {
  struct cut cut;
  if (!cut_run(heap, NULL, run_drain, NULL, &cut)) {
    SKIP("this machine does not stop at each instruction");
  }
  for (size_t i = 0; i < cut.count; i++) {
    cut_restore(&cut, i);
    stand_die(owner);
    if (!goes_when_its_chunk_is_let_go()) FAIL("state %zu of %zu", i, cut.count);
  }
  cut_restore(&cut, 0);
  cut_free(&cut);
}

SUITE(drain_cut, SET_UP(open_heap), TEAR_DOWN(close_heap),
      TEST(a_full_drain_passes_what_stays_once), TEST(a_dead_drain_keeps_the_hint_of_what_stays))
