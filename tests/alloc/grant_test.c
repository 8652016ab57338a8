// SPDX-License-Identifier: MIT
// Goal: every wish that can be met is met with enough, aligned, bytes, and refused with its reason
// otherwise. Method: wishes over all sizes and alignments; a heap filled to its limit and emptied.
#include "alloc/grant.h"

#include <string.h>

#include "alloc/chunk.h"
#include "alloc/class.h"
#include "alloc/run.h"
#include "alloc/seat.h"
#include "tests/alloc/stand.h"
#include "tests/harness/harness.h"

static shoal_heap *heap;

static void open_heap(void) {
  heap = stand_open(0);
}

static void close_heap(void) {
  stand_close(heap);
}

static uint64_t grant(uint64_t bytes, uint64_t alignment) {
  struct shl_wish wish = {.bytes = bytes, .alignment = alignment};
  uint64_t off = 0;
  EXPECT_OK(shl_grant(heap, &wish, &off));
  return off;
}

static void every_size_gets_enough_at_every_alignment(void) {
  const uint64_t bytes[] = {0,    1,     15,    16,    17,      1024,    1025,    4096,    4097,
                            32767, 32768, 32769, 1 << 20, 1048577, 2097151, 2097152, 2097153,
                            5000000};
  for (unsigned i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
    for (uint64_t alignment = 16; alignment <= SHL_CHUNK_BYTES; alignment *= 2) {
      uint64_t off = grant(bytes[i], alignment), usable = 0;
      EXPECT_EQ(0, off % alignment);
      EXPECT_EQ(0, (uintptr_t)shoal_ptr(heap, off) % alignment);
      EXPECT_OK(shl_block_bytes(heap, off, &usable));
      EXPECT_LE(bytes[i], usable);
      EXPECT_LE(1, usable);
      memset(shoal_ptr(heap, off), 0x5a, usable);
      EXPECT_OK(shoal_free_offset(heap, off));
    }
  }
  EXPECT_EQ(0, stand_live(heap));
}

// At most an eighth up to 32 KiB, less than a page up to 1 MiB, whole units above.
static void little_is_wasted(void) {
  for (uint64_t bytes = 129; bytes <= 1 << 20; bytes += bytes / 7) {
    uint64_t off = grant(bytes, 16), usable = 0;
    EXPECT_OK(shl_block_bytes(heap, off, &usable));
    uint64_t most = bytes <= SHL_CLASS_MAX_BYTES ? usable / 8 : SHL_PAGE_BYTES - 1;
    EXPECT_LE(usable - bytes, most);
    EXPECT_OK(shoal_free_offset(heap, off));
  }
}

static void refusals_say_why(void) {
  uint64_t off = 0;
  struct shl_wish wish = {.bytes = (uint64_t)PTRDIFF_MAX + 1, .alignment = 16};
  EXPECT_STATUS(SHOAL_E_SIZE, shl_grant(heap, &wish, &off));
  wish.bytes = PTRDIFF_MAX;
  EXPECT_STATUS(SHOAL_E_FULL, shl_grant(heap, &wish, &off));
  EXPECT(strstr(shoal_status_text(SHOAL_E_FULL), "capacity") != NULL);
  wish.bytes = heap->view.capacity;
  EXPECT_STATUS(SHOAL_E_FULL, shl_grant(heap, &wish, &off));
  heap->read_only = true;
  wish.bytes = 1;
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shl_grant(heap, &wish, &off));
  heap->read_only = false;
}

enum { PIECES = 40000 };

static uint64_t pieces[PIECES];

static unsigned fill(uint64_t bytes) {
  unsigned count = 0;
  struct shl_wish wish = {.bytes = bytes, .alignment = 16};
  while (count < PIECES && shl_grant(heap, &wish, &pieces[count]) == SHOAL_OK) count++;
  return count;
}

// Whatever filled the heap, once it is free anything else fits: no sticky state.
static void a_heap_filled_by_one_kind_serves_every_other(void) {
  const uint64_t kinds[] = {3000, 32768, 40000, 1 << 20, 3 << 20};
  for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    for (unsigned k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
      unsigned count = fill(kinds[i]);
      EXPECT_LT(0, count);
      while (count > 0) EXPECT_OK(shoal_free_offset(heap, pieces[--count]));
      count = fill(kinds[k]);
      uint64_t held = count * kinds[k];
      EXPECT_LT(heap->view.capacity / 8 * 5, held);
      while (count > 0) EXPECT_OK(shoal_free_offset(heap, pieces[--count]));
    }
  }
}

static void one_free_is_enough_for_the_same_wish(void) {
  const uint64_t kinds[] = {3000, 40000, 3 << 20};
  for (unsigned i = 0; i < 3; i++) {
    unsigned count = fill(kinds[i]);
    uint64_t off = 0;
    struct shl_wish wish = {.bytes = kinds[i], .alignment = 16};
    EXPECT_STATUS(SHOAL_E_FULL, shl_grant(heap, &wish, &off));
    EXPECT_OK(stand_free_in_thread(heap, pieces[count / 2]));
    EXPECT_OK(shl_grant(heap, &wish, &pieces[count / 2]));
    while (count > 0) EXPECT_OK(shoal_free_offset(heap, pieces[--count]));
  }
}

static void use_every_class(struct shl_seat seat) {
  for (unsigned i = 1; i < SHL_CLASS_COUNT; i++) {
    shoal_off off = stand_alloc(seat, shl_classes[i].bytes);
    stand_free(seat, off);
  }
}

// Two pieces of 1 MiB a chunk: whatever is cached anywhere is gathered before the answer is no.
static void expect_all_room(void) {
  unsigned count = fill(1 << 20);
  EXPECT_EQ(2 * (heap->chunk_end - heap->first_chunk), count);
  while (count > 0) EXPECT_OK(shoal_free_offset(heap, pieces[--count]));
}

static void what_the_thread_caches_is_gathered(void) {
  use_every_class(stand_here(heap));
  expect_all_room();
}

static void what_the_spare_slot_caches_is_gathered(void) {
  struct shl_seat spare = shl_seat_enter_spare(heap);
  use_every_class(spare);
  shl_seat_leave(spare);
  expect_all_room();
}

static void what_orphans_and_the_dead_cache_is_gathered(void) {
  struct shl_seat orphan = stand_other(heap, 0), dead = stand_other(heap, 0);
  use_every_class(orphan);
  use_every_class(dead);
  stand_give(dead, STAND_DEAD);
  shl_slot_let_go(orphan);
  expect_all_room();
}

// A chunk alone among chunks in use is backed and FREE, and of no use for three chunks in a row.
static void the_limit_is_not_used_up_by_free_chunks(void) {
  shoal_heap *limited = stand_open(9 << 19);
  shoal_off low = shoal_alloc(limited, 100000, 0), freed = shoal_alloc(limited, 2 << 20, 0);
  shoal_off high = shoal_alloc(limited, 1100000, 0);
  EXPECT(low != 0 && freed != 0 && high != 0);
  EXPECT_OK(shoal_free_offset(limited, freed));
  EXPECT_NE(0, shoal_alloc(limited, 3 << 20, 0));
  stand_close(limited);
}

static void without_growth_nothing_new_is_backed(void) {
  const uint64_t kinds[] = {64, 32768, 40000, 1 << 20, 2 << 20, 3 << 20};
  for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    struct shl_wish wish = {.bytes = kinds[i], .alignment = 16, .flags = SHOAL_NO_GROW};
    uint64_t off = 0;
    EXPECT_STATUS(SHOAL_E_FULL, shl_grant(heap, &wish, &off));
    EXPECT_EQ(0, stand_stats(heap).committed);
  }
  EXPECT_OK(shoal_free_offset(heap, grant(4 << 20, 16)));
  uint64_t committed = stand_stats(heap).committed;
  for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    struct shl_wish wish = {.bytes = kinds[i], .alignment = 16, .flags = SHOAL_NO_GROW};
    uint64_t off = 0;
    EXPECT_OK(shl_grant(heap, &wish, &off));
    EXPECT_OK(shoal_free_offset(heap, off));
  }
  EXPECT_EQ(committed, stand_stats(heap).committed);
}

// The limit is used up by chunks that are free: what backs them is given back and used elsewhere.
static void backing_moves_to_where_it_is_wanted(void) {
  shoal_heap *limited = stand_open(4 << 20);
  shoal_off off = shoal_alloc(limited, 100000, 0), huge = 0;
  EXPECT_NE(0, off);
  huge = shoal_alloc(limited, 3 << 20, 0);
  EXPECT_NE(0, huge);
  EXPECT_OK(shoal_free_offset(limited, huge));
  shoal_off runs[4];
  for (unsigned i = 0; i < 3; i++) {
    runs[i] = shoal_alloc(limited, 1 << 20, 0);
    EXPECT_NE(0, runs[i]);
  }
  EXPECT_EQ(0, shoal_alloc(limited, 1 << 20, 0));
  EXPECT_LE(stand_stats(limited).committed, 4 << 20);
  for (unsigned i = 0; i < 3; i++) EXPECT_OK(shoal_free_offset(limited, runs[i]));
  huge = shoal_alloc(limited, 3 << 20, 0);
  EXPECT_NE(0, huge);
  stand_close(limited);
}

static void zeroed_blocks_are_zero_to_their_last_byte(void) {
  const uint64_t bytes[] = {1, 100, 5000, 40000, 300000, 3 << 20};
  for (unsigned i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
    uint64_t off = grant(bytes[i], 16), usable = 0;
    EXPECT_OK(shl_block_bytes(heap, off, &usable));
    memset(shoal_ptr(heap, off), 0x5a, usable);
    EXPECT_OK(shoal_free_offset(heap, off));
    struct shl_wish wish = {.bytes = bytes[i], .alignment = 16, .flags = SHOAL_ZERO};
    for (unsigned k = 0; k < 70; k++) {
      EXPECT_OK(shl_grant(heap, &wish, &pieces[k]));
      EXPECT_OK(shl_block_bytes(heap, pieces[k], &usable));
      const char *start = shoal_ptr(heap, pieces[k]);
      uint64_t dirty = 0;
      for (uint64_t b = 0; b < usable; b++) dirty += start[b] != 0 ? 1 : 0;
      EXPECT_EQ(0, dirty);
      if (bytes[i] > 100000) EXPECT_OK(shoal_free_offset(heap, pieces[k]));
    }
  }
}

static void blocks_are_resized_where_their_kind_allows(void) {
  uint64_t small = grant(100, 16), run = grant(100000, 16), huge = grant(3 << 20, 16), usable = 0;
  EXPECT(shl_resize(heap, small, 112));
  EXPECT(shl_resize(heap, small, 97));
  EXPECT(!shl_resize(heap, small, 113));
  EXPECT(!shl_resize(heap, small, 96));
  EXPECT(shl_resize(heap, run, 200000));
  EXPECT_OK(shl_block_bytes(heap, run, &usable));
  EXPECT_EQ(200704, usable);
  EXPECT(shl_resize(heap, run, 40000));
  // Another holds the chunk: a block that need not grow may stay as it is.
  struct shl_seat other = stand_other(heap, STAND_STOPPED);
  EXPECT_EQ(SHL_CLAIM_TAKEN, shl_chunk_claim(other, (uint32_t)(run >> SHL_CHUNK_SHIFT)));
  EXPECT(shl_resize(heap, run, 33000));
  EXPECT(!shl_resize(heap, run, 50000));
  shl_run_end_claim(other, (uint32_t)(run >> SHL_CHUNK_SHIFT));
  EXPECT(!shl_resize(heap, run, 32768));
  EXPECT(!shl_resize(heap, run, (1 << 20) + 1));
  EXPECT(shl_resize(heap, huge, 5 << 20));
  EXPECT(!shl_resize(heap, huge, 1 << 20));
  EXPECT(!shl_resize(heap, huge, UINT64_MAX));
  EXPECT(!shl_resize(heap, huge + 16, 5 << 20));
}

static void of_what_is_free_no_size_is_told(void) {
  uint64_t small = grant(100, 16), run = grant(100000, 16), usable = 0;
  heap->on_misuse = NULL;
  EXPECT_OK(shl_block_bytes(heap, small, &usable));
  EXPECT_EQ(112, usable);
  EXPECT_OK(shl_block_bytes(heap, run, &usable));
  EXPECT_EQ(102400, usable);
}

SUITE(grant, SET_UP(open_heap), TEAR_DOWN(close_heap),
      TEST(every_size_gets_enough_at_every_alignment), TEST(little_is_wasted),
      TEST(refusals_say_why), TEST(a_heap_filled_by_one_kind_serves_every_other),
      TEST(one_free_is_enough_for_the_same_wish), TEST(what_the_thread_caches_is_gathered),
      TEST(what_the_spare_slot_caches_is_gathered),
      TEST(what_orphans_and_the_dead_cache_is_gathered),
      TEST(the_limit_is_not_used_up_by_free_chunks), TEST(without_growth_nothing_new_is_backed),
      TEST(backing_moves_to_where_it_is_wanted),
      TEST(zeroed_blocks_are_zero_to_their_last_byte),
      TEST(blocks_are_resized_where_their_kind_allows), TEST(of_what_is_free_no_size_is_told))
