// SPDX-License-Identifier: MIT
// Goal: the data is cut into parts without gaps, whatever stands in it, and a byte leads to its
// block. Method: a heap with one of everything; words spoilt at random.
#include "alloc/census.h"

#include "alloc/chunk.h"
#include "alloc/journal.h"
#include "alloc/run.h"
#include "tests/alloc/populated.h"
#include "tests/harness/harness.h"

static struct populated populated;

static void open_heap(void) {
  EXPECT(populated_open(&populated));
}

static void close_heap(void) {
  populated_close(&populated);
}

// Walks all parts. returns: how many are of the kind; fails where one does not follow the other.
static unsigned count_parts(enum shl_part_kind kind) {
  struct shl_census census;
  struct shl_part part;
  uint32_t chunk = populated.heap->first_chunk;
  unsigned page = 0, count = 0;
  shl_census_begin(&census, populated.heap);
  while (shl_census_next(&census, &part)) {
    EXPECT_EQ(chunk, part.chunk);
    EXPECT_EQ(page, part.page);
    count += part.kind == kind ? 1 : 0;
    page = part.chunks == 0 ? page + part.pages : 0;
    chunk += part.chunks;
    if (page == SHL_PAGES_PER_CHUNK) {
      chunk++;
      page = 0;
    }
  }
  EXPECT_EQ(shl_chunk_high_water(populated.heap), chunk);
  EXPECT_EQ(0, page);
  return count;
}

static void each_part_follows_the_one_before(void) {
  EXPECT_EQ(4, count_parts(SHL_PART_SLAB));
  EXPECT_EQ(1, count_parts(SHL_PART_RUN));
  EXPECT_EQ(1, count_parts(SHL_PART_HUGE));
  EXPECT_EQ(0, count_parts(SHL_PART_FREE));
  EXPECT_EQ(0, count_parts(SHL_PART_BROKEN));
}

static void freed_parts_are_free(void) {
  EXPECT_OK(shoal_unpin(populated.heap, populated.pin));
  EXPECT_OK(shoal_free_offset(populated.heap, populated.huge));
  EXPECT_OK(shoal_free_offset(populated.heap, populated.run));
  EXPECT_EQ(POPULATED_HUGE_CHUNKS, count_parts(SHL_PART_FREE));
  EXPECT_EQ(0, count_parts(SHL_PART_RUN));
}

static void every_byte_of_a_block_leads_to_it(void) {
  const shoal_off starts[] = {populated.small[1], populated.wide, populated.run, populated.huge};
  for (unsigned i = 0; i < 4; i++) {
    shoal_block block;
    uint64_t bytes = shoal_usable_size(populated.heap, shoal_ptr(populated.heap, starts[i]));
    for (uint64_t byte = 0; byte < bytes; byte += 1 + bytes / 1000) {
      EXPECT(shl_block_find(populated.heap, starts[i] + byte, &block));
      EXPECT_EQ(starts[i], block.off);
      EXPECT_EQ(bytes, block.bytes);
    }
    EXPECT(!shl_block_find(populated.heap, starts[i] + bytes, &block) || block.off != starts[i]);
  }
}

static void bytes_in_no_block_lead_nowhere(void) {
  shoal_block block;
  const shoal_off nowhere[] = {0, 4096, populated.heap->view.capacity, UINT64_MAX,
                               populated.heap->view.capacity - 1};
  for (unsigned i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++) {
    EXPECT(!shl_block_find(populated.heap, nowhere[i], &block));
  }
  shoal_off off = populated.small[5];
  EXPECT(shl_block_find(populated.heap, off, &block));
  EXPECT_OK(shoal_free_offset(populated.heap, off));
  EXPECT(!shl_block_find(populated.heap, off, &block));
  populated.small[5] = 0;
}

static void a_journal_names_what_it_works_on(void) {
  shoal_heap *heap = populated.heap;
  uint32_t chunk = heap->first_chunk, unit = chunk * SHL_UNITS_PER_CHUNK + 3;
  struct shl_slot_rec *page = populated_page(&populated);
  const struct shl_journal here[] = {{SHL_J_REFILL, 4, unit, 1},   {SHL_J_COLLECT, 0, unit, 0},
                                     {SHL_J_NEWSLAB, 4, unit, 0},  {SHL_J_CHUNK, 0, chunk, 0},
                                     {SHL_J_RUN, 0, chunk, 7},     {SHL_J_HUGE, 0, chunk, 1},
                                     {SHL_J_HFREE2, 0, chunk, 2},  {SHL_J_HGROW, 0, chunk, 9},
                                     {SHL_J_DRAIN, 0, chunk, 0}};
  for (unsigned i = 0; i < sizeof here / sizeof here[0]; i++) {
    shl_store_relaxed_u64(&page->journal, shl_journal_encode(here[i]));
    EXPECT(shl_census_slot_names(heap, populated.slot, chunk));
    EXPECT(shl_census_is_journalled(heap, chunk));
    EXPECT(!shl_census_slot_names(heap, populated.slot, chunk - 1) || here[i].op == SHL_J_DRAIN);
  }
  shl_journal_set(page, SHL_J_ROOT, chunk, 0);
  EXPECT(!shl_census_is_journalled(heap, chunk));
  shl_journal_clear(page);
}

// Whatever another process writes, the walk ends and reads no row that is not there.
static void spoilt_words_are_survived(void) {
  shoal_heap *heap = populated.heap;
  uint64_t random = 88172645463325252U;
  struct shl_census census;
  struct shl_part part;
  for (uint64_t i = test_rounds(40); i > 0; i--) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    uint32_t chunk = heap->first_chunk + (uint32_t)(random % 4);
    shl_a64 *word = &shl_chunk_row(heap, chunk)->word;
    shl_a32 *run = &shl_run_page(heap, heap->first_chunk)->pages[random / 8 % SHL_PAGES_PER_CHUNK];
    uint64_t word_before = shl_load_relaxed_u64(word);
    uint32_t run_before = shl_load_relaxed_u32(run);
    shl_store_relaxed_u64(word, random % 3 == 0 ? random : word_before);
    shl_store_relaxed_u32(run, (uint32_t)(random >> 32));
    unsigned parts = 0;
    shl_census_begin(&census, heap);
    while (shl_census_next(&census, &part)) parts++;
    EXPECT_LE(parts, 4 * SHL_PAGES_PER_CHUNK);
    shl_store_relaxed_u32(run, run_before);
    shl_store_relaxed_u64(word, word_before);
  }
  EXPECT(populated_is_clean(&populated));
}

SUITE(census, SET_UP(open_heap), TEAR_DOWN(close_heap), TEST(each_part_follows_the_one_before),
      TEST(freed_parts_are_free), TEST(every_byte_of_a_block_leads_to_it),
      TEST(bytes_in_no_block_lead_nowhere), TEST(a_journal_names_what_it_works_on),
      TEST(spoilt_words_are_survived))
