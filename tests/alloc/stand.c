// SPDX-License-Identifier: MIT
#include "tests/alloc/stand.h"

#include <pthread.h>

#include "alloc/block.h"
#include "alloc/hand.h"
#include "alloc/journal.h"
#include "alloc/partial.h"
#include "alloc/refill.h"
#include "alloc/remote.h"
#include "alloc/run.h"
#include "alloc/seat.h"
#include "alloc/slab.h"
#include "alloc/tag.h"
#include "tests/harness/harness.h"

static bool is_dead(const struct shl_region *region, uint32_t process, uint32_t generation) {
  (void)region;
  (void)generation;
  return process == STAND_DEAD;
}

static shoal_heap *open_heap(uint64_t capacity, unsigned threads, uint64_t limit_bytes) {
  shoal_heap *heap = NULL;
  shoal_options options = {.size = sizeof options,
                           .kind = SHOAL_KIND_PRIVATE,
                           .flags = SHOAL_CREATE,
                           .capacity = capacity,
                           .max_processes = STAND_PROCESSES,
                           .max_threads = threads,
                           .max_roots = 16,
                           .max_pins = 16,
                           .limit_bytes = limit_bytes};
  EXPECT_OK(shoal_open(NULL, &options, &heap));
  if (heap != NULL) heap->region->is_dead = is_dead;
  return heap;
}

shoal_heap *stand_open(uint64_t limit_bytes) {
  return open_heap(STAND_CAPACITY, STAND_THREADS, limit_bytes);
}

shoal_heap *stand_open_small(void) {
  return open_heap(12 << 20, 2, 0);
}

shoal_heap *stand_open_tiny(void) {
  return open_heap(6 << 20, 2, 0);
}

static void fail_on_report(void *context, shoal_off off, const char *text) {
  (void)context;
  FAIL("at 0x%llx: %s", (unsigned long long)off, text);
}

bool stand_is_clean(shoal_heap *heap) {
  return shoal_check(heap, fail_on_report, NULL) == SHOAL_OK;
}

void stand_close(shoal_heap *heap) {
  if (heap == NULL) return;
  EXPECT(stand_is_clean(heap));
  EXPECT_OK(shoal_close(heap));
}

struct shl_seat stand_here(shoal_heap *heap) {
  struct shl_seat seat;
  EXPECT_OK(shl_seat_enter(heap, &seat));
  shl_seat_leave(seat);
  return seat;
}

struct shl_seat stand_other(shoal_heap *heap, uint32_t process) {
  struct shl_seat seat = {.heap = heap};
  EXPECT_OK(shl_slot_take(heap, SHL_SLOT_FREE_FIRST, &seat));
  if (seat.slot != NULL) stand_give(seat, process);
  return seat;
}

void stand_give(struct shl_seat seat, uint32_t process) {
  struct shl_owner_word word = shl_owner_read(seat.heap, shl_seat_id(seat));
  const struct shl_region *region = seat.heap->region;
  word.state = SHL_OWNER_OWNED;
  word.process = process != 0 ? process : region->process;
  word.process_generation = process != 0 ? 1 : region->process_generation;
  shl_store_release_u64(&shl_owner_row(seat.heap, shl_seat_id(seat))->word, shl_owner_encode(word));
}

void stand_die(struct shl_seat seat) {
  stand_give(seat, STAND_DEAD);
  EXPECT(shl_slot_recover(seat.heap, shl_seat_id(seat)));
  EXPECT_EQ(0, stand_journal(seat));
}

uint64_t stand_journal(struct shl_seat seat) {
  return shl_load_relaxed_u64(&seat.slot->journal);
}

uint32_t stand_slab(struct shl_seat seat, unsigned class_index) {
  EXPECT_OK(shl_slab_new(seat, class_index, true));
  EXPECT_EQ(0, stand_journal(seat));
  return shl_partial_head(seat, class_index);
}

shoal_off stand_alloc(struct shl_seat seat, size_t size) {
  unsigned class_index = shl_class_of(size);
  uint64_t off = shl_hand_pop(&seat.slot->hands[class_index]);
  struct shl_wish wish = {.bytes = size};
  if (off == 0) EXPECT_OK(shl_refill_pop(seat, class_index, &wish, &off));
  return off;
}

void stand_free(struct shl_seat seat, shoal_off off) {
  struct stand_bit at = stand_bit_of(seat.heap, off);
  uint32_t owner = shl_desc_owner(shl_load_relaxed_u64(shl_unit_desc(seat.heap, at.unit)));
  if (seat.slot == NULL || owner != shl_seat_id(seat)) {
    struct shl_remote_block block = {
        .unit = at.unit, .owner = owner, .word = at.word, .bit = at.bit};
    EXPECT(shl_remote_free(seat, &block));
    return;
  }
  shl_a64 *word = &at.hot->free[at.word];
  uint64_t bits = shl_load_relaxed_u64(word);
  if (bits == 0) {
    shl_slab_free_first(seat, at.unit, at.word, at.bit);
  } else {
    shl_store_release_u64(word, bits | at.bit);
  }
}

bool stand_free_run(struct shl_seat seat, shoal_off off) {
  uint32_t chunk = (uint32_t)(off >> SHL_CHUNK_SHIFT);
  unsigned page = (unsigned)(off >> SHL_PAGE_SHIFT) % SHL_PAGES_PER_CHUNK;
  bool freed = shl_run_free(seat.heap, chunk, page);
  if (freed) shl_run_settle(seat, chunk);
  return freed;
}

struct stand_bit stand_bit_of(shoal_heap *heap, shoal_off off) {
  struct shl_place place = {.unit = 0};
  EXPECT_EQ(0, shl_block_at(heap, off, &place));
  EXPECT_EQ(SHL_BLOCK_SLAB, place.kind);
  return (struct stand_bit){.unit = place.unit,
                            .class_index = shl_desc_class(place.desc),
                            .word = place.word,
                            .bit = place.bit,
                            .hot = shl_hot_row(heap, place.unit),
                            .remote = shl_remote_row(heap, place.unit),
                            .row = shl_chunk_row(heap, place.chunk)};
}

shoal_heap_stats stand_stats(shoal_heap *heap) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(heap, &stats));
  EXPECT_EQ(stats.capacity,
            stats.metadata + stats.live + stats.cached + stats.free + stats.uncommitted);
  return stats;
}

uint64_t stand_live(shoal_heap *heap) {
  return stand_stats(heap).live_blocks;
}

static uint64_t *find_tag(shoal_heap *heap, shoal_off off) {
  struct shl_place place;
  if (shl_block_at(heap, off, &place) != 0) return NULL;
  return (uint64_t *)(uintptr_t)shl_tag_word(heap, off, &place);
}

static int count_tagged(void *context, const shoal_block *block) {
  void **both = context;
  const uint64_t *tag = find_tag(both[0], block->off);
  if (tag != NULL && *tag != 0) ++*(uint64_t *)both[1];
  return 0;
}

uint64_t stand_tagged(shoal_heap *heap) {
  uint64_t count = 0;
  void *context[] = {heap, &count};
  EXPECT_OK(shoal_walk(heap, count_tagged, context));
  return count;
}

uint64_t *stand_tag_of(shoal_heap *heap, shoal_off off) {
  uint64_t *tag = find_tag(heap, off);
  EXPECT(tag != NULL);
  return tag;
}

void stand_count_misuse(shoal_heap *heap, shoal_misuse what, shoal_off off, const char *text,
                        void *context) {
  (void)heap;
  (void)what;
  (void)off;
  (void)text;
  ++*(unsigned *)context;
}

void stand_in_thread(void *(*work)(void *), void *argument) {
  pthread_t thread;
  ASSERT_EQ(0, pthread_create(&thread, NULL, work, argument));
  ASSERT_EQ(0, pthread_join(thread, NULL));
}

struct errand {
  shoal_heap *heap;
  shoal_off off;
  shoal_status status;
};

static void *run_errand(void *argument) {
  struct errand *errand = argument;
  errand->status = shoal_free_offset(errand->heap, errand->off);
  return NULL;
}

shoal_status stand_free_in_thread(shoal_heap *heap, shoal_off off) {
  struct errand errand = {.heap = heap, .off = off, .status = SHOAL_E_SYSTEM};
  stand_in_thread(run_errand, &errand);
  return errand.status;
}
