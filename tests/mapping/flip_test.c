// SPDX-License-Identifier: MIT
// Goal: with any one bit of the stored superblock wrong, an open gives a clean error and touches
// nothing, or a heap that works.
// Method: a heap in a file; a bit is flipped, the file opened in every way, and the bit put back.
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <shoal/inspect.h>

#include "alloc/format.h"
#include "mapping/superblock.h"
#include "tests/harness/harness.h"
#include "tests/mapping/belongings.h"
#include "tests/mapping/folder.h"

enum { CAPACITY = 4 << 20, HEAD = sizeof(struct shl_superblock_rec) };

static char path[FOLDER_PATH_BYTES];
static shoal_heap *heap;
static shoal_off kept;
static unsigned char sound[HEAD];

static const unsigned ways[] = {0, SHOAL_CREATE, SHOAL_READ_ONLY};
enum { WAYS = sizeof ways / sizeof ways[0] };

static shoal_status open_heap(unsigned flags) {
  shoal_options options = {.size = sizeof options,
                           .flags = flags,
                           .capacity = CAPACITY,
                           .max_processes = 2,
                           .max_threads = 4};
  return shoal_open(path, &options, &heap);
}

static void begin(void) {
  folder_make();
  (void)folder_path(path, "heap");
  ASSERT_OK(open_heap(SHOAL_CREATE));
  kept = shoal_alloc(heap, 100, 0);
  memset(shoal_ptr(heap, kept), 'k', 100);
  ASSERT_OK(shoal_close(heap));
  ASSERT(folder_read(path, sound, HEAD));
}

static void end(void) {
  ASSERT_OK(open_heap(0));
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_close(heap));
  folder_remove();
}

// A heap that opened in spite of the bit.
static void expect_works(bool read_only) {
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_EQ('k', *(const char *)shoal_ptr(heap, kept));
  if (read_only) return;
  shoal_off off = shoal_alloc(heap, 200, 0);
  EXPECT(off != 0 || errno == ENOMEM);
  if (off == 0) EXPECT(strstr(shoal_status_text(SHOAL_E_FULL), "limit_bytes") != NULL);
  EXPECT_OK(shoal_free_offset(heap, off));
  EXPECT_OK(shoal_check(heap, NULL, NULL));
}

static bool is_clean(shoal_status status) {
  return status == SHOAL_E_CORRUPT || status == SHOAL_E_VERSION || status == SHOAL_E_TRUNCATED ||
         status == SHOAL_E_KIND || status == SHOAL_E_FOREIGN_HOST || status == SHOAL_E_ADDRESS;
}

// returns: whether it opened.
static bool try_way(unsigned flags, size_t at, const unsigned char *flipped) {
  unsigned char after[HEAD];
  shoal_status status = open_heap(flags);
  if (status == SHOAL_OK) {
    expect_works(flags == SHOAL_READ_ONLY);
    EXPECT(!shoal_created(heap));
    EXPECT_OK(shoal_close(heap));
    return true;
  }
  if (!is_clean(status)) FAIL("byte %zu: %s", at, shoal_status_name(status));
  EXPECT(folder_read(path, after, HEAD));
  if (memcmp(after, flipped, HEAD) != 0) FAIL("byte %zu: touched", at);
  EXPECT_EQ(CAPACITY, folder_size(path));
  return false;
}

// returns: in how many ways the heap opens with the bit flipped.
static unsigned flip(size_t at, unsigned bit) {
  unsigned char flipped[HEAD];
  unsigned opened = 0;
  memcpy(flipped, sound, HEAD);
  flipped[at] ^= (unsigned char)(1U << bit);
  for (unsigned i = 0; i < WAYS; i++) {
    EXPECT(folder_poke(path, 0, flipped, HEAD));
    opened += try_way(ways[i], at, flipped);
  }
  EXPECT(folder_poke(path, 0, sound, HEAD));
  return opened;
}

static void flip_range(size_t first, size_t last) {
  for (size_t at = first; at < last && !test_has_failed(); at++) {
    for (unsigned bit = 0; bit < 8; bit++) (void)flip(at, bit);
  }
}

static void any_bit_of_the_sizes_and_identities(void) {
  struct belongings before = belongings_count();
  flip_range(0, offsetof(struct shl_superblock_rec, areas));
  belongings_expect(before, "after the flips");
}

static void any_bit_of_the_area_table(void) {
  struct belongings before = belongings_count();
  flip_range(offsetof(struct shl_superblock_rec, areas), HEAD);
  belongings_expect(before, "after the flips");
}

// What a bit does is as its member says: the harmless ones pass, the others do not.
static void members_are_as_strict_as_they_should_be(void) {
  const struct {
    size_t at;
    size_t bytes;
    unsigned opened;  // of WAYS
  } rows[] = {{offsetof(struct shl_superblock_rec, magic), 8, 0},
              {offsetof(struct shl_superblock_rec, version), 4, 0},
              {offsetof(struct shl_superblock_rec, header_bytes), 4, 0},
              {offsetof(struct shl_superblock_rec, compat), 8, WAYS},
              {offsetof(struct shl_superblock_rec, ro_compat), 8, 1},
              {offsetof(struct shl_superblock_rec, incompat), 8, 0},
              {offsetof(struct shl_superblock_rec, layout_hash), 8, 0},
              {offsetof(struct shl_superblock_rec, uuid), 16, WAYS},
              {offsetof(struct shl_superblock_rec, incarnation), 8, WAYS},
              {offsetof(struct shl_superblock_rec, capacity), 8, 0},
              {offsetof(struct shl_superblock_rec, limit_bytes), 8, WAYS},
              {offsetof(struct shl_superblock_rec, data_offset), 8, 0},
              {offsetof(struct shl_superblock_rec, metadata_bytes), 8, 0},
              {offsetof(struct shl_superblock_rec, coherence_domain), 8, 0},
              {offsetof(struct shl_superblock_rec, page_bytes), 16, 0},
              {offsetof(struct shl_superblock_rec, lifetime), 4, 0},
              {offsetof(struct shl_superblock_rec, max_processes), 16, 0},
              {offsetof(struct shl_superblock_rec, host_id), 8, 1},
              {offsetof(struct shl_superblock_rec, boot_id), 16, WAYS},
              {offsetof(struct shl_superblock_rec, area_count), 4, 0}};
  for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    for (size_t at = rows[i].at; at < rows[i].at + rows[i].bytes; at++) {
      unsigned opened = flip(at, (unsigned)at % 8);
      if (opened != rows[i].opened) FAIL("byte %zu opens in %u ways", at, opened);
    }
  }
}

// A header that agrees with itself may still ask for more than numbers can name, or for nothing.
static void tables_that_no_number_can_name_are_refused(void) {
  const struct {
    uint32_t processes;
    uint32_t slots;
    uint32_t roots;
    uint32_t pins;
    shoal_status expected;
  } rows[] = {{16383, 65535, 65536, 65536, SHOAL_OK},
              {1, 1, 1, 1, SHOAL_OK},
              {16384, 65535, 1, 1, SHOAL_E_SIZE},
              {1, 65536, 1, 1, SHOAL_E_SIZE},
              {1, 1, 65537, 1, SHOAL_E_SIZE},
              {1, 1, 1, 65537, SHOAL_E_SIZE},
              {0, 1, 1, 1, SHOAL_E_SIZE},
              {1, 0, 1, 1, SHOAL_E_SIZE},
              {1, 1, 0, 1, SHOAL_E_SIZE},
              {1, 1, 1, 0, SHOAL_E_SIZE}};
  for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct shl_superblock_rec header = {.capacity = UINT64_C(1) << 34,
                                        .max_processes = rows[i].processes,
                                        .max_slots = rows[i].slots,
                                        .max_roots = rows[i].roots,
                                        .max_pins = rows[i].pins};
    EXPECT_STATUS(rows[i].expected, shl_heap_format.plan(&header));
  }
}

SUITE(flip, SET_UP(begin), TEAR_DOWN(end), TEST(any_bit_of_the_sizes_and_identities),
      TEST(any_bit_of_the_area_table), TEST(members_are_as_strict_as_they_should_be),
      TEST(tables_that_no_number_can_name_are_refused))
