// SPDX-License-Identifier: MIT
// Goal: what nobody uses goes back to the system when it is asked for, to the last byte of
// metadata; what is used stays. Method: heaps emptied in many ways, trimmed, and compared with a
// new one.
#include <string.h>

#include <shoal/root.h>

#include "alloc/chunk.h"
#include "alloc/record.h"
#include "alloc/run.h"
#include "alloc/seat.h"
#include "tests/alloc/stand.h"
#include "tests/harness/harness.h"

enum { BLOCKS = 3000 };

static shoal_heap *heap;
static shoal_off offs[BLOCKS];

static void open_heap(void) {
  heap = stand_open(0);
}

static void close_heap(void) {
  stand_close(heap);
}

static void fill(void) {
  for (unsigned i = 0; i < BLOCKS; i++) offs[i] = shoal_alloc(heap, 16 + i * 53 % 9000, 0);
}

static void *fill_in_thread(void *unused) {
  (void)unused;
  fill();
  return NULL;
}

static void empty(void) {
  for (unsigned i = 0; i < BLOCKS; i++) EXPECT_OK(shoal_free_offset(heap, offs[i]));
}

static void *empty_in_thread(void *unused) {
  (void)unused;
  empty();
  return NULL;
}

static void expect_nothing_held(void) {
  shoal_heap_stats stats = stand_stats(heap);
  EXPECT_EQ(0, stats.committed);
  EXPECT_EQ(0, stats.cached);
  EXPECT_EQ(0, stats.slabs + stats.runs + stats.huge_runs);
}

static void what_the_caller_holds_goes(void) {
  fill();
  empty();
  EXPECT_LT(0, stand_stats(heap).committed);
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  expect_nothing_held();
}

static void what_orphans_hold_goes(void) {
  stand_in_thread(fill_in_thread, NULL);
  stand_in_thread(empty_in_thread, NULL);
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  expect_nothing_held();
}

static void what_others_freed_and_nobody_collected_goes(void) {
  fill();
  stand_in_thread(empty_in_thread, NULL);
  EXPECT_EQ(0, stand_live(heap));
  EXPECT_LT(0, stand_stats(heap).cached);
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  expect_nothing_held();
}

// A run freed without a claim: its bit waits for whoever claims the chunk next.
static void runs_that_wait_for_a_claim_go(void) {
  shoal_off off = shoal_alloc(heap, 100000, 0);
  uint32_t chunk = (uint32_t)(off >> SHL_CHUNK_SHIFT);
  EXPECT(shl_run_free(heap, chunk, (unsigned)(off >> SHL_PAGE_SHIFT) % SHL_PAGES_PER_CHUNK));
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  expect_nothing_held();
}

static void what_the_spare_slot_holds_goes(void) {
  struct shl_seat spare = shl_seat_enter_spare(heap);
  shoal_off off = stand_alloc(spare, 64);
  stand_free(spare, off);
  shl_seat_leave(spare);
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  expect_nothing_held();
}

static void what_the_dead_hold_goes(void) {
  struct shl_seat other = stand_other(heap, 0);
  stand_free(other, stand_alloc(other, 64));
  stand_give(other, STAND_DEAD);
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  expect_nothing_held();
}

static void what_other_live_threads_hold_stays_theirs(void) {
  struct shl_seat other = stand_other(heap, 0);
  stand_free(other, stand_alloc(other, 64));
  stand_give(other, STAND_STOPPED);
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  EXPECT_EQ(1, stand_stats(heap).slabs);
}

static void what_is_allocated_stays(void) {
  fill();
  for (unsigned i = 0; i < BLOCKS; i += 2) EXPECT_OK(shoal_free_offset(heap, offs[i]));
  for (unsigned i = 1; i < BLOCKS; i += 2) memset(shoal_ptr(heap, offs[i]), (int)(i & 0xff), 16);
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  unsigned wrong = 0;
  for (unsigned i = 1; i < BLOCKS; i += 2) {
    wrong += ((unsigned char *)shoal_ptr(heap, offs[i]))[15] != (i & 0xff) ? 1 : 0;
  }
  EXPECT_EQ(0, wrong);
  EXPECT_EQ(BLOCKS / 2, stand_live(heap));
}

static void chunks_alone_are_given_back_without_all(void) {
  shoal_off huge = shoal_alloc(heap, 5 << 20, 0), small = shoal_alloc(heap, 64, 0);
  EXPECT_OK(shoal_free_offset(heap, huge));
  EXPECT_OK(shoal_free_offset(heap, small));
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_CHUNKS));
  EXPECT_EQ(SHL_UNIT_BYTES, stand_stats(heap).committed);
  EXPECT_EQ(1, stand_stats(heap).slabs);
}

static void unknown_flags_are_arguments(void) {
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_trim(heap, 2));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_trim(heap, UINT32_MAX));
  heap->read_only = true;
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_trim(heap, SHOAL_TRIM_ALL));
  heap->read_only = false;
}

static void a_thread_without_a_slot_trims_too(void) {
  struct shl_seat seat;
  fill();
  empty();
  EXPECT_OK(shoal_thread_idle(heap));
  while (shl_slot_take(heap, SHL_SLOT_FREE_FIRST, &seat) == SHOAL_OK) {
    stand_give(seat, STAND_DEAD);
  }
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  expect_nothing_held();
}

// Everything that a heap stores, but for what says who has been here and how far it reached.
static void mask_traces(shoal_heap *of) {
  for (uint32_t id = 1; id <= shl_slot_high_water(of); id++) {
    struct shl_owner_rec *row = shl_owner_row(of, id);
    shl_store_relaxed_u64(&row->word, 0);
    shl_store_relaxed_u64(&row->thread, 0);
    shl_store_relaxed_u64(&row->thread_start, 0);
    shl_store_relaxed_u32(&shl_slot_page(of, id)->cursor, 0);
  }
  for (uint32_t chunk = of->first_chunk; chunk < shl_chunk_high_water(of); chunk++) {
    shl_store_relaxed_u16(shl_room(of, chunk), 0);
  }
  shl_store_relaxed_u64(&of->words->chunk_high_water, 0);
  shl_store_relaxed_u64(&of->words->slot_high_water, 0);
  for (uint32_t i = 0; i < of->root_count; i++) {
    shl_store_relaxed_u64(&of->roots[i].version, 0);
    shl_store_relaxed_u64(&of->roots[i].generation, 0);
    shl_store_relaxed_u64(&of->roots[i].name_hash, 0);
  }
  for (uint32_t i = 0; i < of->pin_count; i++) shl_store_relaxed_u64(&of->pins[i].process, 0);
}

// I5: the emptied heap is the new one again: nothing lost, nothing left, all runs merged.
static void an_emptied_heap_is_a_new_one_byte_for_byte(void) {
  shoal_heap *used = stand_open(0), *fresh = stand_open(0);
  shoal_heap *before = heap;
  shoal_root root = {.off = 16};
  shoal_pin_id pin;
  heap = used;
  stand_in_thread(fill_in_thread, NULL);
  stand_in_thread(empty_in_thread, NULL);
  fill();
  shoal_off run = shoal_alloc(heap, 300000, 0), huge = shoal_alloc(heap, 5 << 20, 0);
  EXPECT_OK(shoal_pin(heap, huge, 1, &pin));
  EXPECT_OK(shoal_root_set(heap, "root", &root));
  EXPECT_OK(shoal_root_remove(heap, "root"));
  EXPECT_OK(shoal_unpin(heap, pin));
  EXPECT_OK(stand_free_in_thread(heap, run));
  EXPECT_OK(shoal_free_offset(heap, huge));
  stand_in_thread(empty_in_thread, NULL);
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  EXPECT(stand_is_clean(heap));
  heap = before;
  shl_seat_return(used);
  mask_traces(used);
  mask_traces(fresh);
  uint64_t begin = SHL_HEAP_WORDS_OFFSET, end = used->region->header.metadata_bytes;
  uint64_t differs = 0, first = 0;
  for (uint64_t i = begin; i < end; i++) {
    const struct shl_area_rec *processes =
        shl_superblock_area(&used->region->header, SHL_AREA_PROCESS);
    if (i - processes->offset < processes->bytes) continue;
    if (used->view.base[i] == fresh->view.base[i]) continue;
    first = differs++ == 0 ? i : first;
  }
  if (differs != 0) {
    FAIL("%llu bytes differ, the first at 0x%llx", (unsigned long long)differs,
         (unsigned long long)first);
  }
  shl_store_relaxed_u64(&used->words->slot_high_water, 0);
  EXPECT_OK(shoal_close(used));
  EXPECT_OK(shoal_close(fresh));
}

// Whoever acts as a slot that no thread has noted itself in may be settling a dead caller's word.
static void a_call_that_another_is_recovering_is_waited_for(void) {
  struct shl_seat other = stand_other(heap, STAND_STOPPED);
  struct shl_record record = {.op = SHL_JA_FREE_FROM};
  shl_record_stand(other.slot, &record);
  EXPECT_STATUS(SHOAL_E_BUSY, shoal_reap(heap));
  shl_store_release_u64(&shl_owner_row(heap, shl_seat_id(other))->thread, 1);
  EXPECT_OK(shoal_reap(heap));  // a living thread's own call
  shl_store_release_u64(&shl_owner_row(heap, shl_seat_id(other))->thread, 0);
  shl_record_clear(other.slot);
  EXPECT_OK(shoal_reap(heap));
}

SUITE(tend, SET_UP(open_heap), TEAR_DOWN(close_heap), TEST(what_the_caller_holds_goes),
      TEST(what_orphans_hold_goes), TEST(what_others_freed_and_nobody_collected_goes),
      TEST(runs_that_wait_for_a_claim_go), TEST(what_the_spare_slot_holds_goes),
      TEST(what_the_dead_hold_goes), TEST(a_call_that_another_is_recovering_is_waited_for),
      TEST(what_other_live_threads_hold_stays_theirs), TEST(what_is_allocated_stays),
      TEST(chunks_alone_are_given_back_without_all), TEST(unknown_flags_are_arguments),
      TEST(a_thread_without_a_slot_trims_too), TEST(an_emptied_heap_is_a_new_one_byte_for_byte))
