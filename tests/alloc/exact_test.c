// SPDX-License-Identifier: MIT
// Goal: the calls with a caller's word do to blocks what their plain kin do, the word says what
// they did, and what they refuse leaves the word and the heap as they were.
// Method: tables of sizes over slabs, runs and whole chunks; arguments that are wrong in each way;
// threads that end with what they have reserved.
#include <shoal/exact.h>

#include <string.h>

#include "alloc/reservation.h"
#include "alloc/seat.h"
#include "tests/alloc/stand.h"
#include "tests/harness/harness.h"

enum { RESERVED = SHL_RESERVATIONS };

static const size_t sizes[] = {0,     1,       64,            6000,   32768, 32769,
                               50000, 1 << 20, (1 << 20) + 1, 5 << 20};

static shoal_heap *heap;
static shoal_off *word;
static unsigned reports;

static void open_heap(void) {
  heap = stand_open(0);
  heap->on_misuse = stand_count_misuse;
  heap->on_misuse_context = &reports;
  reports = 0;
  word = shoal_calloc(heap, 1, sizeof *word);
}

static void close_heap(void) {
  stand_close(heap);
}

static void *block(void) {
  return shoal_ptr(heap, *word);
}

static void each_size_comes_and_goes_by_its_word(void) {
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    EXPECT_OK(shoal_alloc_to(heap, word, sizes[i], 0));
    EXPECT_NE(0, *word);
    EXPECT_LE(sizes[i], shoal_usable_size(heap, block()));
    memset(block(), 0x5a, sizes[i]);
    EXPECT_EQ(2, stand_live(heap));
    EXPECT_OK(shoal_free_from(heap, word));
    EXPECT_EQ(0, *word);
    EXPECT_EQ(1, stand_live(heap));
  }
}

static void flags_mean_what_they_mean_for_alloc(void) {
  const char zeros[6000] = {0};
  void *dirty = shoal_malloc(heap, sizeof zeros);
  memset(dirty, 0xff, sizeof zeros);
  shoal_free(heap, dirty);
  EXPECT_OK(shoal_alloc_to(heap, word, sizeof zeros, SHOAL_ZERO));
  EXPECT_EQ(0, memcmp(block(), zeros, sizeof zeros));
  EXPECT_OK(shoal_free_from(heap, word));
  EXPECT_OK(shoal_alloc_to(heap, word, 100, SHOAL_ALIGN(65536)));
  EXPECT_EQ(0, *word % 65536);
  EXPECT_OK(shoal_free_from(heap, word));
}

static void content_moves_with_a_realloc(void) {
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
      size_t kept = sizes[i] < sizes[k] ? sizes[i] : sizes[k];
      EXPECT_OK(shoal_alloc_to(heap, word, sizes[i], 0));
      unsigned char *bytes = block();
      for (size_t at = 0; at < kept; at++) bytes[at] = (unsigned char)(at % 251);
      EXPECT_OK(shoal_realloc_to(heap, word, sizes[k]));
      EXPECT_LE(sizes[k], shoal_usable_size(heap, block()));
      bytes = block();
      size_t same = 0;
      while (same < kept && bytes[same] == same % 251) same++;
      EXPECT_EQ(kept, same);
      EXPECT_EQ(2, stand_live(heap));
      EXPECT_OK(shoal_free_from(heap, word));
    }
  }
}

static void an_empty_word_is_allocated_by_realloc_and_left_by_free(void) {
  EXPECT_OK(shoal_free_from(heap, word));
  EXPECT_OK(shoal_realloc_to(heap, word, 100));
  EXPECT_NE(0, *word);
  EXPECT_OK(shoal_free_from(heap, word));
  EXPECT_OK(shoal_free_from(heap, word));
  EXPECT_EQ(1, stand_live(heap));
}

static void a_place_outside_the_data_is_no_word(void) {
  shoal_off outside = 0, off = 0;
  EXPECT_OK(shoal_reserve(heap, 64, 0, &off));
  shoal_off *const wrong[] = {NULL,
                              &outside,
                              (shoal_off *)(void *)heap->view.base,
                              (shoal_off *)(void *)((char *)word + 4),
                              (shoal_off *)(void *)(heap->view.base + heap->view.capacity),
                              (shoal_off *)(void *)((char *)heap->words + 8),
                              (shoal_off *)(void *)(heap->view.base + heap->view.capacity - 8)};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_alloc_to(heap, wrong[i], 64, 0));
    EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_realloc_to(heap, wrong[i], 64));
    EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_free_from(heap, wrong[i]));
    EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_publish(heap, wrong[i], off));
  }
  EXPECT_EQ(0, outside);
  EXPECT_OK(shoal_cancel(heap, off));
  EXPECT_EQ(1, stand_live(heap));
}

static void what_is_refused_changes_nothing(void) {
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_alloc_to(heap, word, 64, 8));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_alloc_to(heap, word, 64, SHOAL_ALIGN(48)));
  EXPECT_STATUS(SHOAL_E_SIZE, shoal_alloc_to(heap, word, SIZE_MAX, 0));
  EXPECT_STATUS(SHOAL_E_FULL, shoal_alloc_to(heap, word, STAND_CAPACITY, 0));
  EXPECT_EQ(0, *word);
  EXPECT_OK(shoal_alloc_to(heap, word, 64, 0));
  shoal_off off = *word;
  EXPECT_STATUS(SHOAL_E_FULL, shoal_realloc_to(heap, word, STAND_CAPACITY));
  EXPECT_EQ(off, *word);
  EXPECT_EQ(2, stand_live(heap));
  EXPECT_OK(shoal_free_from(heap, word));
}

// A word is emptied where the call may store at all and its arguments are right, whatever it held.
static void a_refused_allocation_leaves_the_word_empty_or_untouched(void) {
  EXPECT_OK(shoal_alloc_to(heap, word, 64, 0));
  shoal_off old = *word;
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_alloc_to(heap, word, 64, 8));
  EXPECT_EQ(old, *word);
  heap->inherited = true;
  EXPECT_STATUS(SHOAL_E_STALE, shoal_alloc_to(heap, word, 64, 0));
  heap->inherited = false;
  EXPECT_EQ(old, *word);
  EXPECT_STATUS(SHOAL_E_FULL, shoal_alloc_to(heap, word, STAND_CAPACITY, 0));
  EXPECT_EQ(0, *word);
  *word = old;
  EXPECT_STATUS(SHOAL_E_SIZE, shoal_alloc_to(heap, word, SIZE_MAX, 0));
  EXPECT_EQ(0, *word);
  EXPECT_OK(shoal_free_offset(heap, old));
}

static void a_word_that_names_no_block_is_misuse(void) {
  EXPECT_OK(shoal_alloc_to(heap, word, 64, 0));
  shoal_off off = *word;
  EXPECT_OK(shoal_free_from(heap, word));
  const shoal_off wrong[] = {off, off + 8, 64, heap->view.capacity, UINT64_MAX};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    *word = wrong[i];
    EXPECT_STATUS(SHOAL_E_MISUSE, shoal_free_from(heap, word));
    EXPECT_STATUS(SHOAL_E_MISUSE, shoal_realloc_to(heap, word, 64));
    EXPECT_EQ(wrong[i], *word);
  }
  EXPECT_EQ(2 * sizeof wrong / sizeof wrong[0], reports);
  *word = 0;
}

static void a_reserved_block_is_published_or_cancelled_once(void) {
  shoal_off off = 0;
  EXPECT_OK(shoal_reserve(heap, 64, SHOAL_ZERO, &off));
  EXPECT_EQ(1, stand_stats(heap).reservations);
  EXPECT_OK(shoal_publish(heap, word, off));
  EXPECT_EQ(off, *word);
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_publish(heap, word, off));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_cancel(heap, off));
  EXPECT_OK(shoal_free_from(heap, word));
  EXPECT_OK(shoal_reserve(heap, 50000, 0, &off));
  EXPECT_OK(shoal_cancel(heap, off));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_cancel(heap, off));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_cancel(heap, 0));
  EXPECT_EQ(0, stand_stats(heap).reservations);
  EXPECT_EQ(1, stand_live(heap));
}

static void reservations_have_a_limit_and_are_apart(void) {
  shoal_off offs[RESERVED], more = 1;
  for (unsigned i = 0; i < RESERVED; i++) EXPECT_OK(shoal_reserve(heap, 64, 0, &offs[i]));
  EXPECT_STATUS(SHOAL_E_LIMIT, shoal_reserve(heap, 64, 0, &more));
  EXPECT_EQ(0, more);
  EXPECT_STATUS(SHOAL_E_BUSY, shoal_thread_idle(heap));
  EXPECT_OK(shoal_publish(heap, word, offs[7]));
  EXPECT_OK(shoal_reserve(heap, 64, 0, &more));
  offs[7] = more;
  for (unsigned i = 0; i < RESERVED; i++) EXPECT_OK(shoal_cancel(heap, offs[i]));
  EXPECT_OK(shoal_free_from(heap, word));
  EXPECT_OK(shoal_thread_idle(heap));
  EXPECT_EQ(1, stand_live(heap));
}

static void *reserve_and_end(void *argument) {
  shoal_off *off = argument;
  for (unsigned i = 0; i < 3; i++) EXPECT_OK(shoal_reserve(heap, 5000, 0, off));
  return NULL;
}

static void a_thread_that_ends_frees_what_it_has_reserved(void) {
  shoal_off off = 0;
  stand_in_thread(reserve_and_end, &off);
  EXPECT_NE(0, off);
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_publish(heap, word, off));
  EXPECT_EQ(0, stand_stats(heap).reservations);
  EXPECT_EQ(1, stand_live(heap));
}

static void a_thread_without_a_slot_frees_but_does_not_reserve(void) {
  struct shl_seat taken;
  shoal_off off = 0;
  EXPECT_OK(shoal_alloc_to(heap, word, 64, 0));
  EXPECT_OK(shoal_thread_idle(heap));
  while (shl_slot_take(heap, SHL_SLOT_ORPHAN_FIRST, &taken) == SHOAL_OK) {
  }
  EXPECT_STATUS(SHOAL_E_LIMIT, shoal_reserve(heap, 64, 0, &off));
  EXPECT_OK(shoal_free_from(heap, word));
  EXPECT_OK(shoal_alloc_to(heap, word, 64, 0));
  EXPECT_OK(shoal_free_from(heap, word));
  EXPECT_EQ(1, stand_live(heap));
}

// The heap is used up but for one block in an orphan's slab: the call acts as the orphan.
static void the_last_block_of_an_orphan_can_be_reserved(void) {
  shoal_heap *tiny = stand_open_tiny();
  (void)stand_here(tiny);
  struct shl_seat orphan = stand_other(tiny, 0);
  shoal_off off = 0, last = stand_alloc(orphan, 6000);
  shl_slot_let_go(orphan);
  while (shoal_alloc(tiny, 6000, 0) != 0) {
  }
  EXPECT(shl_slot_take_orphan(tiny, shl_seat_id(orphan), &orphan));
  stand_free(orphan, last);
  shl_slot_let_go(orphan);
  EXPECT_OK(shoal_reserve(tiny, 6000, 0, &off));
  EXPECT_EQ(last, off);
  EXPECT_EQ(0, shoal_alloc(tiny, 6000, 0));
  EXPECT_OK(shoal_cancel(tiny, off));
  EXPECT_EQ(last, shoal_alloc(tiny, 6000, 0));
  EXPECT_OK(shoal_close(tiny));
}

SUITE(exact, SET_UP(open_heap), TEAR_DOWN(close_heap), TEST(each_size_comes_and_goes_by_its_word),
      TEST(flags_mean_what_they_mean_for_alloc), TEST(content_moves_with_a_realloc),
      TEST(an_empty_word_is_allocated_by_realloc_and_left_by_free),
      TEST(a_place_outside_the_data_is_no_word), TEST(what_is_refused_changes_nothing),
      TEST(a_refused_allocation_leaves_the_word_empty_or_untouched),
      TEST(a_word_that_names_no_block_is_misuse),
      TEST(a_reserved_block_is_published_or_cancelled_once),
      TEST(reservations_have_a_limit_and_are_apart),
      TEST(a_thread_that_ends_frees_what_it_has_reserved),
      TEST(a_thread_without_a_slot_frees_but_does_not_reserve),
      TEST(the_last_block_of_an_orphan_can_be_reserved))
