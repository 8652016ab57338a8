// SPDX-License-Identifier: MIT
// Goal: opens are counted, handles are one a region, and what the process held goes with the last
// close. Method: heaps of each kind opened again, closed, and looked at from a second handle.
#include <string.h>

#include <shoal/root.h>

#include "alloc/handle.h"
#include "alloc/seat.h"
#include "tests/alloc/stand.h"
#include "tests/harness/harness.h"

static const shoal_options small = {.size = sizeof(shoal_options),
                                    .flags = SHOAL_CREATE,
                                    .capacity = 16 << 20,
                                    .lifetime = SHOAL_LIFETIME_PERSIST,
                                    .max_processes = 4,
                                    .max_threads = 8,
                                    .max_roots = 16,
                                    .max_pins = 16};

static void the_same_heap_twice_is_one_handle(void) {
  char name[TEST_NAME_BYTES];
  shoal_heap *first = NULL, *second = NULL;
  ASSERT_OK(shoal_open(test_unique_name(name), &small, &first));
  EXPECT_EQ(1, shoal_created(first));
  ASSERT_OK(shoal_open(name, NULL, &second));
  EXPECT(first == second);
  EXPECT_OK(shoal_close(second));
  EXPECT_NE(0, shoal_alloc(first, 64, 0));
  EXPECT_OK(shoal_unlink(name));
  EXPECT_OK(shoal_close(first));
}

static void a_closed_heap_opens_again_with_its_blocks(void) {
  char name[TEST_NAME_BYTES];
  shoal_heap *heap = NULL;
  ASSERT_OK(shoal_open(test_unique_name(name), &small, &heap));
  shoal_off off = shoal_alloc(heap, 100, 0);
  memset(shoal_ptr(heap, off), 0x5a, 100);
  EXPECT_OK(shoal_close(heap));
  ASSERT_OK(shoal_open(name, NULL, &heap));
  EXPECT_EQ(0, shoal_created(heap));
  EXPECT_EQ(0x5a, ((char *)shoal_ptr(heap, off))[99]);
  EXPECT_OK(shoal_free_offset(heap, off));
  EXPECT_EQ(0, stand_live(heap));
  EXPECT(stand_is_clean(heap));
  EXPECT_OK(shoal_unlink(name));
  EXPECT_OK(shoal_close(heap));
}

// What a closing process leaves: no slot, no pin, no record of its own.
static void a_close_leaves_nothing_owned(void) {
  char name[TEST_NAME_BYTES];
  shoal_heap *heap = NULL;
  shoal_pin_id pin;
  ASSERT_OK(shoal_open(test_unique_name(name), &small, &heap));
  shoal_off off = shoal_alloc(heap, 100, 0);
  EXPECT_OK(shoal_pin(heap, off, 1, &pin));
  EXPECT_OK(shoal_close(heap));
  ASSERT_OK(shoal_open(name, NULL, &heap));
  shoal_heap_stats stats = stand_stats(heap);
  EXPECT_EQ(0, stats.thread_slots);
  EXPECT_EQ(0, stats.thread_slots_dead);
  EXPECT_EQ(1, stats.thread_slots_orphan);
  EXPECT_EQ(0, stats.pins);
  EXPECT_EQ(1, stats.processes);
  EXPECT_OK(shoal_unlink(name));
  EXPECT_OK(shoal_close(heap));
}

// A process that comes, works and goes leaves as many slots as it found.
static void opening_and_closing_takes_no_more_slots(void) {
  char name[TEST_NAME_BYTES];
  shoal_heap *heap = NULL;
  (void)test_unique_name(name);
  for (unsigned i = 0; i < 20; i++) {
    ASSERT_OK(shoal_open(name, &small, &heap));
    shoal_off off = shoal_alloc(heap, 100, 0);
    EXPECT_NE(0, off);
    EXPECT_LE(shl_slot_high_water(heap), 2);
    if (i == 19) EXPECT_OK(shoal_unlink(name));
    EXPECT_OK(shoal_close(heap));
  }
}

static void heaps_have_their_own_slots_in_one_thread(void) {
  shoal_heap *first = stand_open(0), *second = stand_open(0);
  EXPECT_NE(first->index, second->index);
  EXPECT_NE(0, shoal_alloc(first, 64, 0));
  EXPECT(shl_seat_here(first).slot != NULL);
  EXPECT(shl_seat_here(second).slot == NULL);
  EXPECT_NE(0, shoal_alloc(second, 64, 0));
  stand_close(first);
  EXPECT_EQ(1, stand_live(second));
  EXPECT_NE(0, shoal_alloc(second, 64, 0));
  stand_close(second);
}

static void as_many_heaps_as_there_are_indices(void) {
  shoal_heap *heaps[SHL_HEAPS_MAX], *more = NULL;
  for (unsigned i = 0; i < SHL_HEAPS_MAX; i++) {
    heaps[i] = stand_open_small();
    ASSERT(heaps[i] != NULL);
    EXPECT_NE(0, shoal_alloc(heaps[i], 64, 0));
  }
  shoal_options options = small;
  options.kind = SHOAL_KIND_PRIVATE;
  options.lifetime = SHOAL_LIFETIME_DEFAULT;
  EXPECT_STATUS(SHOAL_E_LIMIT, shoal_open(NULL, &options, &more));
  EXPECT(more == NULL);
  EXPECT(strstr(shoal_status_text(SHOAL_E_LIMIT), "32") != NULL);
  stand_close(heaps[7]);
  heaps[7] = stand_open_small();
  for (unsigned i = 0; i < SHL_HEAPS_MAX; i++) stand_close(heaps[i]);
}

static void a_reader_sees_and_stores_nothing(void) {
  char name[TEST_NAME_BYTES];
  shoal_heap *heap = NULL;
  shoal_root root = {.off = 0, .type_id = 5};
  shoal_pin_id pin;
  ASSERT_OK(shoal_open(test_unique_name(name), &small, &heap));
  root.off = shoal_alloc(heap, 100, 0);
  EXPECT_OK(shoal_root_set(heap, "first", &root));
  EXPECT_OK(shoal_close(heap));
  shoal_options options = {.size = sizeof options, .flags = SHOAL_READ_ONLY};
  ASSERT_OK(shoal_open(name, &options, &heap));
  EXPECT_OK(shoal_root_get(heap, "first", &root));
  EXPECT_EQ(112, shoal_usable_size(heap, shoal_ptr(heap, root.off)));
  EXPECT_EQ(1, stand_live(heap));
  EXPECT(stand_is_clean(heap));
  EXPECT_EQ(0, shoal_alloc(heap, 1, 0));
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_free_offset(heap, root.off));
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_trim(heap, SHOAL_TRIM_ALL));
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_pin(heap, root.off, 1, &pin));
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_unpin(heap, 1));
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_root_set(heap, "second", &root));
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_root_remove(heap, "first"));
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_flush(heap));
  EXPECT_OK(shoal_thread_idle(heap));
  EXPECT_OK(shoal_close(heap));
  EXPECT_OK(shoal_unlink(name));
}

static void the_misuse_handler_is_the_first_opens(void) {
  char name[TEST_NAME_BYTES];
  shoal_heap *heap = NULL, *again = NULL;
  shoal_options options = small;
  int context;
  options.on_misuse_context = &context;
  ASSERT_OK(shoal_open(test_unique_name(name), &options, &heap));
  EXPECT(heap->on_misuse_context == &context);
  ASSERT_OK(shoal_open(name, &small, &again));
  EXPECT(again->on_misuse_context == &context);
  EXPECT_OK(shoal_unlink(name));
  EXPECT_OK(shoal_close(again));
  EXPECT_OK(shoal_close(heap));
}

static void nulls_are_arguments(void) {
  shoal_heap *heap = NULL;
  int fd;
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_open("name", &small, NULL));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_open_fd(-1, NULL, &heap));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_close(NULL));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_fd(NULL, &fd));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_flush(NULL));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_trim(NULL, 0));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_thread_idle(NULL));
  EXPECT_STATUS(SHOAL_E_NAME, shoal_unlink(NULL));
  EXPECT(heap == NULL);
}

static void the_version_is_told(void) {
  EXPECT_TEXT("0.1.0", shoal_version());
}

SUITE(heap, TEST(the_same_heap_twice_is_one_handle),
      TEST(a_closed_heap_opens_again_with_its_blocks), TEST(a_close_leaves_nothing_owned),
      TEST(opening_and_closing_takes_no_more_slots),
      TEST(heaps_have_their_own_slots_in_one_thread), TEST(as_many_heaps_as_there_are_indices),
      TEST(a_reader_sees_and_stores_nothing), TEST(the_misuse_handler_is_the_first_opens),
      TEST(nulls_are_arguments), TEST(the_version_is_told))
