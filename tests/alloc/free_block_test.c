// SPDX-License-Identifier: MIT
// Goal: a free in two parts frees in the first and gives back in the second, whatever the block is.
// Method: one block of each kind, looked at between the two.
#include "alloc/free_block.h"

#include "alloc/chunk.h"
#include "alloc/huge.h"
#include "alloc/run.h"
#include "alloc/slab.h"
#include "tests/alloc/seats.h"
#include "tests/harness/harness.h"

enum { WIDE = 6000 };

static void open_heap(void) {
  seats_open(stand_open(0), 0);
}

static struct shl_place find(shoal_off off) {
  struct shl_place place = {.unit = 0};
  EXPECT_EQ(0, shl_block_at(heap, off, &place));
  return place;
}

static void a_slab_goes_in_the_second_part(void) {
  unsigned blocks = shl_classes[shl_class_of(WIDE)].blocks;
  shoal_off offs[64];
  for (unsigned i = 0; i < blocks; i++) offs[i] = stand_alloc(here, WIDE);
  shoal_off kept = stand_alloc(here, WIDE);
  for (unsigned i = 1; i < blocks; i++) stand_free(here, offs[i]);
  struct shl_place place = find(offs[0]);
  EXPECT(shl_free_block(here, &place));
  EXPECT(!shl_free_block(here, &place));
  EXPECT_NE(0, shl_desc_class(shl_load_relaxed_u64(shl_unit_desc(heap, place.unit))));
  shl_free_block_settle(here, &place);
  EXPECT_EQ(0, shl_desc_class(shl_load_relaxed_u64(shl_unit_desc(heap, place.unit))));
  stand_free(here, kept);
}

static void anothers_block_is_left_to_its_owner(void) {
  struct shl_place place = find(stand_alloc(other, WIDE));
  struct shl_seat nobody = {.heap = heap};
  EXPECT(shl_free_block(nobody, &place));
  EXPECT(!shl_free_block(here, &place));
  shl_free_block_settle(here, &place);
  EXPECT_NE(0, shl_load_relaxed_u64(&shl_remote_row(heap, place.unit)->freed[place.word]));
}

static void pages_go_in_the_second_part(void) {
  struct shl_run_request request = {.pages = 20, .align_pages = 1};
  uint64_t off = 0, kept = 0;
  EXPECT_OK(shl_run_alloc(here, request, false, &off));
  EXPECT_OK(shl_run_alloc(here, request, false, &kept));
  struct shl_place place = find(off);
  EXPECT(shl_free_block(here, &place));
  EXPECT(!shl_free_block(here, &place));
  EXPECT_NE(0, shl_run_word(heap, place.chunk, place.page));
  shl_free_block_settle(here, &place);
  EXPECT_EQ(0, shl_run_word(heap, place.chunk, place.page));
  EXPECT(stand_free_run(here, kept));
}

static void whole_chunks_go_at_once(void) {
  struct shl_wish wish = {.bytes = 5 << 20, .alignment = 16};
  uint64_t off = 0;
  EXPECT_OK(shl_huge_alloc(here, &wish, &off));
  struct shl_place place = find(off);
  EXPECT(shl_free_block(other, &place));
  EXPECT(!shl_free_block(here, &place));
  EXPECT_EQ(SHL_CHUNK_FREE, shl_chunk_read(heap, place.chunk).state);
  EXPECT_EQ(0, stand_journal(here));
  shl_free_block_settle(here, &place);
}

SUITE(free_block, SET_UP(open_heap), TEAR_DOWN(seats_close), TEST(a_slab_goes_in_the_second_part),
      TEST(anothers_block_is_left_to_its_owner), TEST(pages_go_in_the_second_part),
      TEST(whole_chunks_go_at_once))
