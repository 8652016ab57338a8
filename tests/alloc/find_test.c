// SPDX-License-Identifier: MIT
// Goal: a run goes where memory is held already before the heap grows, claimed chunks are passed
// by, and "full" is said when all is tried. Method: chunks of a small heap filled and claimed by
// hand.
#include <string.h>

#include "alloc/chunk.h"
#include "alloc/journal.h"
#include "alloc/run.h"
#include "tests/alloc/seats.h"
#include "tests/harness/harness.h"

enum { HALF = 256, WHOLE = 512 };

static uint32_t first;

static void open_heap(void) {
  seats_open(stand_open_small(), STAND_STOPPED);
  first = heap->first_chunk;
}

static shoal_status find(struct shl_run_request request, struct shl_run_place *out) {
  *out = (struct shl_run_place){.chunk = 0};
  request.align_pages = 1;
  shoal_status status = shl_run_find(here, request, out);
  if (status == SHOAL_OK) shl_run_end_claim(here, out->chunk);
  return status;
}

static uint32_t chunk_for(unsigned pages) {
  struct shl_run_request request = {.pages = pages};
  struct shl_run_place place;
  EXPECT_OK(find(request, &place));
  return place.chunk;
}

static uint64_t alloc(unsigned pages) {
  struct shl_run_request request = {.pages = pages, .align_pages = 1};
  uint64_t off = 0;
  EXPECT_OK(shl_run_alloc(here, request, false, &off));
  return off;
}

static uint32_t chunk_of(uint64_t off) {
  return (uint32_t)(off >> SHL_CHUNK_SHIFT);
}

static void free_at(uint64_t off) {
  EXPECT(stand_free_run(here, off));
}

static void the_last_chunk_is_tried_first(void) {
  (void)alloc(WHOLE);
  EXPECT_EQ(first + 1, chunk_of(alloc(HALF)));
  EXPECT_EQ(first + 1, shl_load_relaxed_u32(&here.slot->cursor));
  EXPECT_EQ(first + 1, chunk_for(10));
}

static void room_in_an_earlier_chunk_is_used_before_a_new_one(void) {
  uint64_t low = alloc(WHOLE);
  (void)alloc(WHOLE);
  EXPECT(shl_run_resize(here, chunk_of(low), 0, 100));
  EXPECT_EQ(first, chunk_for(200));
  EXPECT_EQ(first + 2, shl_chunk_high_water(heap));
}

static void the_lowest_free_chunk_comes_before_a_new_one(void) {
  uint64_t offs[3] = {alloc(WHOLE), alloc(WHOLE), alloc(WHOLE)};
  free_at(offs[1]);
  free_at(offs[0]);
  EXPECT_EQ(SHL_CHUNK_FREE, shl_chunk_read(heap, first + 1).state);
  EXPECT_EQ(first, chunk_for(10));
  EXPECT_EQ(first + 3, shl_chunk_high_water(heap));
}

static void a_claimed_chunk_is_passed_by(void) {
  (void)alloc(10);
  EXPECT_EQ(SHL_CLAIM_TAKEN, shl_chunk_claim(other, first));
  EXPECT_EQ(first + 1, chunk_of(alloc(10)));
  shl_run_end_claim(other, first);
}

// Everything that has room is claimed by one who does not move: BUSY, not FULL.
static void room_behind_claims_is_busy_not_full(void) {
  for (uint32_t chunk = first + 1; chunk < heap->chunk_end; chunk++) (void)alloc(WHOLE);
  (void)alloc(10);
  uint32_t last = heap->chunk_end - 1;
  EXPECT_EQ(SHL_CLAIM_TAKEN, shl_chunk_claim(other, last));
  struct shl_run_request request = {.pages = 10};
  struct shl_run_place place;
  EXPECT_STATUS(SHOAL_E_BUSY, find(request, &place));
  EXPECT_EQ(0, stand_journal(here));
  shl_run_end_claim(other, last);
  EXPECT_OK(find(request, &place));
  EXPECT_EQ(last, place.chunk);
}

static void full_is_said_when_nothing_fits(void) {
  for (uint32_t chunk = first; chunk < heap->chunk_end; chunk++) (void)alloc(WHOLE - 1);
  struct shl_run_request request = {.pages = 2};
  struct shl_run_place place;
  EXPECT_STATUS(SHOAL_E_FULL, find(request, &place));
  request.pages = 1;
  EXPECT_OK(find(request, &place));
}

// `room` is a cache that many write: a wrong one costs time, never memory.
static void a_wrong_room_hides_nothing(void) {
  for (uint32_t chunk = first; chunk < heap->chunk_end; chunk++) (void)alloc(HALF + 1);
  for (uint32_t chunk = first; chunk < heap->chunk_end; chunk++) {
    shl_store_relaxed_u16(shl_room(heap, chunk), 0);
  }
  struct shl_run_request request = {.pages = HALF - 1};
  struct shl_run_place place;
  EXPECT_OK(find(request, &place));
  for (uint32_t chunk = first; chunk < heap->chunk_end; chunk++) {
    shl_store_relaxed_u16(shl_room(heap, chunk), SHL_ROOM_FREE);
  }
  EXPECT_OK(find(request, &place));
  request.pages = HALF;
  EXPECT_STATUS(SHOAL_E_FULL, find(request, &place));
}

static void backed_pages_alone_never_raise_the_mark(void) {
  struct shl_run_request request = {.pages = 10, .backed = true};
  struct shl_run_place place;
  EXPECT_STATUS(SHOAL_E_FULL, find(request, &place));
  EXPECT_EQ(first, shl_chunk_high_water(heap));
  (void)alloc(10);
  request.pages = 6;
  EXPECT_OK(find(request, &place));
  EXPECT_EQ(10, place.page);
  request.pages = 7;
  EXPECT_STATUS(SHOAL_E_FULL, find(request, &place));
  EXPECT_EQ(first + 1, shl_chunk_high_water(heap));
}

// Of two FREE chunks only the higher one is backed.
static void backed_pages_are_found_in_any_free_chunk(void) {
  uint64_t offs[2] = {alloc(WHOLE), alloc(WHOLE)};
  free_at(offs[0]);
  free_at(offs[1]);
  EXPECT(shl_chunk_trim(here, first));
  struct shl_run_request request = {.pages = WHOLE, .backed = true};
  struct shl_run_place place;
  EXPECT_OK(find(request, &place));
  EXPECT_EQ(first + 1, place.chunk);
}

// The limit is used up by pages that are free: they are taken instead of new ones.
static void at_the_limit_backed_pages_are_used_again(void) {
  shoal_heap *limited = stand_open(2 << 20);
  struct shl_seat seat = stand_here(limited);
  struct shl_run_request request = {.pages = 500, .align_pages = 1};
  struct shl_run_place place;
  uint64_t off = 0;
  EXPECT_OK(shl_run_alloc(seat, request, false, &off));
  EXPECT(stand_free_run(seat, off));
  shl_store_relaxed_u16(shl_room(limited, limited->first_chunk), 0);
  EXPECT_OK(shl_run_find_backed(seat, request, &place));
  shl_run_end_claim(seat, place.chunk);
  EXPECT_EQ(limited->first_chunk, place.chunk);
  stand_close(limited);
}

SUITE(find, SET_UP(open_heap), TEAR_DOWN(seats_close), TEST(the_last_chunk_is_tried_first),
      TEST(room_in_an_earlier_chunk_is_used_before_a_new_one),
      TEST(the_lowest_free_chunk_comes_before_a_new_one), TEST(a_claimed_chunk_is_passed_by),
      TEST(room_behind_claims_is_busy_not_full), TEST(full_is_said_when_nothing_fits),
      TEST(a_wrong_room_hides_nothing), TEST(backed_pages_alone_never_raise_the_mark),
      TEST(backed_pages_are_found_in_any_free_chunk),
      TEST(at_the_limit_backed_pages_are_used_again))
