// SPDX-License-Identifier: MIT
// Goal: every thread that needs a slot has one, none is lost when threads end, heaps close or steps
// are cut short, and a thread beyond the table works all the same. Method: threads that come, work
// a little and go.
#define _GNU_SOURCE
#include "alloc/seat.h"

#include <pthread.h>

#include "alloc/journal.h"
#include "tests/alloc/stand.h"
#include "tests/harness/harness.h"

enum { MANY = 64, BEYOND = 70, BLOCKS = 40 };

static shoal_heap *heap;

static void open_heap(void) {
  heap = stand_open(0);
}

static void close_heap(void) {
  stand_close(heap);
}

static void *allocate_and_free(void *argument) {
  shoal_off *kept = argument;
  shoal_off offs[BLOCKS];
  for (unsigned i = 0; i < BLOCKS; i++) offs[i] = shoal_alloc(heap, UINT64_C(16) << i % 4, 0);
  for (unsigned i = 1; i < BLOCKS; i++) (void)shoal_free_offset(heap, offs[i]);
  *kept = offs[0];
  return NULL;
}

static void a_thread_takes_a_slot_at_its_first_allocation(void) {
  EXPECT(shl_thread_seats[heap->index].slot == NULL);
  EXPECT_NE(0, shoal_alloc(heap, 64, 0));
  struct shl_seat here = shl_seat_here(heap);
  EXPECT(here.slot == shl_slot_page(heap, shl_seat_id(here)));
  EXPECT(shl_slot_is_ours(heap, shl_seat_id(here)));
  EXPECT_NE(shl_seat_id(here), heap->spare_slot);
  EXPECT_EQ(1, stand_stats(heap).thread_slots);
}

static void an_ending_thread_leaves_its_slot_to_the_next(void) {
  shoal_off kept[MANY];
  for (unsigned i = 0; i < MANY; i++) stand_in_thread(allocate_and_free, &kept[i]);
  shoal_heap_stats stats = stand_stats(heap);
  EXPECT_EQ(0, stats.thread_slots);
  EXPECT_EQ(1, stats.thread_slots_orphan);
  EXPECT_EQ(2, shl_slot_high_water(heap));
  EXPECT_EQ(MANY, stats.live_blocks);
  for (unsigned i = 0; i < MANY; i++) EXPECT_OK(shoal_free_offset(heap, kept[i]));
}

// Meets the others before and after its work, so that all have their slots at once.
struct crowd {
  pthread_barrier_t barrier;
  shoal_off kept[BEYOND];
};

struct member {
  struct crowd *crowd;
  unsigned number;
};

static void *meet_and_work(void *argument) {
  struct member *member = argument;
  pthread_barrier_wait(&member->crowd->barrier);
  (void)allocate_and_free(&member->crowd->kept[member->number]);
  pthread_barrier_wait(&member->crowd->barrier);
  return NULL;
}

static void run_crowd(unsigned threads) {
  static struct crowd crowd;
  struct member members[BEYOND];
  pthread_t ids[BEYOND];
  ASSERT_EQ(0, pthread_barrier_init(&crowd.barrier, NULL, threads));
  for (unsigned i = 0; i < threads; i++) {
    members[i] = (struct member){.crowd = &crowd, .number = i};
    ASSERT_EQ(0, pthread_create(&ids[i], NULL, meet_and_work, &members[i]));
  }
  for (unsigned i = 0; i < threads; i++) EXPECT_EQ(0, pthread_join(ids[i], NULL));
  EXPECT_EQ(0, pthread_barrier_destroy(&crowd.barrier));
  EXPECT_EQ(threads, stand_live(heap));
  for (unsigned i = 0; i < threads; i++) EXPECT_OK(shoal_free_offset(heap, crowd.kept[i]));
  EXPECT(stand_is_clean(heap));
}

static void slots_of_threads_that_come_and_go_are_used_again(void) {
  for (uint64_t i = test_rounds(8) + 1; i > 0; i--) run_crowd(MANY - 4);
  EXPECT_LE(shl_slot_high_water(heap), MANY);
  EXPECT_EQ(0, stand_live(heap));
}

// 64 slots: one spare, 70 threads.
static void threads_beyond_the_table_share_the_spare_slot(void) {
  for (uint64_t i = test_rounds(3) + 1; i > 0; i--) run_crowd(BEYOND);
  EXPECT_EQ(heap->slot_count, shl_slot_high_water(heap));
  EXPECT_EQ(0, stand_live(heap));
}

static void fill_table(void) {
  struct shl_seat seat;
  while (shl_slot_take(heap, SHL_SLOT_FREE_FIRST, &seat) == SHOAL_OK) {
    stand_give(seat, STAND_STOPPED);
  }
}

static void without_a_slot_everything_works_under_the_spare_one(void) {
  fill_table();
  shoal_off small = shoal_alloc(heap, 64, 0), run = shoal_alloc(heap, 100000, 0);
  shoal_off huge = shoal_alloc(heap, 3 << 20, 0);
  EXPECT(small != 0 && run != 0 && huge != 0);
  EXPECT(shl_thread_seats[heap->index].slot == NULL);
  EXPECT_EQ(3, stand_live(heap));
  EXPECT_OK(shoal_free_offset(heap, small));
  EXPECT_OK(shoal_free_offset(heap, run));
  EXPECT_OK(shoal_free_offset(heap, huge));
  EXPECT_EQ(0, stand_live(heap));
  EXPECT_EQ(0, shl_load_relaxed_u32(&heap->spare_lock));
}

static void a_slot_that_becomes_available_is_taken_again(void) {
  fill_table();
  EXPECT_NE(0, shoal_alloc(heap, 64, 0));
  EXPECT(shl_thread_seats[heap->index].slot == NULL);
  stand_give(shl_seat_of(heap, 9), STAND_DEAD);
  shl_store_relaxed_u64(&heap->table_full_ns, 0);
  EXPECT_NE(0, shoal_alloc(heap, 64, 0));
  EXPECT_EQ(9, shl_seat_id(shl_seat_here(heap)));
}

static void *allocate_one(void *out) {
  *(shoal_off *)out = shoal_alloc(heap, 64, 0);
  return NULL;
}

static void *free_one(void *off) {
  EXPECT_OK(shoal_free_offset(heap, *(shoal_off *)off));
  return NULL;
}

// A process that is dead, and a thread of one's own that is.
static void leave_dead(struct shl_seat dead[2]) {
  dead[0] = stand_other(heap, STAND_DEAD);
  dead[1] = stand_other(heap, 0);
  shl_slot_disown(dead[1]);
}

// Nothing runs short: it is enough that threads take slots, be it to free. The first of them asks
// about the test's own thread, the second about the dead one behind it.
static void threads_that_take_slots_notice_the_dead(void) {
  struct shl_seat dead[2];
  shoal_off off = shoal_alloc(heap, 64, 0), second = 0;
  leave_dead(dead);
  stand_in_thread(free_one, &off);
  EXPECT_NE(SHL_OWNER_OWNED, shl_owner_read(heap, shl_seat_id(dead[0])).state);
  stand_in_thread(allocate_one, &second);
  EXPECT_NE(0, second);
  for (unsigned i = 0; i < 2; i++) {
    EXPECT_NE(SHL_OWNER_OWNED, shl_owner_read(heap, shl_seat_id(dead[i])).state);
  }
  EXPECT_EQ(0, stand_stats(heap).thread_slots_dead);
}

// A thread that only frees takes a slot that owns nothing, and leaves it so.
static void a_freeing_thread_takes_no_orphans_memory(void) {
  shoal_off kept[2];
  stand_in_thread(allocate_and_free, &kept[0]);
  uint32_t high = shl_slot_high_water(heap);
  EXPECT_EQ(1, stand_stats(heap).thread_slots_orphan);
  EXPECT_OK(stand_free_in_thread(heap, kept[0]));
  EXPECT_EQ(1, stand_stats(heap).thread_slots_orphan);
  EXPECT_EQ(high + 1, shl_slot_high_water(heap));
  EXPECT_EQ(SHL_OWNER_FREE, shl_owner_read(heap, high + 1).state);
}

// When it allocates after all, the orphan's memory is taken instead.
static void a_thread_that_freed_first_changes_to_an_orphan_to_allocate(void) {
  shoal_off kept;
  stand_in_thread(allocate_and_free, &kept);
  uint32_t high = shl_slot_high_water(heap);
  EXPECT_OK(shoal_free_offset(heap, kept));
  EXPECT_EQ(high + 1, shl_seat_id(shl_seat_here(heap)));
  EXPECT_NE(0, shoal_alloc(heap, 64, 0));
  EXPECT_EQ(high, shl_seat_id(shl_seat_here(heap)));
  EXPECT_EQ(SHL_OWNER_FREE, shl_owner_read(heap, high + 1).state);
  EXPECT_EQ(0, stand_stats(heap).thread_slots_orphan);
}

// A call that was cut short in this thread left J standing; the next slow path settles it.
static void a_step_cut_short_is_settled_at_the_next_call(void) {
  shoal_off off = shoal_alloc(heap, 64, 0);
  struct shl_seat here = shl_seat_here(heap);
  uint32_t unit = stand_bit_of(heap, off).unit;
  shl_journal_set(here.slot, SHL_J_HINT, unit, 0);
  EXPECT_NE(0, shoal_alloc(heap, 5000, 0));
  EXPECT_EQ(0, stand_journal(here));
  shoal_off run = shoal_alloc(heap, 100000, 0);
  shl_journal_set(here.slot, SHL_J_HINT, unit, 0);
  EXPECT_OK(shoal_free_offset(heap, run));
  EXPECT_EQ(0, stand_journal(here));
  shl_journal_set(shl_slot_page(heap, heap->spare_slot), SHL_J_HINT, unit, 0);
  shl_seat_leave(shl_seat_enter_spare(heap));
  EXPECT_EQ(0, stand_journal(shl_seat_of(heap, heap->spare_slot)));
}

// A claim that a cut call left is let go, or its chunk would be lost to everybody.
static void a_claim_left_by_a_cut_call_is_let_go(void) {
  shoal_off run = shoal_alloc(heap, 100000, 0);
  struct shl_seat here = shl_seat_here(heap);
  uint32_t chunk = (uint32_t)(run >> SHL_CHUNK_SHIFT);
  shl_journal_set(here.slot, SHL_J_CHUNK, chunk, 0);
  shl_store_release_u64(&shl_chunk_row(heap, chunk)->word,
                        (uint64_t)SHL_CHUNK_MIXED | (uint64_t)shl_seat_id(here) << 4);
  EXPECT_OK(shoal_free_offset(heap, run));
  EXPECT_EQ(SHL_CHUNK_FREE, shl_load_relaxed_u64(&shl_chunk_row(heap, chunk)->word) & 15);
}

static void an_idle_thread_gives_its_slot_away(void) {
  shoal_off off = shoal_alloc(heap, 64, 0);
  struct shl_seat here = shl_seat_here(heap);
  EXPECT_OK(shoal_thread_idle(heap));
  EXPECT(shl_thread_seats[heap->index].slot == NULL);
  EXPECT_EQ(SHL_OWNER_ORPHAN, shl_owner_read(heap, shl_seat_id(here)).state);
  EXPECT_OK(shoal_thread_idle(heap));
  EXPECT_EQ(off + 64, shoal_alloc(heap, 64, 0));
  EXPECT_EQ(shl_seat_id(here), shl_seat_id(shl_seat_here(heap)));
}

// A thread's last call may come after it has given its slots back: out of another key's destructor.
static void allocate_late(void *heap_of_thread) {
  EXPECT_NE(0, shoal_alloc(heap_of_thread, 64, 0));
  EXPECT(shl_thread_seats[heap->index].slot == NULL);
}

static void *end_late(void *key) {
  EXPECT_NE(0, shoal_alloc(heap, 64, 0));
  EXPECT_EQ(0, pthread_setspecific(*(const pthread_key_t *)key, heap));
  return NULL;
}

static void after_its_end_a_thread_uses_the_spare_slot(void) {
  pthread_key_t key;
  ASSERT_EQ(0, pthread_key_create(&key, allocate_late));
  stand_in_thread(end_late, &key);
  EXPECT_EQ(2, stand_live(heap));
  EXPECT_EQ(0, stand_stats(heap).thread_slots);
  EXPECT_EQ(0, pthread_key_delete(key));
}

static void closing_gives_every_slot_back(void) {
  EXPECT_NE(0, shoal_alloc(heap, 64, 0));
  (void)stand_other(heap, 0);
  shl_seats_close(heap);
  for (uint32_t id = 1; id <= shl_slot_high_water(heap); id++) {
    EXPECT_NE(SHL_OWNER_OWNED, shl_owner_read(heap, id).state);
  }
  EXPECT_OK(shl_seats_open(heap));
}

// Another thread still has its slot when the heap is closed: its entry must not lead into the next
// heap of that index.
struct lasting {
  pthread_barrier_t barrier;
  bool cleared;
};

static void *outlast_the_heap(void *argument) {
  struct lasting *lasting = argument;
  unsigned index = heap->index;
  EXPECT_NE(0, shoal_alloc(heap, 64, 0));
  pthread_barrier_wait(&lasting->barrier);
  pthread_barrier_wait(&lasting->barrier);
  lasting->cleared = shl_thread_seats[index].slot == NULL;
  return NULL;
}

static void closing_a_heap_clears_it_in_all_threads(void) {
  struct lasting lasting = {.cleared = false};
  pthread_t thread;
  unsigned index = heap->index;
  ASSERT_EQ(0, pthread_barrier_init(&lasting.barrier, NULL, 2));
  ASSERT_EQ(0, pthread_create(&thread, NULL, outlast_the_heap, &lasting));
  pthread_barrier_wait(&lasting.barrier);
  stand_close(heap);
  heap = stand_open(0);
  EXPECT_EQ(index, heap->index);
  pthread_barrier_wait(&lasting.barrier);
  EXPECT_EQ(0, pthread_join(thread, NULL));
  EXPECT_EQ(0, pthread_barrier_destroy(&lasting.barrier));
  EXPECT(lasting.cleared);
}

SUITE(seat, SET_UP(open_heap), TEAR_DOWN(close_heap),
      TEST(a_thread_takes_a_slot_at_its_first_allocation),
      TEST(an_ending_thread_leaves_its_slot_to_the_next),
      TEST(slots_of_threads_that_come_and_go_are_used_again),
      TEST(threads_beyond_the_table_share_the_spare_slot),
      TEST(without_a_slot_everything_works_under_the_spare_one),
      TEST(a_slot_that_becomes_available_is_taken_again),
      TEST(threads_that_take_slots_notice_the_dead),
      TEST(a_freeing_thread_takes_no_orphans_memory),
      TEST(a_thread_that_freed_first_changes_to_an_orphan_to_allocate),
      TEST(a_step_cut_short_is_settled_at_the_next_call),
      TEST(a_claim_left_by_a_cut_call_is_let_go), TEST(an_idle_thread_gives_its_slot_away),
      TEST(after_its_end_a_thread_uses_the_spare_slot), TEST(closing_gives_every_slot_back),
      TEST(closing_a_heap_clears_it_in_all_threads))
