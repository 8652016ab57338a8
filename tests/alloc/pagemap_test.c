// SPDX-License-Identifier: MIT
// Goal: places among 512 pages are found where there are any, the first that fits, aligned.
// Method: a table of maps, then random maps against a page-by-page search.
#include "alloc/pagemap.h"

#include <string.h>

#include "base/bits.h"
#include "tests/harness/harness.h"

enum { PAGES = SHL_PAGEMAP_PAGES, NONE = SHL_PAGEMAP_NONE, MAPS = 3000 };

static void use(struct shl_pagemap *map, unsigned first, unsigned count) {
  for (unsigned page = first; page < first + count; page++) {
    map->words[page / 64] |= UINT64_C(1) << page % 64;
  }
}

static bool is_used(const struct shl_pagemap *map, unsigned page) {
  return (map->words[page / 64] >> page % 64 & 1) != 0;
}

static void an_empty_map_is_one_place(void) {
  struct shl_pagemap map = {{0}};
  EXPECT_EQ(0, shl_pagemap_next(&map, 0, false));
  EXPECT_EQ(NONE, shl_pagemap_next(&map, 0, true));
  EXPECT_EQ(PAGES, shl_pagemap_longest(&map));
  EXPECT_EQ(0, shl_pagemap_find(&map, PAGES, 1));
  EXPECT_EQ(NONE, shl_pagemap_find(&map, PAGES + 1, 1));
  EXPECT(shl_pagemap_is_free(&map, 0, PAGES));
  EXPECT(!shl_pagemap_is_free(&map, 1, PAGES));
}

static void a_full_map_has_no_place(void) {
  struct shl_pagemap map = {{0}};
  use(&map, 0, PAGES);
  EXPECT_EQ(NONE, shl_pagemap_next(&map, 0, false));
  EXPECT_EQ(0, shl_pagemap_longest(&map));
  EXPECT_EQ(NONE, shl_pagemap_find(&map, 1, 1));
  EXPECT(!shl_pagemap_is_free(&map, PAGES - 1, 1));
}

static void places_across_words_are_found(void) {
  struct shl_pagemap map = {{0}};
  use(&map, 0, 60);
  use(&map, 70, PAGES - 70);
  EXPECT_EQ(60, shl_pagemap_find(&map, 10, 1));
  EXPECT_EQ(NONE, shl_pagemap_find(&map, 11, 1));
  EXPECT_EQ(64, shl_pagemap_find(&map, 5, 16));
  EXPECT_EQ(10, shl_pagemap_longest(&map));
}

// Buddies merge by themselves: a power of two goes to its natural alignment where that is free, and
// elsewhere where it is not.
static void powers_of_two_go_to_their_natural_alignment(void) {
  struct shl_pagemap map = {{0}};
  use(&map, 0, 3);
  EXPECT_EQ(3, shl_pagemap_find(&map, 3, 1));
  EXPECT_EQ(4, shl_pagemap_find(&map, 4, 1));
  EXPECT_EQ(8, shl_pagemap_find(&map, 8, 1));
  EXPECT_EQ(256, shl_pagemap_find(&map, 256, 1));
  use(&map, 256, 1);
  EXPECT_EQ(NONE, shl_pagemap_find(&map, 256, 256));
  EXPECT_EQ(NONE, shl_pagemap_find(&map, 256, 1));
  EXPECT_EQ(3, shl_pagemap_find(&map, 253, 1));
}

static unsigned find_slowly(const struct shl_pagemap *map, unsigned count, unsigned align) {
  for (unsigned first = 0; first + count <= PAGES; first += align) {
    unsigned page = first;
    while (page < first + count && !is_used(map, page)) page++;
    if (page == first + count) return first;
  }
  return NONE;
}

static uint64_t next_random(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

static struct shl_pagemap draw_map(uint64_t *random) {
  struct shl_pagemap map = {{0}};
  for (unsigned i = (unsigned)(next_random(random) % 40); i > 0; i--) {
    unsigned first = (unsigned)(next_random(random) % PAGES);
    unsigned count = 1 + (unsigned)(next_random(random) % 30);
    use(&map, first, first + count > PAGES ? PAGES - first : count);
  }
  return map;
}

static void random_maps_agree_with_a_search_page_by_page(void) {
  uint64_t random = 88172645463325252U;
  for (uint64_t i = test_rounds(MAPS); i > 0; i--) {
    struct shl_pagemap map = draw_map(&random);
    unsigned count = 1 + (unsigned)(next_random(&random) % 100);
    unsigned align = 1U << next_random(&random) % 8;
    unsigned expected = find_slowly(&map, count, align);
    bool is_power = (count & (count - 1)) == 0;
    unsigned natural = is_power && count > align ? find_slowly(&map, count, count) : NONE;
    unsigned found = shl_pagemap_find(&map, count, align);
    EXPECT_EQ(natural != NONE ? natural : expected, found);
    if (found != NONE) EXPECT(shl_pagemap_is_free(&map, found, count));
    unsigned longest = shl_pagemap_longest(&map);
    EXPECT(longest == 0 || find_slowly(&map, longest, 1) != NONE);
    EXPECT_EQ(NONE, find_slowly(&map, longest + 1, 1));
  }
}

static void a_words_mask_is_its_part_of_the_pages(void) {
  struct shl_pagemap map = {{0}}, masks;
  const unsigned ranges[][2] = {{0, 1}, {0, 64}, {0, 512}, {63, 2}, {60, 200}, {511, 1}, {64, 64}};
  for (unsigned i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
    memset(&map, 0, sizeof map);
    use(&map, ranges[i][0], ranges[i][1]);
    for (unsigned w = 0; w < SHL_PAGEMAP_WORDS; w++) {
      masks.words[w] = shl_pagemap_mask(w, ranges[i][0], ranges[i][1]);
      EXPECT_EQ(map.words[w], masks.words[w]);
    }
  }
}

SUITE(pagemap, TEST(an_empty_map_is_one_place), TEST(a_full_map_has_no_place),
      TEST(places_across_words_are_found), TEST(powers_of_two_go_to_their_natural_alignment),
      TEST(random_maps_agree_with_a_search_page_by_page),
      TEST(a_words_mask_is_its_part_of_the_pages))
