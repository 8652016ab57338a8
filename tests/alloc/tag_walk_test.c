// SPDX-License-Identifier: MIT
// Goal: what a process that is gone has tagged and not published is offered, each block once, to
// one of those who ask, and becomes what the visitor says; nothing else is offered.
// Method: blocks of each kind with tags of a dead and a stopped process, written by hand; holders
// that stand still; two threads that ask at once.
#include <shoal/orphans.h>

#include <pthread.h>

#include "alloc/chunk.h"
#include "alloc/handover.h"
#include "alloc/journal.h"
#include "alloc/pin.h"
#include "alloc/tag.h"
#include "tests/alloc/seats.h"
#include "tests/harness/harness.h"

enum { KINDS = 4, OFFERED_MOST = 64, CROWD = 3000 };

static const size_t sizes[KINDS] = {50, 6000, 50000, 3 << 20};

static shoal_off offs[KINDS];

// What a visitor met, and what it says.
static struct {
  int fate;
  unsigned count;
  shoal_orphan met[OFFERED_MOST];
} offered;

static int note(void *context, const shoal_orphan *orphan) {
  EXPECT_EQ(&offered, context);
  EXPECT_EQ(shl_tag_here(heap), *stand_tag_of(heap, orphan->off));
  if (offered.count < OFFERED_MOST) offered.met[offered.count] = *orphan;
  offered.count++;
  return offered.fate;
}

static shoal_status ask(int fate) {
  offered.fate = fate;
  offered.count = 0;
  return shoal_orphans(heap, note, &offered);
}

static void set_tags(uint32_t process) {
  for (unsigned i = 0; i < KINDS; i++) {
    *stand_tag_of(heap, offs[i]) = shl_tag_encode(process, 1);
  }
}

static void open_heap(void) {
  seats_open(stand_open(0), STAND_STOPPED);
  for (unsigned i = 0; i < KINDS; i++) {
    offs[i] = shoal_alloc(heap, sizes[i], SHOAL_TAGGED);
    (void)shoal_alloc(heap, sizes[i], 0);
  }
  set_tags(STAND_DEAD);
}

static void the_deads_blocks_of_each_kind_are_offered(void) {
  EXPECT_OK(ask(SHOAL_ORPHAN_KEEP));
  EXPECT_EQ(KINDS, offered.count);
  shoal_off before = 0;
  for (unsigned i = 0; i < KINDS; i++) {
    unsigned kind = 0;
    while (kind < KINDS && offs[kind] != offered.met[i].off) kind++;
    EXPECT_LT(kind, KINDS);
    EXPECT_LT(before, offered.met[i].off);
    before = offered.met[i].off;
    EXPECT_EQ(shoal_usable_size(heap, shoal_ptr(heap, before)), offered.met[i].bytes);
    EXPECT_EQ(offered.met[0].owner, offered.met[i].owner);
  }
}

static void what_is_kept_is_offered_again(void) {
  EXPECT_OK(ask(SHOAL_ORPHAN_KEEP));
  EXPECT_OK(ask(77));
  EXPECT_EQ(KINDS, offered.count);
  EXPECT_EQ(2 * KINDS, stand_live(heap));
}

static void what_is_adopted_is_the_callers(void) {
  EXPECT_OK(ask(SHOAL_ORPHAN_ADOPT));
  EXPECT_EQ(KINDS, offered.count);
  EXPECT_OK(ask(SHOAL_ORPHAN_ADOPT));
  EXPECT_EQ(0, offered.count);
  for (unsigned i = 0; i < KINDS; i++) {
    EXPECT_EQ(shl_tag_here(heap), *stand_tag_of(heap, offs[i]));
    EXPECT_OK(shoal_untag(heap, offs[i]));
  }
  EXPECT_EQ(2 * KINDS, stand_live(heap));
}

static void what_is_freed_is_gone(void) {
  EXPECT_OK(ask(SHOAL_ORPHAN_FREE));
  EXPECT_EQ(KINDS, offered.count);
  EXPECT_EQ(KINDS, stand_live(heap));
  EXPECT_OK(ask(SHOAL_ORPHAN_FREE));
  EXPECT_EQ(0, offered.count);
}

static void the_livings_blocks_stay(void) {
  set_tags(STAND_STOPPED);
  EXPECT_OK(ask(SHOAL_ORPHAN_FREE));
  EXPECT_EQ(0, offered.count);
  for (unsigned i = 0; i < KINDS; i++) EXPECT_OK(shoal_untag(heap, offs[i]));
  EXPECT_OK(ask(SHOAL_ORPHAN_FREE));
  EXPECT_EQ(0, offered.count);
}

static void a_free_block_is_not_offered(void) {
  for (unsigned i = 0; i < KINDS; i++) {
    shl_a64 *tag = (shl_a64 *)stand_tag_of(heap, offs[i]);
    EXPECT_OK(i % 2 == 0 ? shoal_free_offset(heap, offs[i])
                         : stand_free_in_thread(heap, offs[i]));
    shl_store_release_u64(tag, shl_tag_encode(STAND_DEAD, 1));
  }
  EXPECT_OK(ask(SHOAL_ORPHAN_FREE));
  EXPECT_EQ(0, offered.count);
}

// Block ends may have been written over.
static void what_can_be_no_tag_is_left(void) {
  for (unsigned i = 0; i < KINDS; i++) {
    *stand_tag_of(heap, offs[i]) = shl_tag_encode(STAND_DEAD, 1) | UINT64_C(1) << (38 + i);
  }
  EXPECT_OK(ask(SHOAL_ORPHAN_FREE));
  EXPECT_EQ(0, offered.count);
}

// A run that is no tagged one may hold at its end what looks like a tag.
static void a_plain_block_is_not_asked_for_a_tag(void) {
  for (unsigned i = 0; i < KINDS; i++) EXPECT_OK(shoal_untag(heap, offs[i]));
  for (unsigned i = 0; i < KINDS; i++) {
    shoal_off off = shoal_alloc(heap, sizes[i], 0);
    size_t words = shoal_usable_size(heap, shoal_ptr(heap, off)) / 8;
    ((uint64_t *)shoal_ptr(heap, off))[words - 1] = shl_tag_encode(STAND_DEAD, 1);
  }
  EXPECT_OK(ask(SHOAL_ORPHAN_FREE));
  EXPECT_EQ(0, offered.count);
}

static void a_chunk_that_is_held_is_left_out(void) {
  shl_a64 *word = &shl_chunk_row(heap, (uint32_t)(offs[0] >> SHL_CHUNK_SHIFT))->word;
  uint64_t before = shl_load_relaxed_u64(word);
  uint32_t chunk = (uint32_t)(offs[0] >> SHL_CHUNK_SHIFT);
  shl_journal_set(other.slot, SHL_J_CHUNK, chunk, 0);
  shl_store_release_u64(&shl_owner_row(heap, shl_seat_id(other))->thread, 1);
  shl_store_release_u64(word, shl_chunk_encode(SHL_CHUNK_MIXED, shl_seat_id(other), 0));
  EXPECT_STATUS(SHOAL_E_BUSY, ask(SHOAL_ORPHAN_FREE));
  EXPECT_EQ(1, offered.count);
  EXPECT_EQ(offs[KINDS - 1], offered.met[0].off);
  shl_store_release_u64(word, before);
  shl_journal_clear(other.slot);
  EXPECT_OK(ask(SHOAL_ORPHAN_FREE));
  EXPECT_EQ(KINDS - 1, offered.count);
}

// A free that the dead was killed in is another's to finish just then.
static void what_is_being_recovered_is_waited_for(void) {
  shl_journal_set(other.slot, SHL_J_HFREE1, (uint32_t)(offs[KINDS - 1] >> SHL_CHUNK_SHIFT), 2);
  EXPECT_STATUS(SHOAL_E_BUSY, ask(SHOAL_ORPHAN_FREE));
  EXPECT_EQ(0, offered.count);
  stand_die(other);
  EXPECT_OK(ask(SHOAL_ORPHAN_FREE));
  EXPECT_EQ(KINDS - 1, offered.count);
  EXPECT_EQ(KINDS, stand_live(heap));
}

// The dead's free of a huge block is finished before anybody is offered the block.
static void a_free_of_the_deads_comes_first(void) {
  shl_journal_set(other.slot, SHL_J_HFREE1, (uint32_t)(offs[KINDS - 1] >> SHL_CHUNK_SHIFT), 2);
  stand_give(other, STAND_DEAD);
  EXPECT_OK(ask(SHOAL_ORPHAN_ADOPT));
  EXPECT_EQ(KINDS - 1, offered.count);
  EXPECT_EQ(2 * KINDS - 1, stand_live(heap));
}

// So is a call of the dead's that had its commit: the block is met before, and free afterwards.
static void a_call_of_the_deads_comes_first(void) {
  shoal_off *word = shoal_calloc(heap, 1, sizeof *word);
  const uint64_t *tags[KINDS];
  for (unsigned i = 0; i < KINDS - 1; i++) {
    tags[i] = stand_tag_of(heap, offs[i]);
    struct shl_record record = {
        .op = SHL_JA_FREE_FROM, .dest = shoal_offset(heap, word), .block = offs[i]};
    struct shl_seat dead = stand_other(heap, 0);
    struct shl_place place;
    EXPECT_EQ(0, shl_block_at(heap, offs[i], &place));
    shl_handover_mark(heap, &place);
    shl_record_stand(dead.slot, &record);
    stand_give(dead, STAND_DEAD);
  }
  EXPECT_OK(ask(SHOAL_ORPHAN_ADOPT));
  EXPECT_EQ(1, offered.count);
  EXPECT_EQ(offs[KINDS - 1], offered.met[0].off);
  EXPECT_EQ(2 * KINDS + 1 - (KINDS - 1), stand_live(heap));
  for (unsigned i = 0; i < KINDS - 1; i++) EXPECT_EQ(shl_tag_encode(STAND_DEAD, 1), *tags[i]);
}

static void a_full_table_of_pins_is_told(void) {
  shoal_pin_id pins[16];
  for (unsigned i = 0; i < 16; i++) EXPECT_OK(shoal_pin(heap, offs[0], 8, &pins[i]));
  EXPECT_STATUS(SHOAL_E_LIMIT, ask(SHOAL_ORPHAN_FREE));
  EXPECT_EQ(0, offered.count);
  for (unsigned i = 0; i < 16; i++) EXPECT_OK(shoal_unpin(heap, pins[i]));
  EXPECT_OK(ask(SHOAL_ORPHAN_FREE));
  EXPECT_EQ(KINDS, offered.count);
  EXPECT_EQ(0, stand_stats(heap).pins);
}

static void arguments_are_asked_for(void) {
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_orphans(NULL, note, NULL));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_orphans(heap, NULL, NULL));
  heap->read_only = true;
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_orphans(heap, note, NULL));
  EXPECT_STATUS(SHOAL_E_READ_ONLY, shoal_untag(heap, offs[0]));
  heap->read_only = false;
}

// The visitor frees, resizes and allocates itself, and asks again.
static int work(void *context, const shoal_orphan *orphan) {
  unsigned *turn = context;
  void *ptr = shoal_ptr(heap, orphan->off);
  EXPECT_OK(ask(SHOAL_ORPHAN_KEEP));
  EXPECT_EQ(KINDS - 1 - *turn, offered.count);
  if (*turn == 0) shoal_free(heap, ptr);
  if (*turn == 1) EXPECT(shoal_realloc(heap, ptr, 300000) != NULL);
  if (*turn == 2) EXPECT_OK(shoal_untag(heap, orphan->off));
  (*turn)++;
  return SHOAL_ORPHAN_ADOPT;
}

static void a_visitor_does_what_it_likes(void) {
  unsigned turn = 0;
  EXPECT_OK(shoal_orphans(heap, work, &turn));
  EXPECT_EQ(KINDS, turn);
  EXPECT_EQ(2 * KINDS - 1, stand_live(heap));
  EXPECT_EQ(2, stand_tagged(heap));
}

static shl_a64 taken;

static int take_alternately(void *context, const shoal_orphan *orphan) {
  (void)orphan;
  uint64_t *count = context;
  (void)shl_add_relaxed_u64(&taken, 1);
  return ++*count % 2 == 0 ? SHOAL_ORPHAN_ADOPT : SHOAL_ORPHAN_FREE;
}

static void *ask_in_thread(void *argument) {
  uint64_t count = 0;
  (void)argument;
  EXPECT_OK(shoal_orphans(heap, take_alternately, &count));
  return NULL;
}

static void of_several_who_ask_one_is_offered_a_block(void) {
  unsigned crowd = (unsigned)test_rounds(CROWD);
  for (unsigned i = 0; i < crowd; i++) {
    shoal_off off = shoal_alloc(heap, i % 64 == 0 ? sizes[2] : sizes[0], SHOAL_TAGGED);
    *stand_tag_of(heap, off) = shl_tag_encode(STAND_DEAD, 1 + i % 300);
  }
  shl_store_release_u64(&taken, 0);
  pthread_t threads[2];
  for (unsigned i = 0; i < 2; i++) {
    ASSERT_EQ(0, pthread_create(&threads[i], NULL, ask_in_thread, NULL));
  }
  for (unsigned i = 0; i < 2; i++) ASSERT_EQ(0, pthread_join(threads[i], NULL));
  EXPECT_EQ(crowd + KINDS, shl_load_acquire_u64(&taken));
  EXPECT_OK(ask(SHOAL_ORPHAN_KEEP));
  EXPECT_EQ(0, offered.count);
  EXPECT_EQ(stand_tagged(heap) + KINDS, stand_live(heap));
}

SUITE(tag_walk, SET_UP(open_heap), TEAR_DOWN(seats_close),
      TEST(the_deads_blocks_of_each_kind_are_offered), TEST(what_is_kept_is_offered_again),
      TEST(what_is_adopted_is_the_callers), TEST(what_is_freed_is_gone),
      TEST(the_livings_blocks_stay), TEST(a_free_block_is_not_offered),
      TEST(what_can_be_no_tag_is_left), TEST(a_plain_block_is_not_asked_for_a_tag),
      TEST(a_chunk_that_is_held_is_left_out), TEST(what_is_being_recovered_is_waited_for),
      TEST(a_free_of_the_deads_comes_first),
      TEST(a_call_of_the_deads_comes_first), TEST(a_full_table_of_pins_is_told),
      TEST(arguments_are_asked_for), TEST(a_visitor_does_what_it_likes),
      TEST(of_several_who_ask_one_is_offered_a_block))
