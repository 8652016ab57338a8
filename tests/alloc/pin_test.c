// SPDX-License-Identifier: MIT
// Goal: pinned chunks keep their memory, pins end with their process, names of old pins are
// refused.
// Method: PRIVATE heaps, trimmed; other processes played by records written by hand.
#include <string.h>

#include <shoal/inspect.h>

#include "alloc/pin.h"
#include "tests/harness/harness.h"

enum { PINS = 3, DEAD_PROCESS = 3, LIVE_PROCESS = 4, HUGE_BYTES = 5 << 20 };

static shoal_heap *heap;
static bool dead_are_dead;

static bool is_dead(const struct shl_region *region, uint32_t process, uint32_t generation) {
  (void)region;
  (void)generation;
  return process == DEAD_PROCESS && dead_are_dead;
}

static void open_heap(void) {
  shoal_options options = {.size = sizeof options,
                           .kind = SHOAL_KIND_PRIVATE,
                           .flags = SHOAL_CREATE,
                           .capacity = 32 << 20,
                           .max_processes = 4,
                           .max_pins = PINS};
  EXPECT_OK(shoal_open(NULL, &options, &heap));
  heap->region->is_dead = is_dead;
  dead_are_dead = true;
}

static void close_heap(void) {
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_close(heap));
}

static uint64_t count_pins(void) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(heap, &stats));
  return stats.pins;
}

static uint32_t chunk_of(shoal_off off) {
  return (uint32_t)(off >> SHL_CHUNK_SHIFT);
}

static bool is_backed(uint32_t chunk) {
  return shl_load_relaxed_u32(&shl_chunk_row(heap, chunk)->committed) != 0;
}

static void pinned_chunks_keep_their_bytes_through_free_and_trim(void) {
  shoal_pin_id pin;
  shoal_off off = shoal_alloc(heap, HUGE_BYTES, 0);
  ASSERT_NE(0, off);
  memset(shoal_ptr(heap, off), 0x5a, HUGE_BYTES);
  EXPECT_OK(shoal_pin(heap, off + SHL_CHUNK_BYTES + 5, 1, &pin));
  EXPECT_NE(0, pin);
  EXPECT_OK(shoal_free_offset(heap, off));
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  EXPECT(!is_backed(chunk_of(off)));
  EXPECT(is_backed(chunk_of(off) + 1));
  EXPECT(!is_backed(chunk_of(off) + 2));
  EXPECT_EQ(0x5a, ((unsigned char *)shoal_ptr(heap, off))[SHL_CHUNK_BYTES + 5]);
  EXPECT_OK(shoal_unpin(heap, pin));
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_CHUNKS));
  EXPECT(!is_backed(chunk_of(off) + 1));
}

static void a_pin_covers_all_chunks_of_its_range(void) {
  shoal_pin_id pin;
  shoal_off off = shoal_alloc(heap, HUGE_BYTES, 0);
  EXPECT_OK(shoal_pin(heap, off, HUGE_BYTES, &pin));
  for (uint32_t i = 0; i < 3; i++) EXPECT(shl_pin_covers(heap, chunk_of(off) + i));
  EXPECT(!shl_pin_covers(heap, chunk_of(off) - 1));
  EXPECT(!shl_pin_covers(heap, chunk_of(off) + 3));
  EXPECT_OK(shoal_unpin(heap, pin));
  EXPECT(!shl_pin_covers(heap, chunk_of(off)));
}

static void a_range_lies_in_one_allocated_block(void) {
  shoal_pin_id pin = 1;
  shoal_off small = shoal_alloc(heap, 64, 0);
  shoal_off run = shoal_alloc(heap, 10 * SHL_PAGE_BYTES, 0);
  EXPECT_OK(shoal_pin(heap, small + 63, 1, &pin));
  EXPECT_OK(shoal_unpin(heap, pin));
  EXPECT_OK(shoal_pin(heap, run + SHL_PAGE_BYTES, 9 * SHL_PAGE_BYTES, &pin));
  EXPECT_OK(shoal_unpin(heap, pin));
  const struct {
    shoal_off off;
    size_t len;
  } wrong[] = {{small, 65},          {small + 64, 1}, {small, 0},
               {run, 41 * 1024},     {0, 16},         {heap->view.capacity, 16},
               {UINT64_MAX - 8, 64}, {run, SIZE_MAX}, {heap->view.capacity - 4096, 1}};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_pin(heap, wrong[i].off, wrong[i].len, &pin));
    EXPECT_EQ(0, pin);
  }
  EXPECT_OK(shoal_free_offset(heap, run));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_pin(heap, run, 1, &pin));
  EXPECT_EQ(0, count_pins());
}

static void nulls_are_arguments(void) {
  shoal_pin_id pin;
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_pin(NULL, 16, 1, &pin));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_pin(heap, 16, 1, NULL));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_unpin(NULL, 1));
}

static void names_of_pins_are_good_once(void) {
  shoal_off off = shoal_alloc(heap, 64, 0);
  shoal_pin_id first, second;
  EXPECT_OK(shoal_pin(heap, off, 64, &first));
  EXPECT_OK(shoal_unpin(heap, first));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_unpin(heap, first));
  EXPECT_OK(shoal_pin(heap, off, 64, &second));
  EXPECT_NE(first, second);
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_unpin(heap, first));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_unpin(heap, 0));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_unpin(heap, UINT64_MAX));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_unpin(heap, second + 1));
  EXPECT_EQ(1, count_pins());
  EXPECT_OK(shoal_unpin(heap, second));
}

// Writes a pin of another process, as that would have.
static void pin_as(uint32_t index, uint32_t process, uint32_t chunk, unsigned state) {
  struct shl_pin_op op = {.state = state, .process = process, .generation = 7, .use = 1};
  struct shl_pin_rec *pin = &heap->pins[index];
  shl_store_relaxed_u64(&pin->process, (uint64_t)process | UINT64_C(7) << 14 | UINT64_C(1) << 38);
  shl_store_relaxed_u64(&pin->first_chunk, chunk);
  shl_store_relaxed_u64(&pin->chunk_count, 1);
  shl_store_relaxed_u64(&pin->op, shl_pin_encode(op));
}

static void anothers_pin_is_not_ours_to_drop(void) {
  pin_as(0, LIVE_PROCESS, heap->first_chunk, SHL_PIN_PINNED);
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_unpin(heap, UINT64_C(1) << 32 | 1));
  EXPECT(shl_pin_covers(heap, heap->first_chunk));
  shl_pins_drop(heap, LIVE_PROCESS, 8);
  EXPECT(shl_pin_covers(heap, heap->first_chunk));
  shl_pins_drop(heap, LIVE_PROCESS, 7);
  EXPECT(!shl_pin_covers(heap, heap->first_chunk));
  EXPECT_EQ(0, shl_load_relaxed_u64(&heap->pins[0].op));
}

static void pins_of_the_dead_do_not_count(void) {
  dead_are_dead = false;
  pin_as(0, DEAD_PROCESS, heap->first_chunk, SHL_PIN_PINNED);
  EXPECT(shl_pin_covers(heap, heap->first_chunk));
  dead_are_dead = true;
  EXPECT(!shl_pin_covers(heap, heap->first_chunk));
}

static void a_full_table_says_so_and_takes_from_the_dead(void) {
  shoal_pin_id pins[PINS], more;
  shoal_off off = shoal_alloc(heap, 64, 0);
  pin_as(1, DEAD_PROCESS, heap->first_chunk, SHL_PIN_PINNED);
  pin_as(2, DEAD_PROCESS, heap->first_chunk, SHL_PIN_CHANGING);
  for (unsigned i = 0; i < PINS; i++) EXPECT_OK(shoal_pin(heap, off, 64, &pins[i]));
  EXPECT_STATUS(SHOAL_E_LIMIT, shoal_pin(heap, off, 64, &more));
  EXPECT(strstr(shoal_status_text(SHOAL_E_LIMIT), "max_pins (3)") != NULL);
  EXPECT_OK(shoal_unpin(heap, pins[1]));
  EXPECT_OK(shoal_pin(heap, off, 64, &pins[1]));
  for (unsigned i = 0; i < PINS; i++) EXPECT_OK(shoal_unpin(heap, pins[i]));
}

static void a_processes_pins_are_dropped_at_once(void) {
  shoal_pin_id pin;
  shoal_off off = shoal_alloc(heap, 64, 0);
  pin_as(0, LIVE_PROCESS, heap->first_chunk, SHL_PIN_PINNED);
  EXPECT_OK(shoal_pin(heap, off, 64, &pin));
  EXPECT_OK(shoal_pin(heap, off, 64, &pin));
  shl_pins_drop(heap, heap->region->process, heap->region->process_generation);
  EXPECT_EQ(1, count_pins());
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_unpin(heap, pin));
}

SUITE(pin, SET_UP(open_heap), TEAR_DOWN(close_heap),
      TEST(pinned_chunks_keep_their_bytes_through_free_and_trim),
      TEST(a_pin_covers_all_chunks_of_its_range), TEST(a_range_lies_in_one_allocated_block),
      TEST(nulls_are_arguments), TEST(names_of_pins_are_good_once),
      TEST(anothers_pin_is_not_ours_to_drop), TEST(pins_of_the_dead_do_not_count),
      TEST(a_full_table_says_so_and_takes_from_the_dead),
      TEST(a_processes_pins_are_dropped_at_once))
