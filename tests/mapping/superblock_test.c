// SPDX-License-Identifier: MIT
// Goal: a superblock is believed in nothing that this library cannot vouch for.
// Method: a sound one, in memory, with one member after the other out of its range.
#include "mapping/superblock.h"

#include <string.h>

#include "mapping/request.h"
#include "tests/harness/harness.h"

static const uint64_t capacity = UINT64_C(8) << 20;

static struct shl_superblock_rec sound(void) {
  return (struct shl_superblock_rec){.magic = SHL_MAGIC_READY,
                                     .version = SHL_FORMAT_VERSION,
                                     .header_bytes = sizeof(struct shl_superblock_rec),
                                     .capacity = capacity,
                                     .base = UINT64_C(0x200000000000),
                                     .coherence_domain = 1,
                                     .page_bytes = SHL_PAGE_BYTES,
                                     .unit_bytes = SHL_UNIT_BYTES,
                                     .chunk_bytes = SHL_CHUNK_BYTES,
                                     .kind = SHOAL_KIND_NAMED,
                                     .lifetime = SHOAL_LIFETIME_LAST_DETACH,
                                     .mode = 0600,
                                     .max_processes = 4,
                                     .max_slots = 8,
                                     .max_roots = 4,
                                     .max_pins = 4,
                                     .area_count = 2};
}

// A page that begins with `magic`, and has `byte` at `at`.
static enum shl_superblock_state state_of(uint64_t magic, unsigned at, unsigned char byte) {
  static unsigned char page[SHL_PAGE_BYTES];
  memset(page, 0, sizeof page);
  memcpy(page, &magic, sizeof magic);
  if (at != 0) page[at] = byte;
  return shl_superblock_state(page);
}

// The magic alone says READY; what is neither empty nor begun by us is not touched.
static void the_magic_alone_tells_a_region(void) {
  EXPECT_EQ(SHL_SUPERBLOCK_READY, state_of(SHL_MAGIC_READY, 0, 0));
  EXPECT_EQ(SHL_SUPERBLOCK_UNFORMED, state_of(0, 0, 0));
  EXPECT_EQ(SHL_SUPERBLOCK_UNFORMED, state_of(SHL_MAGIC_FORMING, 0, 0));
  EXPECT_EQ(SHL_SUPERBLOCK_UNFORMED, state_of(SHL_MAGIC_FORMING, 100, 1));
  EXPECT_EQ(SHL_SUPERBLOCK_FOREIGN, state_of(0, 8, 1));
  EXPECT_EQ(SHL_SUPERBLOCK_FOREIGN, state_of(0, SHL_PAGE_BYTES - 1, 0x80));
  for (unsigned bit = 0; bit < 64; bit++) {
    EXPECT_EQ(SHL_SUPERBLOCK_FOREIGN, state_of(SHL_MAGIC_READY ^ UINT64_C(1) << bit, 0, 0));
    EXPECT_EQ(SHL_SUPERBLOCK_FOREIGN, state_of(SHL_MAGIC_FORMING ^ UINT64_C(1) << bit, 0, 0));
    EXPECT_EQ(SHL_SUPERBLOCK_FOREIGN, state_of(UINT64_C(1) << bit, 0, 0));
  }
}

static void the_magics_read_as_text(void) {
  uint64_t ready = SHL_MAGIC_READY, forming = SHL_MAGIC_FORMING;
  EXPECT(memcmp(&ready, "!SHOAL01", 8) == 0);
  EXPECT(memcmp(&forming, "SHFRMING", 8) == 0);
}

static void a_sound_superblock_passes(void) {
  struct shl_superblock_rec superblock = sound();
  EXPECT_OK(shl_superblock_test(&superblock, capacity, false));
  EXPECT_OK(shl_superblock_test(&superblock, capacity, true));
}

static void other_versions_and_units_are_refused(void) {
  struct shl_superblock_rec broken[] = {sound(), sound(), sound(), sound(), sound(),
                                        sound(), sound(), sound(), sound()};
  broken[0].version = 0;
  broken[1].version = SHL_FORMAT_VERSION + 1;
  broken[2].header_bytes -= 8;
  broken[3].header_bytes = 0;
  broken[4].page_bytes = 16384;
  broken[5].unit_bytes = SHL_PAGE_BYTES;
  broken[6].chunk_bytes *= 2;
  broken[7].coherence_domain = 0;
  broken[8].coherence_domain = 2;
  for (unsigned i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    EXPECT_STATUS(SHOAL_E_VERSION, shl_superblock_test(&broken[i], capacity, false));
    EXPECT_STATUS(SHOAL_E_VERSION, shl_superblock_test(&broken[i], capacity, true));
  }
}

// Compat bits pass, ro_compat bits leave readers, incompat bits nobody.
static void unknown_features_are_treated_by_their_word(void) {
  for (unsigned bit = 0; bit < 64; bit++) {
    struct shl_superblock_rec superblock = sound();
    superblock.compat = UINT64_C(1) << bit;
    EXPECT_OK(shl_superblock_test(&superblock, capacity, false));
    superblock.ro_compat = UINT64_C(1) << bit;
    EXPECT_STATUS(SHOAL_E_VERSION, shl_superblock_test(&superblock, capacity, false));
    EXPECT_OK(shl_superblock_test(&superblock, capacity, true));
    superblock.ro_compat = 0;
    superblock.incompat = UINT64_C(1) << bit;
    EXPECT_STATUS(SHOAL_E_VERSION, shl_superblock_test(&superblock, capacity, false));
    EXPECT_STATUS(SHOAL_E_VERSION, shl_superblock_test(&superblock, capacity, true));
  }
}

static void the_object_must_be_as_long_as_its_header_says(void) {
  const struct {
    uint64_t bytes;
    shoal_status expected;
  } rows[] = {{0, SHOAL_E_TRUNCATED},
              {8, SHOAL_E_TRUNCATED},
              {sizeof(struct shl_superblock_rec) - 1, SHOAL_E_TRUNCATED},
              {sizeof(struct shl_superblock_rec), SHOAL_E_TRUNCATED},
              {SHL_PAGE_BYTES, SHOAL_E_TRUNCATED},
              {capacity - SHL_PAGE_BYTES, SHOAL_E_TRUNCATED},
              {capacity - 1, SHOAL_E_TRUNCATED},
              {capacity, SHOAL_OK},
              {capacity + 1, SHOAL_E_CORRUPT},
              {2 * capacity, SHOAL_E_CORRUPT},
              {UINT64_MAX, SHOAL_E_CORRUPT}};
  struct shl_superblock_rec superblock = sound();
  for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    EXPECT_STATUS(rows[i].expected, shl_superblock_test(&superblock, rows[i].bytes, false));
  }
  EXPECT_STATUS(SHOAL_E_TRUNCATED, shl_superblock_test(&superblock, capacity - 1, false));
  EXPECT(strstr(shoal_status_text(SHOAL_E_TRUNCATED), "8388607 of the 8388608 bytes") != NULL);
}

static void capacities_that_cannot_be_are_corrupt(void) {
  static const uint64_t wrong[] = {0,
                                   1,
                                   SHL_CHUNK_BYTES,
                                   SHL_CAPACITY_MIN + SHL_PAGE_BYTES,
                                   SHL_CAPACITY_MAX + SHL_CHUNK_BYTES,
                                   UINT64_C(1) << 63,
                                   UINT64_MAX - SHL_CHUNK_BYTES + 1,
                                   UINT64_MAX};
  for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    struct shl_superblock_rec superblock = sound();
    superblock.capacity = wrong[i];
    uint64_t bytes = wrong[i] < SHL_PAGE_BYTES ? SHL_PAGE_BYTES : wrong[i];
    EXPECT_STATUS(SHOAL_E_CORRUPT, shl_superblock_test(&superblock, bytes, false));
  }
}

static void bases_that_cannot_be_are_corrupt(void) {
  static const uint64_t wrong[] = {0,
                                   1,
                                   SHL_UNIT_BYTES,
                                   SHL_CHUNK_BYTES + SHL_PAGE_BYTES,
                                   SHL_ADDRESS_MAX,
                                   SHL_ADDRESS_MAX - SHL_CHUNK_BYTES,
                                   UINT64_C(1) << 63,
                                   UINT64_MAX - SHL_CHUNK_BYTES + 1,
                                   UINT64_MAX};
  for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    struct shl_superblock_rec superblock = sound();
    superblock.base = wrong[i];
    EXPECT_STATUS(SHOAL_E_CORRUPT, shl_superblock_test(&superblock, capacity, false));
  }
}

static void tables_that_cannot_be_are_corrupt(void) {
  struct shl_superblock_rec broken[] = {sound(), sound(), sound(), sound(),
                                        sound(), sound(), sound()};
  broken[0].max_processes = 0;
  broken[1].max_slots = 0;
  broken[2].area_count = SHL_AREAS_MAX + 1;
  broken[3].area_count = UINT32_MAX;
  broken[4].lifetime = 0;
  broken[5].lifetime = 3;
  broken[6].kind = SHOAL_KIND_FILE;
  for (unsigned i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    EXPECT_STATUS(SHOAL_E_CORRUPT, shl_superblock_test(&broken[i], capacity, true));
  }
}

static void areas_are_found_by_kind_within_the_table(void) {
  struct shl_superblock_rec superblock = sound();
  superblock.areas[0].kind = SHL_AREA_PROCESS;
  superblock.areas[1].kind = SHL_AREA_DATA;
  superblock.areas[2].kind = SHL_AREA_ROOT;
  EXPECT_EQ(&superblock.areas[1], shl_superblock_area(&superblock, SHL_AREA_DATA));
  EXPECT_EQ(NULL, shl_superblock_area(&superblock, SHL_AREA_ROOT));
  superblock.area_count = UINT32_MAX;
  EXPECT_EQ(&superblock.areas[2], shl_superblock_area(&superblock, SHL_AREA_ROOT));
  EXPECT_EQ(NULL, shl_superblock_area(&superblock, SHL_AREA_RUN));
}

SUITE(superblock, TEST(the_magic_alone_tells_a_region), TEST(the_magics_read_as_text),
      TEST(a_sound_superblock_passes), TEST(other_versions_and_units_are_refused),
      TEST(unknown_features_are_treated_by_their_word),
      TEST(the_object_must_be_as_long_as_its_header_says),
      TEST(capacities_that_cannot_be_are_corrupt), TEST(bases_that_cannot_be_are_corrupt),
      TEST(tables_that_cannot_be_are_corrupt), TEST(areas_are_found_by_kind_within_the_table))
