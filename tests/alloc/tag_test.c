// SPDX-License-Identifier: MIT
// Goal: a tagged block is a block like any other, of 8 bytes less, and keeps its tag until that is
// taken off, whatever is done with it.
// Method: sizes over slabs, runs and whole chunks through each call; slabs filled, freed by their
// owner and by others; misuse of each kind.
#include "alloc/tag.h"

#include <shoal/exact.h>
#include <shoal/inspect.h>
#include <shoal/orphans.h>

#include <string.h>

#include "alloc/grant.h"
#include "alloc/partial.h"
#include "tests/alloc/seats.h"
#include "tests/harness/harness.h"

enum { WIDE = 6000, WIDE_CLASS = 52, FEW = 100 };

static const size_t sizes[] = {0,       1,       8,       9,       24,      25,
                               4088,    4096,    32760,   32761,   40952,   40953,
                               1 << 19, 1048568, 1048569, 1 << 20, 2 << 20, 5 << 20};

static unsigned reports;

static void open_heap(void) {
  seats_open(stand_open(0), STAND_STOPPED);
  heap->on_misuse = stand_count_misuse;
  heap->on_misuse_context = &reports;
  reports = 0;
}

static shoal_off alloc_tagged(size_t size) {
  shoal_off off = shoal_alloc(heap, size, SHOAL_TAGGED);
  EXPECT_NE(0, off);
  return off;
}

static uint64_t tag_of(shoal_off off) {
  return *stand_tag_of(heap, off);
}

static void expect_zero(shoal_off off, size_t size) {
  const unsigned char *bytes = shoal_ptr(heap, off);
  size_t zeros = 0;
  while (zeros < size && bytes[zeros] == 0) zeros++;
  EXPECT_EQ(size, zeros);
}

static void each_size_holds_what_was_asked_and_a_tag(void) {
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    shoal_off off = alloc_tagged(sizes[i]);
    size_t usable = shoal_usable_size(heap, shoal_ptr(heap, off));
    EXPECT_LE(sizes[i], usable);
    memset(shoal_ptr(heap, off), 0xa5, usable);
    EXPECT_EQ(shl_tag_here(heap), tag_of(off));
    EXPECT_OK(shoal_free_offset(heap, off));
    off = shoal_alloc(heap, sizes[i], SHOAL_TAGGED | SHOAL_ZERO);
    expect_zero(off, sizes[i]);
    EXPECT_EQ(shl_tag_here(heap), tag_of(off));
    EXPECT_OK(shoal_free_offset(heap, off));
  }
  EXPECT_EQ(0, stand_live(heap));
}

static void a_tag_takes_eight_bytes_of_a_slab_or_a_run(void) {
  const size_t asked[] = {1, 8, 9, 40, 4088, 40952};
  const size_t usable[] = {8, 8, 24, 40, 4088, 40952};
  for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
    shoal_off off = alloc_tagged(asked[i]);
    EXPECT_EQ(usable[i], shoal_usable_size(heap, shoal_ptr(heap, off)));
  }
}

static void alignments_are_kept(void) {
  for (uint64_t alignment = 16; alignment <= 2 << 20; alignment *= 2) {
    shoal_off off = shoal_alloc(heap, (size_t)alignment, SHOAL_TAGGED | SHOAL_ALIGN(alignment));
    EXPECT_NE(0, off);
    EXPECT_EQ(0, off % alignment);
    EXPECT_EQ(shl_tag_here(heap), tag_of(off));
    EXPECT_OK(shoal_free_offset(heap, off));
  }
}

// From each size to each other.
static void expect_resized(size_t from, size_t to, bool tagged) {
  size_t kept = from < to ? from : to;
  shoal_off off = alloc_tagged(from);
  if (!tagged) EXPECT_OK(shoal_untag(heap, off));
  memset(shoal_ptr(heap, off), 0x3c, from);
  unsigned char *bytes = shoal_realloc(heap, shoal_ptr(heap, off), to);
  EXPECT(bytes != NULL);
  size_t same = 0;
  while (same < kept && bytes[same] == 0x3c) same++;
  EXPECT_EQ(kept, same);
  EXPECT_LE(to, shoal_usable_size(heap, bytes));
  EXPECT_EQ(tagged ? 1 : 0, stand_tagged(heap));
  EXPECT_EQ(1, stand_live(heap));
  memset(bytes, 0x7e, to);
  EXPECT_EQ(tagged ? 1 : 0, stand_tagged(heap));
  shoal_free(heap, bytes);
}

static void a_tag_goes_with_a_realloc(void) {
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
      expect_resized(sizes[i], sizes[k], true);
      expect_resized(sizes[i], sizes[k], false);
    }
  }
}

static bool is_where_tags_are(shoal_off off) {
  struct shl_place place;
  EXPECT_EQ(0, shl_block_at(heap, off, &place));
  return place.tagged;
}

static void what_a_word_names_has_no_tag(void) {
  shoal_off *word = shoal_calloc(heap, 1, sizeof *word);
  shoal_off off = 0;
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    EXPECT_OK(shoal_alloc_to(heap, word, sizes[i], SHOAL_TAGGED));
    EXPECT_EQ(0, stand_tagged(heap));
    EXPECT_OK(shoal_free_from(heap, word));
    EXPECT_OK(shoal_reserve(heap, sizes[i], SHOAL_TAGGED, &off));
    EXPECT_EQ(0, stand_tagged(heap));
    EXPECT_OK(shoal_cancel(heap, off));
    *word = alloc_tagged(sizes[i]);
    EXPECT_OK(shoal_realloc_to(heap, word, sizes[i]));
    EXPECT_EQ(0, stand_tagged(heap));
    EXPECT(!is_where_tags_are(*word));
    EXPECT_OK(shoal_free_from(heap, word));
    *word = alloc_tagged(sizes[i]);
    EXPECT_OK(shoal_free_from(heap, word));
  }
  EXPECT_EQ(1, stand_live(heap));
}

static void a_publication_ends_the_tag_of_ones_own(void) {
  shoal_off *word = shoal_calloc(heap, 1, sizeof *word);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    shoal_off off = alloc_tagged(sizes[i]);
    EXPECT_OK(shoal_publish(heap, word, off));
    EXPECT_EQ(off, *word);
    EXPECT_EQ(0, tag_of(off));
    EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_publish(heap, word, off));
    *stand_tag_of(heap, off) = shl_tag_encode(STAND_STOPPED, 1);
    EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_publish(heap, word, off));
    EXPECT_OK(shoal_free_from(heap, word));
    EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_publish(heap, word, off));
  }
  EXPECT_EQ(0, reports);
}

static void untagging_asks_for_a_block(void) {
  shoal_off off = alloc_tagged(WIDE), plain = shoal_alloc(heap, WIDE, 0);
  EXPECT_OK(shoal_untag(heap, off));
  EXPECT_EQ(0, tag_of(off));
  EXPECT_OK(shoal_untag(heap, off));
  EXPECT_OK(shoal_untag(heap, plain));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_untag(NULL, off));
  EXPECT_STATUS(SHOAL_E_MISUSE, shoal_untag(heap, off + 16));
  EXPECT_OK(shoal_free_offset(heap, off));
  EXPECT_STATUS(SHOAL_E_MISUSE, shoal_untag(heap, off));
  EXPECT_STATUS(SHOAL_E_MISUSE, shoal_untag(heap, 0));
  EXPECT_EQ(3, reports);
}

static void double_frees_and_interior_pointers_are_told(void) {
  const size_t asked[] = {50, WIDE, 50000, 3 << 20};
  for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
    shoal_off off = alloc_tagged(asked[i]);
    (void)alloc_tagged(asked[i]);
    EXPECT_STATUS(SHOAL_E_MISUSE, shoal_free_offset(heap, off + 16));
    EXPECT_OK(shoal_free_offset(heap, off));
    EXPECT_STATUS(SHOAL_E_MISUSE, shoal_free_offset(heap, off));
    EXPECT_EQ(2 * (i + 1), reports);
  }
  shoal_off off = alloc_tagged(WIDE);
  EXPECT_OK(stand_free_in_thread(heap, off));
  EXPECT_STATUS(SHOAL_E_MISUSE, stand_free_in_thread(heap, off));
  EXPECT_STATUS(SHOAL_E_MISUSE, shoal_free_offset(heap, off));
}

static void a_slab_fills_empties_and_is_released(void) {
  shoal_off offs[2 * FEW];
  for (unsigned i = 0; i < 2 * FEW; i++) offs[i] = alloc_tagged(WIDE);
  EXPECT_EQ(2 * FEW, stand_live(heap));
  EXPECT_EQ(2 * FEW, stand_tagged(heap));
  uint64_t slabs = stand_stats(heap).slabs;
  EXPECT_EQ((2 * FEW + 20) / 21, slabs);
  EXPECT(stand_is_clean(heap));
  for (unsigned i = 0; i < 2 * FEW; i += 2) EXPECT_OK(shoal_free_offset(heap, offs[i]));
  EXPECT(stand_is_clean(heap));
  for (unsigned i = 0; i < 2 * FEW; i += 2) offs[i] = alloc_tagged(WIDE);
  EXPECT_EQ(slabs, stand_stats(heap).slabs);
  for (unsigned i = 0; i < 2 * FEW; i++) EXPECT_OK(shoal_free_offset(heap, offs[i]));
  EXPECT_EQ(1, stand_stats(heap).slabs);
  EXPECT_NE(0, shl_partial_head(here, SHL_CLASS_TAGGED + WIDE_CLASS));
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  EXPECT_EQ(0, stand_stats(heap).slabs);
  EXPECT_EQ(0, shl_partial_head(here, SHL_CLASS_TAGGED + WIDE_CLASS));
}

static void no_plain_block_is_of_a_tagged_slab(void) {
  shoal_off tagged = alloc_tagged(40), plain = shoal_alloc(heap, 48, 0);
  EXPECT_NE(tagged >> SHL_UNIT_SHIFT, plain >> SHL_UNIT_SHIFT);
  EXPECT_OK(shoal_free_offset(heap, tagged));
  EXPECT_NE(tagged, shoal_alloc(heap, 48, 0));
  EXPECT_EQ(tagged, alloc_tagged(40));
}

static void what_others_free_comes_back(void) {
  shoal_off offs[21];
  for (unsigned i = 0; i < 21; i++) offs[i] = alloc_tagged(WIDE);
  shoal_off more = alloc_tagged(WIDE);
  EXPECT_OK(shoal_free_offset(heap, more));
  for (unsigned i = 0; i < 21; i++) EXPECT_OK(stand_free_in_thread(heap, offs[i]));
  EXPECT(stand_is_clean(heap));
  EXPECT_EQ(0, stand_live(heap));
  for (uint32_t unit = 0; unit < shl_classes[WIDE_CLASS].units; unit++) {
    uint32_t first = (uint32_t)(offs[0] >> SHL_UNIT_SHIFT);
    EXPECT(shl_desc_pending(shl_load_relaxed_u64(shl_unit_desc(heap, first + unit))));
  }
  for (unsigned i = 0; i < 42; i++) (void)alloc_tagged(WIDE);
  EXPECT_EQ(2, stand_stats(heap).slabs);
}

// A block of somebody else's slab is tagged by who allocates it.
static void an_orphans_slab_serves_where_there_is_no_room(void) {
  struct shl_wish wish = {.bytes = WIDE, .alignment = 16, .flags = SHOAL_TAGGED, .tag = 1};
  shoal_off off = 0;
  EXPECT_OK(shl_grant_in(other, &wish, &off));
  stand_give(other, 0);
  shl_slot_let_go(other);
  while (shoal_alloc(heap, 1 << 20, 0) != 0) continue;
  while (shoal_alloc(heap, 65536, 0) != 0) continue;
  shoal_off next = alloc_tagged(WIDE);
  EXPECT_EQ(off >> 17, next >> 17);
  EXPECT_EQ(shl_tag_here(heap), tag_of(next));
}

static void a_dead_threads_tagged_slabs_are_adopted(void) {
  struct shl_wish wish = {.bytes = WIDE, .alignment = 16, .flags = SHOAL_TAGGED, .tag = 1};
  shoal_off offs[FEW];
  for (unsigned i = 0; i < FEW; i++) EXPECT_OK(shl_grant_in(other, &wish, &offs[i]));
  for (unsigned i = 0; i < FEW; i++) EXPECT_OK(shoal_free_offset(heap, offs[i]));
  stand_die(other);
  EXPECT_EQ(0, stand_live(heap));
  EXPECT_NE(0, stand_stats(heap).slabs);
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  EXPECT_EQ(0, stand_stats(heap).slabs);
}

static int add_bytes(void *context, const shoal_block *block) {
  *(uint64_t *)context += block->bytes;
  return 0;
}

static void the_walk_tells_what_is_the_users(void) {
  uint64_t usable = 0, met = 0;
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    usable += shoal_usable_size(heap, shoal_ptr(heap, alloc_tagged(sizes[i])));
  }
  EXPECT_OK(shoal_walk(heap, add_bytes, &met));
  EXPECT_EQ(usable, met);
  EXPECT_EQ(sizeof sizes / sizeof sizes[0], stand_live(heap));
}

static void a_pin_holds_all_but_the_tag(void) {
  shoal_pin_id pin = 0;
  shoal_off off = alloc_tagged(40952);
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_pin(heap, off, 40953, &pin));
  EXPECT_OK(shoal_pin(heap, off, 40952, &pin));
  EXPECT_OK(shoal_unpin(heap, pin));
}

static void note_text(void *context, shoal_off off, const char *text) {
  (void)off;
  *(const char **)context = text;
}

static void a_tagged_slab_that_no_list_has_is_told(void) {
  const char *told = "";
  (void)alloc_tagged(WIDE);
  shl_a32 *head = &here.slot->tagged_heads[WIDE_CLASS];
  uint32_t unit = shl_load_relaxed_u32(head);
  EXPECT_NE(0, unit);
  shl_store_relaxed_u32(head, 0);
  EXPECT_STATUS(SHOAL_E_CORRUPT, shoal_check(heap, note_text, &told));
  EXPECT_TEXT("A partial slab is not on its owner's list.", told);
  shl_store_relaxed_u32(head, unit);
}

static void a_tag_names_a_process_that_can_be(void) {
  EXPECT(shl_tag_may_be(heap, shl_tag_encode(STAND_PROCESSES, 0xffffff)));
  EXPECT(!shl_tag_may_be(heap, shl_tag_encode(STAND_PROCESSES + 1, 1)));
  EXPECT(!shl_tag_may_be(heap, shl_tag_encode(0, 1)));
  EXPECT(!shl_tag_may_be(heap, shl_tag_encode(1, 1) | UINT64_C(1) << 38));
  uint64_t tag = shl_tag_encode(0x3ffe, 0xabcdef);
  EXPECT_EQ(0x3ffe, shl_tag_process(tag));
  EXPECT_EQ(0xabcdef, shl_tag_generation(tag));
}

SUITE(tag, SET_UP(open_heap), TEAR_DOWN(seats_close),
      TEST(each_size_holds_what_was_asked_and_a_tag),
      TEST(a_tag_takes_eight_bytes_of_a_slab_or_a_run), TEST(alignments_are_kept),
      TEST(a_tag_goes_with_a_realloc), TEST(what_a_word_names_has_no_tag),
      TEST(a_publication_ends_the_tag_of_ones_own), TEST(untagging_asks_for_a_block),
      TEST(double_frees_and_interior_pointers_are_told),
      TEST(a_slab_fills_empties_and_is_released), TEST(no_plain_block_is_of_a_tagged_slab),
      TEST(what_others_free_comes_back), TEST(an_orphans_slab_serves_where_there_is_no_room),
      TEST(a_dead_threads_tagged_slabs_are_adopted), TEST(the_walk_tells_what_is_the_users),
      TEST(a_pin_holds_all_but_the_tag),
      TEST(a_tagged_slab_that_no_list_has_is_told), TEST(a_tag_names_a_process_that_can_be))
