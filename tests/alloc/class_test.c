// SPDX-License-Identifier: MIT
// Goal: the class table is the arithmetic it claims to be. Method: derive it again the slow way and
// compare; try every size, and every byte of the largest slab.
#include "alloc/class.h"
#include "base/align.h"
#include "tests/harness/harness.h"

// The block size of class `index`: 16-byte steps to 128, then eight steps a doubling.
static uint32_t derive_bytes(unsigned index) {
  if (index <= 8) return 16 * index;
  unsigned octave = (index - 9) / 8;
  unsigned step = (index - 9) % 8 + 1;
  return (128U << octave) + step * (16U << octave);
}

static unsigned derive_units(uint32_t bytes) {
  unsigned units = 1;
  while (units * (uint32_t)SHL_UNIT_BYTES / bytes < 16) units++;
  return units;
}

static void table_is_the_arithmetic(void) {
  for (unsigned i = 1; i < SHL_CLASS_COUNT; i++) {
    const struct shl_class_info *info = &shl_classes[i];
    uint32_t bytes = derive_bytes(i);
    unsigned units = derive_units(bytes);
    unsigned blocks = units * (uint32_t)SHL_UNIT_BYTES / bytes;
    EXPECT_EQ(bytes, info->bytes);
    EXPECT_EQ(UINT64_MAX / bytes + 1, info->reciprocal);
    EXPECT_EQ(units, info->units);
    EXPECT_EQ(blocks, info->blocks);
    EXPECT_EQ((blocks + 63) / 64, info->words);
  }
  EXPECT_EQ(SHL_CLASS_MAX_BYTES, shl_classes[SHL_CLASS_COUNT - 1].bytes);
}

static void other_indices_read_as_nothing(void) {
  for (unsigned i = 0; i < SHL_CLASS_TABLE; i++) {
    bool is_class = i >= 1 && i < SHL_CLASS_COUNT;
    EXPECT_EQ(is_class, shl_classes[i].bytes != 0);
    if (!is_class) EXPECT_EQ(0, shl_classes[i].blocks);
  }
}

static void a_slabs_words_and_units_have_their_place(void) {
  for (unsigned i = 1; i < SHL_CLASS_COUNT; i++) {
    EXPECT_LE(shl_classes[i].words, SHL_WORDS_PER_SLAB);
    EXPECT_LE(shl_classes[i].units, 8);
    EXPECT_LE(16, shl_classes[i].blocks);
  }
}

// Every size up to the largest class: the class holds it, the one below does not.
static void each_size_gets_its_smallest_class(void) {
  for (size_t size = 0; size <= SHL_CLASS_MAX_BYTES; size++) {
    unsigned index = shl_class_of(size);
    bool fits = index >= 1 && index < SHL_CLASS_COUNT && shl_classes[index].bytes >= size;
    bool smallest = index == 1 || shl_classes[index - 1].bytes < size;
    if (!fits || !smallest) FAIL("size %zu got class %u", size, index);
  }
}

// Up to 128 bytes less than 16 are lost, above less than an eighth of the block.
static void rounding_up_wastes_an_eighth_at_most(void) {
  for (size_t size = 1; size <= SHL_CLASS_MAX_BYTES; size++) {
    size_t bytes = shl_classes[shl_class_of(size)].bytes;
    size_t most = size <= 128 ? 15 : bytes / 8;
    if (bytes - size > most) FAIL("size %zu wastes %zu", size, bytes - size);
  }
}

// Behind the last block of a slab less than a block lies idle, at most a sixteenth of the slab.
static void a_slabs_tail_is_short(void) {
  for (unsigned i = 1; i < SHL_CLASS_COUNT; i++) {
    const struct shl_class_info *info = &shl_classes[i];
    uint32_t slab = info->units * (uint32_t)SHL_UNIT_BYTES;
    uint32_t tail = slab - info->blocks * info->bytes;
    EXPECT_LT(tail, info->bytes);
    EXPECT_LE(tail * 16, slab);
  }
}

// Every byte of a slab as large as eight units, in every class: the index where a block starts,
// nothing elsewhere or past the last block.
static void the_reciprocal_is_exact(void) {
  for (unsigned i = 1; i < SHL_CLASS_COUNT; i++) {
    const struct shl_class_info *info = &shl_classes[i];
    for (uint32_t byte = 0; byte < 8 * SHL_UNIT_BYTES; byte++) {
      bool starts = byte % info->bytes == 0 && byte / info->bytes < info->blocks;
      size_t expected = starts ? byte / info->bytes : SIZE_MAX;
      size_t found = shl_class_block(info, byte);
      if (found != expected) {
        FAIL("class %u, byte %u: block %zu, expected %zu", i, byte, found, expected);
        return;
      }
    }
  }
}

static void word_masks_cover_the_blocks(void) {
  for (unsigned i = 1; i < SHL_CLASS_COUNT; i++) {
    const struct shl_class_info *info = &shl_classes[i];
    unsigned blocks = 0;
    for (unsigned w = 0; w < info->words; w++) {
      uint64_t mask = shl_class_word_mask(info, w);
      EXPECT(mask != 0 && (mask & (mask + 1)) == 0);
      if (w + 1 < info->words) EXPECT_EQ(UINT64_MAX, mask);
      blocks += shl_count_bits(mask);
    }
    EXPECT_EQ(info->blocks, blocks);
  }
}

static void aligned_classes_keep_every_block_aligned(void) {
  for (size_t alignment = 16; alignment <= 4096; alignment *= 2) {
    for (size_t size = 0; size <= SHL_CLASS_MAX_BYTES; size += 8) {
      unsigned index = shl_class_of_aligned(size, alignment);
      bool fits = index != 0 && shl_classes[index].bytes >= size;
      if (!fits || !shl_is_aligned(shl_classes[index].bytes, alignment)) {
        FAIL("size %zu aligned to %zu got class %u", size, alignment, index);
      }
    }
  }
}

SUITE(class, TEST(table_is_the_arithmetic), TEST(other_indices_read_as_nothing),
      TEST(a_slabs_words_and_units_have_their_place), TEST(each_size_gets_its_smallest_class),
      TEST(rounding_up_wastes_an_eighth_at_most), TEST(a_slabs_tail_is_short),
      TEST(the_reciprocal_is_exact), TEST(word_masks_cover_the_blocks),
      TEST(aligned_classes_keep_every_block_aligned))
