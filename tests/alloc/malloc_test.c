// SPDX-License-Identifier: MIT
// Goal: the malloc-shaped calls keep C's rules: sizes at the edges, overflow, alignment, errno.
// Method: tables of arguments; a heap filled, and one opened for reading.
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "alloc/class.h"
#include "alloc/handle.h"
#include "tests/alloc/stand.h"
#include "tests/harness/harness.h"

static shoal_heap *heap;
static unsigned reports;

static void open_heap(void) {
  heap = stand_open(0);
  heap->on_misuse = stand_count_misuse;
  heap->on_misuse_context = &reports;
  reports = 0;
}

static void close_heap(void) {
  stand_close(heap);
}

static void size_0_is_a_block_of_its_own(void) {
  void *first = shoal_malloc(heap, 0), *second = shoal_malloc(heap, 0);
  EXPECT(first != NULL && second != NULL && first != second);
  EXPECT_EQ(16, shoal_usable_size(heap, first));
  void *zeroed = shoal_calloc(heap, 0, 100), *aligned = shoal_aligned_alloc(heap, 64, 0);
  EXPECT(zeroed != NULL && aligned != NULL);
  EXPECT_NE(0, shoal_alloc(heap, 0, SHOAL_ZERO));
  void *resized = shoal_realloc(heap, first, 0);
  EXPECT(resized != NULL);
  EXPECT_EQ(16, shoal_usable_size(heap, resized));
  EXPECT_EQ(5, stand_live(heap));
}

static void impossible_sizes_are_enomem(void) {
  const size_t sizes[] = {(size_t)PTRDIFF_MAX + 1, SIZE_MAX, SIZE_MAX - 15, SIZE_MAX - 4095,
                          PTRDIFF_MAX, SIZE_MAX / 2, STAND_CAPACITY};
  void *old = shoal_malloc(heap, 100);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    errno = 0;
    EXPECT(shoal_malloc(heap, sizes[i]) == NULL);
    EXPECT_EQ(ENOMEM, errno);
    errno = 0;
    EXPECT_EQ(0, shoal_alloc(heap, sizes[i], SHOAL_ZERO));
    EXPECT_EQ(ENOMEM, errno);
    errno = 0;
    EXPECT(shoal_calloc(heap, 1, sizes[i]) == NULL);
    EXPECT_EQ(ENOMEM, errno);
    errno = 0;
    EXPECT(shoal_aligned_alloc(heap, 4096, sizes[i]) == NULL);
    EXPECT_EQ(ENOMEM, errno);
    errno = 0;
    EXPECT(shoal_realloc(heap, old, sizes[i]) == NULL);
    EXPECT_EQ(ENOMEM, errno);
  }
  EXPECT_EQ(1, stand_live(heap));
  EXPECT_EQ(112, shoal_usable_size(heap, old));
}

static void a_product_that_overflows_is_enomem(void) {
  const size_t products[][2] = {{SIZE_MAX, 2}, {2, SIZE_MAX}, {SIZE_MAX / 16 + 1, 16},
                                {(size_t)1 << 32, (size_t)1 << 32}, {SIZE_MAX, SIZE_MAX}};
  for (size_t i = 0; i < sizeof products / sizeof products[0]; i++) {
    errno = 0;
    EXPECT(shoal_calloc(heap, products[i][0], products[i][1]) == NULL);
    EXPECT_EQ(ENOMEM, errno);
  }
  EXPECT(shoal_calloc(heap, SIZE_MAX, 0) != NULL);
  EXPECT_EQ(1, stand_live(heap));
}

static void alignments_are_powers_of_two_up_to_2_mib(void) {
  const size_t wrong[] = {0, 3, 24, 48, 4097, (size_t)1 << 22, (size_t)1 << 63, SIZE_MAX};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    errno = 0;
    EXPECT(shoal_aligned_alloc(heap, wrong[i], 64) == NULL);
    EXPECT_EQ(EINVAL, errno);
    errno = 0;
    EXPECT_EQ(0, shoal_alloc(heap, 64, SHOAL_ALIGN(wrong[i])));
    EXPECT_EQ(EINVAL, errno);
  }
  for (size_t alignment = 1; alignment <= (size_t)2 << 20; alignment *= 2) {
    void *block = shoal_aligned_alloc(heap, alignment, 3 * alignment / 2 + 1);
    EXPECT(block != NULL);
    EXPECT_EQ(0, (uintptr_t)block % alignment);
    EXPECT_LE(3 * alignment / 2 + 1, shoal_usable_size(heap, block));
    shoal_free(heap, block);
    shoal_off off = shoal_alloc(heap, 1, SHOAL_ALIGN(alignment));
    EXPECT_NE(0, off);
    EXPECT_EQ(0, off % alignment);
    EXPECT_OK(shoal_free_offset(heap, off));
  }
  EXPECT_EQ(0, stand_live(heap));
}

static void unknown_flags_are_einval(void) {
  const unsigned wrong[] = {8, 16, 64, 128, UINT32_MAX};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    errno = 0;
    EXPECT_EQ(0, shoal_alloc(heap, 64, wrong[i]));
    EXPECT_EQ(EINVAL, errno);
  }
}

static void blocks_are_16_aligned_and_apart(void) {
  enum { BLOCKS = 500 };
  static unsigned char *blocks[BLOCKS];
  for (unsigned i = 0; i < BLOCKS; i++) {
    blocks[i] = shoal_malloc(heap, 1 + i * 37 % 900);
    EXPECT_EQ(0, (uintptr_t)blocks[i] % 16);
    memset(blocks[i], (int)(i & 0xff), shoal_usable_size(heap, blocks[i]));
  }
  for (unsigned i = 0; i < BLOCKS; i++) {
    size_t usable = shoal_usable_size(heap, blocks[i]);
    EXPECT_LE(1 + i * 37 % 900, usable);
    for (size_t b = 0; b < usable; b++) {
      if (blocks[i][b] == (i & 0xff)) continue;
      FAIL("block %u differs at %zu", i, b);
      break;
    }
    shoal_free(heap, blocks[i]);
  }
}

static void calloc_clears_used_memory(void) {
  const size_t sizes[] = {1, 64, 1000, 32768, 40000, 1 << 20, 3 << 20};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    for (unsigned round = 0; round < 3; round++) {
      unsigned char *block = shoal_calloc(heap, 1, sizes[i]);
      size_t dirty = 0;
      for (size_t b = 0; b < sizes[i]; b++) dirty += block[b] != 0 ? 1U : 0U;
      EXPECT_EQ(0, dirty);
      memset(block, 0xff, sizes[i]);
      shoal_free(heap, block);
    }
  }
}

// From each size to each: the bytes that both have stay.
static void realloc_keeps_the_bytes(void) {
  const size_t sizes[] = {0, 1, 100, 112, 113, 1024, 32768, 32769, 100000, 1 << 20, (1 << 20) + 1,
                          3 << 20, 5 << 20};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
      unsigned char *block = shoal_malloc(heap, sizes[i]);
      for (size_t b = 0; b < sizes[i]; b++) block[b] = (unsigned char)(b * 31 >> 3);
      block = shoal_realloc(heap, block, sizes[k]);
      ASSERT(block != NULL);
      size_t kept = sizes[i] < sizes[k] ? sizes[i] : sizes[k], wrong = 0;
      for (size_t b = 0; b < kept; b++) wrong += block[b] != (unsigned char)(b * 31 >> 3) ? 1U : 0U;
      EXPECT_EQ(0, wrong);
      EXPECT_LE(sizes[k], shoal_usable_size(heap, block));
      shoal_free(heap, block);
    }
  }
  EXPECT_EQ(0, stand_live(heap));
}

static void realloc_stays_where_it_is_while_it_fits(void) {
  const size_t sizes[][2] = {{100, 112}, {32000, 32768}, {40000, 200000}, {200000, 40000},
                             {3 << 20, 5 << 20}, {5 << 20, 3 << 20}};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    void *block = shoal_malloc(heap, sizes[i][0]);
    EXPECT(block == shoal_realloc(heap, block, sizes[i][1]));
    shoal_free(heap, block);
  }
}

static void realloc_of_null_allocates(void) {
  void *block = shoal_realloc(heap, NULL, 100);
  EXPECT(block != NULL);
  EXPECT_EQ(112, shoal_usable_size(heap, block));
  EXPECT_EQ(0, shoal_usable_size(heap, NULL));
}

static void a_failed_realloc_leaves_the_block(void) {
  unsigned char *block = shoal_malloc(heap, 100000);
  memset(block, 0x5a, 100000);
  while (shoal_malloc(heap, 1 << 20) != NULL) {
  }
  while (shoal_malloc(heap, 32768) != NULL) {
  }
  errno = 0;
  EXPECT(shoal_realloc(heap, block, 3 << 20) == NULL);
  EXPECT_EQ(ENOMEM, errno);
  for (size_t b = 0; b < 100000; b++) {
    if (block[b] == 0x5a) continue;
    FAIL("byte %zu changed", b);
    return;
  }
}

// Every size class until the heap is full, then empty again: no byte is lost.
static void a_full_heap_empties_to_nothing(void) {
  enum { MOST = 20000 };
  static void *blocks[MOST];
  for (unsigned round = 0; round < 2; round++) {
    unsigned count = 0;
    errno = 0;
    for (; count < MOST; count++) {
      size_t size = 5000 + (size_t)count * 8191 % 28000;
      blocks[count] = shoal_malloc(heap, size);
      if (blocks[count] == NULL) break;
    }
    EXPECT_LT(count, MOST);
    EXPECT_EQ(ENOMEM, errno);
    EXPECT(stand_is_clean(heap));
    while (count > 0) shoal_free(heap, blocks[--count]);
    EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
    EXPECT_EQ(0, stand_stats(heap).committed);
  }
}

static void a_heap_opened_for_reading_is_erofs(void) {
  void *block = shoal_malloc(heap, 100);
  EXPECT_OK(shoal_thread_idle(heap));
  heap->read_only = true;
  errno = 0;
  EXPECT(shoal_malloc(heap, 100) == NULL);
  EXPECT_EQ(EROFS, errno);
  errno = 0;
  EXPECT(shoal_calloc(heap, 1, 100) == NULL);
  EXPECT_EQ(EROFS, errno);
  errno = 0;
  EXPECT_EQ(0, shoal_alloc(heap, 100, 0));
  EXPECT_EQ(EROFS, errno);
  errno = 0;
  EXPECT(shoal_realloc(heap, block, 5000) == NULL);
  EXPECT_EQ(EROFS, errno);
  EXPECT_EQ(112, shoal_usable_size(heap, block));
  heap->read_only = false;
  EXPECT_EQ(1, stand_live(heap));
}

static void misuse_of_realloc_and_usable_size_is_einval(void) {
  char *block = shoal_malloc(heap, 100);
  shoal_free(heap, block);
  errno = 0;
  EXPECT_EQ(0, shoal_usable_size(heap, block));
  EXPECT_EQ(EINVAL, errno);
  errno = 0;
  EXPECT(shoal_realloc(heap, block, 10) == NULL);
  EXPECT_EQ(EINVAL, errno);
  errno = 0;
  EXPECT(shoal_realloc(heap, block + 8, 10) == NULL);
  EXPECT_EQ(EINVAL, errno);
  EXPECT_EQ(3, reports);
}

// The text of an allocation's refusal names what was wanted and which limit was hit.
static void a_refusals_text_names_its_limit(void) {
  shoal_heap *limited = stand_open(2 << 20);
  EXPECT(shoal_malloc(limited, 8 << 20) == NULL);
  const char *text = shoal_status_text(SHOAL_E_FULL);
  EXPECT(strstr(text, "8388608") != NULL);
  EXPECT(strstr(text, "2097152") != NULL);
  stand_close(limited);
}

SUITE(malloc, SET_UP(open_heap), TEAR_DOWN(close_heap), TEST(size_0_is_a_block_of_its_own),
      TEST(impossible_sizes_are_enomem), TEST(a_product_that_overflows_is_enomem),
      TEST(alignments_are_powers_of_two_up_to_2_mib), TEST(unknown_flags_are_einval),
      TEST(blocks_are_16_aligned_and_apart), TEST(calloc_clears_used_memory),
      TEST(realloc_keeps_the_bytes), TEST(realloc_stays_where_it_is_while_it_fits),
      TEST(realloc_of_null_allocates),
      TEST(a_failed_realloc_leaves_the_block), TEST(a_full_heap_empties_to_nothing),
      TEST(a_heap_opened_for_reading_is_erofs),
      TEST(misuse_of_realloc_and_usable_size_is_einval), TEST(a_refusals_text_names_its_limit))
