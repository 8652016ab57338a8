// SPDX-License-Identifier: MIT
// Goal: generations and counts go on past their last number while they are in use: nothing is
// taken for what had the same number's neighbour, nothing is lost.
// Method: owner words, root versions and pins are set two short of their end, and crossed by
// threads that come and go, write and read.
#include <pthread.h>

#include <shoal/root.h>

#include "alloc/pin.h"
#include "alloc/root.h"
#include "base/atomic.h"
#include "tests/alloc/stand.h"
#include "tests/harness/harness.h"

enum { THREADS = 4, LIVES = 12, BLOCKS = 100, KEPT = 3, MOVES = 3000, LAST = 0xffffff };

static shoal_heap *heap;
static shl_a64 kept;

static void open_heap(void) {
  heap = stand_open(0);
  shl_store_relaxed_u64(&kept, 0);
}

static void close_heap(void) {
  stand_close(heap);
}

// A short life: blocks come and go, a few stay.
static void *live(void *unused) {
  (void)unused;
  shoal_off offs[BLOCKS];
  for (unsigned i = 0; i < BLOCKS; i++) offs[i] = shoal_alloc(heap, 64 + i, 0);
  for (unsigned i = KEPT; i < BLOCKS; i++) EXPECT_OK(shoal_free_offset(heap, offs[i]));
  (void)shl_add_relaxed_u64(&kept, KEPT);
  return NULL;
}

static void live_at_once(void) {
  pthread_t threads[THREADS];
  for (unsigned i = 0; i < THREADS; i++) {
    ASSERT_EQ(0, pthread_create(&threads[i], NULL, live, NULL));
  }
  for (unsigned i = 0; i < THREADS; i++) ASSERT_EQ(0, pthread_join(threads[i], NULL));
}

static void preset_owner(uint32_t id) {
  struct shl_owner_word word = shl_owner_read(heap, id);
  word.generation = LAST - 2;
  shl_store_release_u64(&shl_owner_row(heap, id)->word, shl_owner_encode(word));
}

static void owners_of_slots_wrap_while_threads_come_and_go(void) {
  live_at_once();
  uint32_t high = shl_slot_high_water(heap);
  for (uint32_t id = 1; id <= high; id++) {
    if (!shl_slot_is_ours(heap, id)) preset_owner(id);
  }
  for (unsigned i = 0; i < LIVES; i++) {
    live_at_once();
    EXPECT(stand_is_clean(heap));
  }
  unsigned wrapped = 0;
  for (uint32_t id = 1; id <= high; id++) {
    wrapped += shl_owner_read(heap, id).generation < LAST / 2 && id != heap->spare_slot ? 1 : 0;
  }
  EXPECT_LT(0, wrapped);
  EXPECT_EQ(shl_load_relaxed_u64(&kept), stand_live(heap));
  EXPECT_EQ(0, stand_stats(heap).thread_slots_dead);
}

// The dead's slot is recovered once, whatever its word's generation is.
static void a_dead_owner_is_recovered_at_each_generation_around_the_end(void) {
  for (uint32_t generation = LAST - 2; generation != 3; generation = (generation + 1) & LAST) {
    struct shl_seat seat = stand_other(heap, 0);
    (void)stand_alloc(seat, 64);
    struct shl_owner_word word = shl_owner_read(heap, shl_seat_id(seat));
    word.generation = generation;
    word.process = STAND_DEAD;
    word.process_generation = 1;
    shl_store_release_u64(&shl_owner_row(heap, shl_seat_id(seat))->word, shl_owner_encode(word));
    EXPECT(shl_slot_recover(heap, shl_seat_id(seat)));
    EXPECT(!shl_slot_recover(heap, shl_seat_id(seat)));
    struct shl_owner_word after = shl_owner_read(heap, shl_seat_id(seat));
    EXPECT_EQ(SHL_OWNER_ORPHAN, after.state);
    EXPECT_EQ((generation + 2) & LAST, after.generation);
    EXPECT_EQ(0, after.process);
  }
  EXPECT_EQ(6, stand_live(heap));
}

static struct shl_root_rec *record_of_root(void) {
  for (uint32_t i = 0; i < heap->root_count; i++) {
    if (shl_load_relaxed_u64(&heap->roots[i].check) != 0) return &heap->roots[i];
  }
  FAIL("no root stands");
  return &heap->roots[0];
}

static shoal_off places[2];

static void *move(void *unused) {
  (void)unused;
  for (uint64_t i = 0; i < test_rounds(MOVES); i++) {
    shoal_root root = {.off = places[i % 2], .type_id = 7};
    EXPECT_OK(shoal_root_set(heap, "moved", &root));
  }
  return NULL;
}

static void *watch(void *unused) {
  (void)unused;
  uint64_t wrong = 0;
  for (uint64_t i = 0; i < test_rounds(MOVES); i++) {
    shoal_root root = {.off = 0};
    shoal_status status = shoal_root_get(heap, "moved", &root);
    bool right = root.off == places[0] || root.off == places[1];
    wrong += status != SHOAL_OK || !right || root.type_id != 7 ? 1 : 0;
  }
  EXPECT_EQ(0, wrong);
  return NULL;
}

static void versions_of_roots_wrap_under_writers_and_readers(void) {
  pthread_t threads[THREADS];
  for (unsigned i = 0; i < 2; i++) places[i] = shoal_alloc(heap, 64, 0);
  shoal_root root = {.off = places[0], .type_id = 7};
  ASSERT_OK(shoal_root_set(heap, "moved", &root));
  struct shl_root_rec *record = record_of_root();
  const struct shl_root_version last = {.count = (UINT64_C(1) << 47) - 3};
  shl_store_release_u64(&record->version, shl_root_encode(last));
  for (unsigned i = 0; i < THREADS; i++) {
    ASSERT_EQ(0, pthread_create(&threads[i], NULL, i < 2 ? move : watch, NULL));
  }
  for (unsigned i = 0; i < THREADS; i++) ASSERT_EQ(0, pthread_join(threads[i], NULL));
  struct shl_root_version after = shl_root_decode(shl_load_relaxed_u64(&record->version));
  EXPECT(!after.busy);
  EXPECT_EQ(0, after.slot);
  EXPECT_LT(after.count, last.count);
  EXPECT_EQ(2 * test_rounds(MOVES), (after.count - last.count) & ((UINT64_C(1) << 47) - 1));
}

// A record's roots are told apart by its generation, which ends with the word.
static void roots_of_one_record_are_told_apart_past_the_last_generation(void) {
  shoal_root root = {.off = shoal_alloc(heap, 64, 0), .type_id = 7};
  ASSERT_OK(shoal_root_set(heap, "again", &root));
  struct shl_root_rec *record = record_of_root();
  ASSERT_OK(shoal_root_remove(heap, "again"));
  shl_store_release_u64(&record->generation, UINT64_MAX - 2);
  uint64_t before = 0;
  for (unsigned i = 0; i < 5; i++) {
    ASSERT_OK(shoal_root_set(heap, "again", &root));
    EXPECT_EQ(UINT64_MAX - 1 + i, shl_load_relaxed_u64(&record->generation));
    uint64_t check = shl_load_relaxed_u64(&record->check);
    EXPECT_NE(0, check);
    EXPECT_NE(before, check);
    before = check;
    EXPECT(stand_is_clean(heap));
    ASSERT_OK(shoal_root_remove(heap, "again"));
  }
}

static void names_of_pins_wrap_and_stay_good_once(void) {
  enum { PINS = 6 };
  shoal_off off = shoal_alloc(heap, 64, 0);
  shoal_pin_id pins[PINS];
  shl_store_relaxed_u64(&heap->pins[0].process, (uint64_t)(LAST - 2) << 38);
  for (unsigned i = 0; i < PINS; i++) {
    ASSERT_OK(shoal_pin(heap, off, 64, &pins[i]));
    EXPECT(shl_pin_covers(heap, (uint32_t)(off >> SHL_CHUNK_SHIFT)));
    for (unsigned k = 0; k < i; k++) EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_unpin(heap, pins[k]));
    EXPECT(stand_is_clean(heap));
    EXPECT_OK(shoal_unpin(heap, pins[i]));
    EXPECT(!shl_pin_covers(heap, (uint32_t)(off >> SHL_CHUNK_SHIFT)));
  }
}

SUITE(wrap, SET_UP(open_heap), TEAR_DOWN(close_heap),
      TEST(owners_of_slots_wrap_while_threads_come_and_go),
      TEST(a_dead_owner_is_recovered_at_each_generation_around_the_end),
      TEST(versions_of_roots_wrap_under_writers_and_readers),
      TEST(roots_of_one_record_are_told_apart_past_the_last_generation),
      TEST(names_of_pins_wrap_and_stay_good_once))
