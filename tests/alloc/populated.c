// SPDX-License-Identifier: MIT
#include "tests/alloc/populated.h"

#include <stdio.h>
#include <string.h>

#include "alloc/seat.h"
#include "tests/alloc/stand.h"
#include "tests/harness/harness.h"

enum { CAPACITY = 64 << 20, REPORT_BYTES = 8192 };

static shoal_off alloc(struct populated *populated, uint64_t size) {
  shoal_off off = shoal_alloc(populated->heap, size, 0);
  if (off == 0) return 0;
  populated->blocks++;
  populated->bytes += shoal_usable_size(populated->heap, shoal_ptr(populated->heap, off));
  return off;
}

// Frees the block of index `i`, here or in another thread. returns: the unit of its slab.
static uint32_t free_small(struct populated *populated, unsigned i, bool remotely) {
  shoal_off off = populated->small[i];
  shoal_status status = remotely ? stand_free_in_thread(populated->heap, off)
                                 : shoal_free_offset(populated->heap, off);
  if (status != SHOAL_OK) return 0;
  populated->small[i] = 0;
  populated->blocks--;
  populated->bytes -= POPULATED_SMALL_BYTES;
  return populated_unit(off);
}

static bool fill(struct populated *populated) {
  for (unsigned i = 0; i < POPULATED_SMALL; i++) {
    populated->small[i] = alloc(populated, POPULATED_SMALL_BYTES);
    if (populated->small[i] == 0) return false;
  }
  populated->wide = alloc(populated, POPULATED_WIDE_BYTES);
  populated->run = alloc(populated, POPULATED_RUN_PAGES * SHL_PAGE_BYTES);
  populated->huge = alloc(populated, (POPULATED_HUGE_CHUNKS - 1) * SHL_CHUNK_BYTES + 100000);
  populated->current = populated_unit(populated->small[POPULATED_SMALL - 1]);
  populated->relisted = free_small(populated, 0, false);
  populated->full = free_small(populated, POPULATED_SMALL / 2, true);
  shoal_root root = {.off = populated->run, .size = 7, .type_id = 9};
  bool rooted = shoal_root_set(populated->heap, "first", &root) == SHOAL_OK &&
                shoal_root_set(populated->heap, "second", &root) == SHOAL_OK;
  bool pinned = shoal_pin(populated->heap, populated->huge, 1, &populated->pin) == SHOAL_OK;
  return populated->wide != 0 && populated->run != 0 && populated->huge != 0 && rooted && pinned &&
         populated->relisted != 0 && populated->full != 0 &&
         populated->full != populated->relisted && populated->full != populated->current;
}

bool populated_open(struct populated *out) {
  memset(out, 0, sizeof *out);
  shoal_options options = {.size = sizeof options,
                           .kind = SHOAL_KIND_PRIVATE,
                           .flags = SHOAL_CREATE,
                           .capacity = CAPACITY,
                           .max_roots = 64,
                           .max_pins = 64};
  shoal_status status = shoal_open(NULL, &options, &out->heap);
  if (status != SHOAL_OK) {
    FAIL("no heap: %s", shoal_status_text(status));
    return false;
  }
  bool filled = fill(out);
  out->slot = shl_seat_id(shl_seat_here(out->heap));
  if (!filled) FAIL("the heap could not be filled");
  if (!filled) populated_close(out);
  return filled;
}

void populated_close(struct populated *populated) {
  EXPECT_OK(shoal_close(populated->heap));
  populated->heap = NULL;
}

struct shl_slab_view populated_slab(const struct populated *populated, uint32_t unit) {
  struct shl_slab_view slab;
  uint64_t desc = shl_load_relaxed_u64(shl_unit_desc(populated->heap, unit));
  EXPECT(shl_slab_look(populated->heap, unit, desc, &slab) == NULL);
  return slab;
}

struct shl_hot_rec *populated_hot(const struct populated *populated, uint32_t unit) {
  return shl_hot_row(populated->heap, unit);
}

struct shl_slot_rec *populated_page(const struct populated *populated) {
  return shl_slot_page(populated->heap, populated->slot);
}

struct shl_chunk_rec *populated_row(const struct populated *populated, shoal_off off) {
  return shl_chunk_row(populated->heap, (uint32_t)(off >> SHL_CHUNK_SHIFT));
}

struct shl_hand_rec *populated_hand(const struct populated *populated) {
  return &populated_page(populated)->hands[shl_class_of(POPULATED_SMALL_BYTES)];
}

uint32_t populated_unit(shoal_off off) {
  return (uint32_t)(off >> SHL_UNIT_SHIFT);
}

static void fail_on_report(void *context, shoal_off off, const char *text) {
  (void)context;
  FAIL("at 0x%llx: %s", (unsigned long long)off, text);
}

bool populated_is_clean(const struct populated *populated) {
  return shoal_check(populated->heap, fail_on_report, NULL) == SHOAL_OK;
}

static void keep_report(void *context, shoal_off off, const char *text) {
  char *reports = context;
  size_t used = strlen(reports);
  (void)snprintf(reports + used, REPORT_BYTES - used, "  0x%llx: %s\n", (unsigned long long)off,
                 text);
}

void populated_expect_reports(const struct corruption *rows, size_t count) {
  for (size_t i = 0; i < count; i++) {
    char reports[REPORT_BYTES] = "";
    struct populated populated;
    ASSERT(populated_open(&populated));
    EXPECT(populated_is_clean(&populated));
    rows[i].corrupt(&populated);
    shoal_status status = shoal_check(populated.heap, keep_report, reports);
    bool told = strstr(reports, rows[i].expected) != NULL;
    if (status != SHOAL_E_CORRUPT || !told) {
      FAIL("%s: %s, expected \"%s\", reported\n%s", rows[i].name, shoal_status_name(status),
           rows[i].expected, reports);
    }
    populated_close(&populated);
  }
}
