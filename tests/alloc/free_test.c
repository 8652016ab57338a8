// SPDX-License-Identifier: MIT
// Goal: a block is freed once, by whoever frees it, and each second free is told as early as can
// be. Method: blocks of each kind freed by their owner, by another thread, by one without a slot;
// twice in every order.
#include "alloc/free.h"

#include "alloc/class.h"
#include "alloc/journal.h"
#include "alloc/seat.h"
#include "tests/alloc/stand.h"
#include "tests/harness/harness.h"

enum { BLOCKS = 1024, SIZES = 7 };

static const size_t sizes[SIZES] = {1, 64, 1000, 6000, 32768, 100000, 3 << 20};

static shoal_heap *heap;
static unsigned reports;
static shoal_misuse what_last;
static shoal_off off_last;

static void keep_misuse(shoal_heap *told, shoal_misuse what, shoal_off off, const char *text,
                        void *context) {
  (void)text;
  (void)context;
  EXPECT(told == heap);
  reports++;
  what_last = what;
  off_last = off;
}

static void open_heap(void) {
  heap = stand_open(0);
  heap->on_misuse = keep_misuse;
  reports = 0;
}

static void close_heap(void) {
  stand_close(heap);
}

static void expect_report(shoal_misuse what, shoal_off off) {
  EXPECT_EQ(1, reports);
  EXPECT_EQ(what, what_last);
  EXPECT_EQ(off, off_last);
  reports = 0;
}

static void the_owner_frees_each_size(void) {
  for (unsigned i = 0; i < SIZES; i++) {
    shoal_off off = shoal_alloc(heap, sizes[i], 0);
    EXPECT_EQ(1, stand_live(heap));
    EXPECT_OK(shoal_free_offset(heap, off));
    EXPECT_EQ(0, stand_live(heap));
  }
}

static void another_thread_frees_each_size(void) {
  for (unsigned i = 0; i < SIZES; i++) {
    shoal_off off = shoal_alloc(heap, sizes[i], 0);
    EXPECT_OK(stand_free_in_thread(heap, off));
    EXPECT_EQ(0, stand_live(heap));
  }
  EXPECT_EQ(0, reports);
}

static void null_frees_nothing(void) {
  EXPECT_OK(shoal_free_offset(heap, 0));
  shoal_free(heap, NULL);
  EXPECT_EQ(0, stand_live(heap));
}

// In each order a slab's words fill up, empty, and the last free of all gives the slab back.
static void blocks_come_back_in_any_order(void) {
  static shoal_off offs[BLOCKS];
  for (unsigned stride = 1; stride < 32; stride += 6) {
    for (unsigned i = 0; i < BLOCKS; i++) offs[i] = shoal_alloc(heap, 64, 0);
    for (unsigned i = 0; i < BLOCKS; i++) {
      EXPECT_OK(shoal_free_offset(heap, offs[i * stride % BLOCKS]));
    }
    EXPECT_EQ(0, stand_live(heap));
    EXPECT(stand_is_clean(heap));
  }
  EXPECT_EQ(0, reports);
  EXPECT_LE(stand_stats(heap).slabs, 2);
}

static void an_emptied_slab_is_given_back_but_the_last(void) {
  static shoal_off offs[3 * 16 + 1];
  for (unsigned i = 0; i < 3 * 16 + 1; i++) offs[i] = shoal_alloc(heap, 32768, 0);
  EXPECT_EQ(4, stand_stats(heap).slabs);
  for (unsigned i = 0; i < 3 * 16; i++) EXPECT_OK(shoal_free_offset(heap, offs[i]));
  EXPECT_LE(stand_stats(heap).slabs, 2);
}

// The block is in the hand, F does not know.
static void a_second_free_of_a_block_in_the_hand_is_told(void) {
  shoal_off off = shoal_alloc(heap, 64, 0);
  shoal_off next = off + 64;
  EXPECT_STATUS(SHOAL_E_MISUSE, shoal_free_offset(heap, next));
  expect_report(SHOAL_MISUSE_DOUBLE_FREE, next);
  EXPECT_EQ(next, shoal_alloc(heap, 64, 0));
}

// The word has more blocks than the hand took of it.
static void a_second_free_into_the_rest_of_the_hands_word_is_told(void) {
  shoal_off off = shoal_alloc(heap, 1500, 0);
  struct stand_bit at = stand_bit_of(heap, off);
  EXPECT_NE(0, shl_load_relaxed_u64(&at.hot->free[at.word]));
  shoal_off next = off + shoal_usable_size(heap, shoal_ptr(heap, off));
  EXPECT_STATUS(SHOAL_E_MISUSE, shoal_free_offset(heap, next));
  expect_report(SHOAL_MISUSE_DOUBLE_FREE, next);
  EXPECT_EQ(next, shoal_alloc(heap, 1500, 0));
}

// Behind the last block of a slab some bytes may be left over: a whole step that is no block.
static void what_lies_behind_the_last_block_is_told(void) {
  for (unsigned i = 1; i < SHL_CLASS_COUNT; i++) {
    const struct shl_class_info *info = &shl_classes[i];
    struct stand_bit at = stand_bit_of(heap, shoal_alloc(heap, info->bytes, 0));
    uint64_t step = (uint64_t)info->blocks * info->bytes;
    if (step == (uint64_t)info->units * SHL_UNIT_BYTES) continue;
    shoal_off off = ((shoal_off)at.unit << SHL_UNIT_SHIFT) + step;
    EXPECT_STATUS(SHOAL_E_MISUSE, shoal_free_offset(heap, off));
    expect_report(SHOAL_MISUSE_INTERIOR, off);
  }
}

// A step of this thread's own slot that was cut short is settled before the next one.
static void a_free_settles_what_was_cut_short(void) {
  shoal_off first = shoal_alloc(heap, 64, 0);
  for (unsigned i = 1; i < 64; i++) (void)shoal_alloc(heap, 64, 0);
  struct shl_seat here = shl_seat_here(heap);
  struct shl_owner_rec *row = shl_owner_row(heap, shl_seat_id(here));
  EXPECT_EQ(0, shl_load_relaxed_u64(&stand_bit_of(heap, first).hot->free[0]));
  shl_journal_set(here.slot, SHL_J_DRAIN, 70, 0);
  EXPECT_OK(shoal_free_offset(heap, first));
  EXPECT_EQ(0, stand_journal(here));
  EXPECT_EQ(UINT64_C(1) << 6, shl_load_relaxed_u64(&row->hints[1]));
  EXPECT_EQ(2, shl_load_relaxed_u64(&row->hint_summary));
}

// In F, whether its word has other free blocks or not, and when the word was filled by the first.
static void a_second_free_by_the_owner_is_told(void) {
  shoal_off offs[70];
  for (unsigned i = 0; i < 70; i++) offs[i] = shoal_alloc(heap, 64, 0);
  for (unsigned i = 0; i < 64; i++) {
    EXPECT_OK(shoal_free_offset(heap, offs[i]));
    EXPECT_STATUS(SHOAL_E_MISUSE, shoal_free_offset(heap, offs[i]));
    expect_report(SHOAL_MISUSE_DOUBLE_FREE, offs[i]);
  }
  EXPECT_EQ(6, stand_live(heap));
}

// The first, by another, is pending; F does not know of it.
static void a_local_free_of_a_pending_block_is_told(void) {
  shoal_off offs[3];
  for (unsigned i = 0; i < 3; i++) offs[i] = shoal_alloc(heap, 64, 0);
  EXPECT_OK(shoal_free_offset(heap, offs[2]));
  EXPECT_OK(stand_free_in_thread(heap, offs[0]));
  EXPECT_STATUS(SHOAL_E_MISUSE, shoal_free_offset(heap, offs[0]));
  expect_report(SHOAL_MISUSE_DOUBLE_FREE, offs[0]);
  EXPECT_EQ(1, stand_live(heap));
}

// Two remote frees of one block, at whatever distance: the second is told.
static void a_second_remote_free_is_told(void) {
  for (unsigned i = 0; i < SIZES; i++) {
    shoal_off off = shoal_alloc(heap, sizes[i], 0);
    (void)shoal_alloc(heap, sizes[i], 0);
    EXPECT_OK(stand_free_in_thread(heap, off));
    EXPECT_STATUS(SHOAL_E_MISUSE, stand_free_in_thread(heap, off));
    EXPECT_EQ(1, reports);
    reports = 0;
  }
  EXPECT_EQ(SIZES, stand_live(heap));
}

// The freer cannot see the owner's F; the owner tells when it collects, and the block is
// not handed out twice.
static void a_remote_free_of_a_free_block_is_told_at_collection(void) {
  shoal_off off = shoal_alloc(heap, 64, 0), other = shoal_alloc(heap, 64, 0);
  EXPECT_OK(shoal_free_offset(heap, off));
  EXPECT_OK(stand_free_in_thread(heap, off));
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  expect_report(SHOAL_MISUSE_DOUBLE_FREE, off);
  EXPECT_EQ(1, stand_live(heap));
  EXPECT_OK(shoal_free_offset(heap, other));
}

static void runs_and_huge_blocks_freed_twice_are_told(void) {
  shoal_off run = shoal_alloc(heap, 100000, 0), huge = shoal_alloc(heap, 3 << 20, 0);
  (void)shoal_alloc(heap, 100000, 0);
  EXPECT_OK(shoal_free_offset(heap, run));
  EXPECT_STATUS(SHOAL_E_MISUSE, shoal_free_offset(heap, run));
  expect_report(SHOAL_MISUSE_UNALLOCATED, run);
  EXPECT_OK(shoal_free_offset(heap, huge));
  EXPECT_STATUS(SHOAL_E_MISUSE, shoal_free_offset(heap, huge));
  expect_report(SHOAL_MISUSE_UNALLOCATED, huge);
}

static void what_is_no_block_is_told_and_changes_nothing(void) {
  shoal_off off = shoal_alloc(heap, 64, 0), run = shoal_alloc(heap, 100000, 0);
  const struct {
    shoal_misuse what;
    shoal_off off;
  } wrong[] = {{SHOAL_MISUSE_FOREIGN, heap->view.capacity + 64},
               {SHOAL_MISUSE_FOREIGN, UINT64_MAX - 63},
               {SHOAL_MISUSE_METADATA, 4096},
               {SHOAL_MISUSE_UNALLOCATED, heap->view.capacity - 64},
               {SHOAL_MISUSE_INTERIOR, off + 8},
               {SHOAL_MISUSE_INTERIOR, run + 8}};
  uint64_t committed = stand_stats(heap).committed;
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    EXPECT_STATUS(SHOAL_E_MISUSE, shoal_free_offset(heap, wrong[i].off));
    expect_report(wrong[i].what, wrong[i].off);
    EXPECT_STATUS(SHOAL_E_MISUSE, stand_free_in_thread(heap, wrong[i].off));
    expect_report(wrong[i].what, wrong[i].off);
  }
  EXPECT_EQ(2, stand_live(heap));
  EXPECT_EQ(committed, stand_stats(heap).committed);
  shoal_free(heap, (char *)shoal_ptr(heap, off) + 4);
  expect_report(SHOAL_MISUSE_INTERIOR, off + 4);
}

// Every slot is taken by others: frees go on without one, and whole chunks under the spare one.
static void a_thread_without_a_slot_frees_each_size(void) {
  shoal_off offs[SIZES];
  struct shl_seat seat;
  for (unsigned i = 0; i < SIZES; i++) offs[i] = shoal_alloc(heap, sizes[i], 0);
  while (shl_slot_take(heap, SHL_SLOT_FREE_FIRST, &seat) == SHOAL_OK) {
    stand_give(seat, STAND_STOPPED);
  }
  for (unsigned i = 0; i < SIZES; i++) EXPECT_OK(stand_free_in_thread(heap, offs[i]));
  EXPECT_EQ(0, stand_live(heap));
  EXPECT_STATUS(SHOAL_E_MISUSE, stand_free_in_thread(heap, offs[1]));
  expect_report(SHOAL_MISUSE_DOUBLE_FREE, offs[1]);
}

// A block allocated in between moves the hand from slab to slab; those it has left are given back.
static void slabs_that_the_hand_has_left_are_given_back(void) {
  enum { LARGE = 512, BETWEEN = 16 };
  static shoal_off offs[LARGE];
  for (unsigned i = 0; i < LARGE; i++) offs[i] = shoal_alloc(heap, 32768, 0);
  for (unsigned i = 0; i < LARGE; i++) {
    EXPECT_OK(shoal_free_offset(heap, offs[i]));
    if (i % BETWEEN == BETWEEN - 1) {
      EXPECT_OK(shoal_free_offset(heap, shoal_alloc(heap, 32768, 0)));
    }
  }
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(heap, &stats));
  EXPECT_EQ(0, stats.live_blocks);
  EXPECT_EQ(1, stats.slabs);
}

static void readers_free_nothing(void) {
  shoal_off off = shoal_alloc(heap, 64, 0), run = shoal_alloc(heap, 100000, 0);
  EXPECT_OK(shoal_thread_idle(heap));
  heap->read_only = true;
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_free_offset(heap, off));
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_free_offset(heap, run));
  heap->read_only = false;
  heap->inherited = true;
  EXPECT_STATUS(SHOAL_E_STALE, shoal_free_offset(heap, off));
  heap->inherited = false;
  EXPECT_EQ(2, stand_live(heap));
}

SUITE(free, SET_UP(open_heap), TEAR_DOWN(close_heap), TEST(the_owner_frees_each_size),
      TEST(another_thread_frees_each_size), TEST(null_frees_nothing),
      TEST(blocks_come_back_in_any_order), TEST(an_emptied_slab_is_given_back_but_the_last),
      TEST(slabs_that_the_hand_has_left_are_given_back),
      TEST(a_second_free_of_a_block_in_the_hand_is_told),
      TEST(a_second_free_into_the_rest_of_the_hands_word_is_told),
      TEST(what_lies_behind_the_last_block_is_told), TEST(a_free_settles_what_was_cut_short),
      TEST(a_second_free_by_the_owner_is_told), TEST(a_local_free_of_a_pending_block_is_told),
      TEST(a_second_remote_free_is_told),
      TEST(a_remote_free_of_a_free_block_is_told_at_collection),
      TEST(runs_and_huge_blocks_freed_twice_are_told),
      TEST(what_is_no_block_is_told_and_changes_nothing),
      TEST(a_thread_without_a_slot_frees_each_size), TEST(readers_free_nothing))
