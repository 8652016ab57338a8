// SPDX-License-Identifier: MIT
// Planning a region: from the capacity and the table sizes to the areas' places.
//
//   page 0        superblock, heap words
//   then          process records (the mapping layer's), roots, pins, owner rows, slot pages,
//                 chunk rows, room, hot rows, remote rows, run pages; each from a page of its own
//   then          64 KiB or more that nobody may touch
//   data_offset   the first chunk of data, 2 MiB aligned
//
// Rows of chunks and units exist for data chunks only. How many those are depends on where the data
// begins, and that on the rows: the first chunk is moved up until the metadata fits below it.
#include "alloc/format.h"

#include "alloc/layout.h"
#include "alloc/reap.h"
#include "base/align.h"
#include "base/fail.h"

enum {
  PROCESSES_MAX = 16383,
  PROCESSES_DEFAULT = 1024,
  THREADS_PER_PROCESS = 3,
  TABLE_MAX = 65536,
  TABLE_DEFAULT = 1024,
  TABLE_LEAST = 64
};

struct wanted_table {
  const char *name;
  uint64_t asked;
  uint64_t fallback;
  uint64_t most;
  uint32_t *out;
};

static uint64_t clamp(uint64_t value, uint64_t least, uint64_t most) {
  if (value < least) return least;
  return value > most ? most : value;
}

static shoal_status set_table(const struct wanted_table *table) {
  if (table->asked > table->most) {
    return shl_fail(SHOAL_E_ARGUMENT, 0, "%s is %llu, at most %llu are possible.", table->name,
                    (unsigned long long)table->asked, (unsigned long long)table->most);
  }
  *table->out = (uint32_t)(table->asked != 0 ? table->asked : table->fallback);
  return SHOAL_OK;
}

static shoal_status plan_tables(const shoal_options *options,
                                struct shl_superblock_rec *superblock) {
  uint64_t capacity = superblock->capacity;
  uint64_t processes = clamp(capacity >> 22, 4, PROCESSES_DEFAULT);
  uint64_t entries = clamp(capacity >> 16, TABLE_LEAST, TABLE_DEFAULT);
  uint64_t asked_processes = options != NULL ? options->max_processes : 0;
  if (asked_processes != 0) processes = asked_processes;
  uint32_t threads = 0;
  const struct wanted_table tables[] = {
      {"max_processes", asked_processes, processes, PROCESSES_MAX, &superblock->max_processes},
      {"max_threads", options != NULL ? options->max_threads : 0, processes * THREADS_PER_PROCESS,
       SHL_SLOT_MAX - PROCESSES_MAX, &threads},
      {"max_roots", options != NULL ? options->max_roots : 0, entries, TABLE_MAX,
       &superblock->max_roots},
      {"max_pins", options != NULL ? options->max_pins : 0, entries, TABLE_MAX,
       &superblock->max_pins},
  };
  for (unsigned i = 0; i < sizeof tables / sizeof tables[0]; i++) {
    shoal_status status = set_table(&tables[i]);
    if (status != SHOAL_OK) return status;
  }
  superblock->max_slots = threads + superblock->max_processes;
  return SHOAL_OK;
}

uint64_t shl_format_layout_hash(void) {
  static const uint64_t sizes[] = {
      sizeof(struct shl_superblock_rec), sizeof(struct shl_heap_rec),
      sizeof(struct shl_root_rec),       sizeof(struct shl_root_name_rec),
      sizeof(struct shl_pin_rec),        sizeof(struct shl_owner_rec),
      sizeof(struct shl_slot_rec),       sizeof(struct shl_hand_rec),
      sizeof(struct shl_chunk_rec),      sizeof(struct shl_hot_rec),
      sizeof(struct shl_remote_rec),     sizeof(struct shl_run_rec),
      sizeof(union shl_desc_rec),
      SHL_CLASS_COUNT,                   SHL_PAGE_BYTES,
      SHL_UNIT_BYTES,                    SHL_CHUNK_BYTES};
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    hash = (hash ^ sizes[i]) * UINT64_C(0x100000001b3);
  }
  return hash;
}

struct plan {
  struct shl_superblock_rec *superblock;
  uint64_t end;  // of what is placed so far
};

static void place(struct plan *plan, uint32_t kind, uint64_t bytes, uint32_t sharing) {
  struct shl_superblock_rec *superblock = plan->superblock;
  uint64_t begin = shl_align_up(plan->end, SHL_PAGE_BYTES);
  superblock->areas[superblock->area_count++] =
      (struct shl_area_rec){.offset = begin, .bytes = bytes, .kind = kind, .sharing = sharing};
  plan->end = begin + bytes;
}

// Rows for `chunks` data chunks. returns: the metadata's end.
static uint64_t place_chunk_areas(struct plan *plan, uint64_t chunks) {
  uint64_t units = chunks * SHL_UNITS_PER_CHUNK;
  place(plan, SHL_AREA_CHUNK, chunks * sizeof(struct shl_chunk_rec), SHL_SHARING_MULTI);
  place(plan, SHL_AREA_DESC, units * sizeof(union shl_desc_rec), SHL_SHARING_MULTI);
  place(plan, SHL_AREA_ROOM, chunks * sizeof(shl_a16), SHL_SHARING_MULTI);
  place(plan, SHL_AREA_HOT, units * sizeof(struct shl_hot_rec), SHL_SHARING_SINGLE);
  place(plan, SHL_AREA_REMOTE, units * sizeof(struct shl_remote_rec), SHL_SHARING_MULTI);
  place(plan, SHL_AREA_RUN, chunks * sizeof(struct shl_run_rec), SHL_SHARING_MULTI);
  return shl_align_up(plan->end, SHL_PAGE_BYTES);
}

static void place_fixed_areas(struct plan *plan) {
  struct shl_superblock_rec *superblock = plan->superblock;
  superblock->areas[superblock->area_count++] =
      (struct shl_area_rec){.offset = SHL_HEAP_WORDS_OFFSET,
                            .bytes = sizeof(struct shl_heap_rec),
                            .kind = SHL_AREA_HEAP,
                            .sharing = SHL_SHARING_MULTI};
  uint64_t root_bytes = sizeof(struct shl_root_rec) + sizeof(struct shl_root_name_rec);
  place(plan, SHL_AREA_ROOT, superblock->max_roots * root_bytes, SHL_SHARING_MULTI);
  place(plan, SHL_AREA_PIN, superblock->max_pins * sizeof(struct shl_pin_rec), SHL_SHARING_MULTI);
  place(plan, SHL_AREA_OWNER, superblock->max_slots * (uint64_t)sizeof(struct shl_owner_rec),
        SHL_SHARING_MULTI);
  place(plan, SHL_AREA_SLOT, superblock->max_slots * (uint64_t)sizeof(struct shl_slot_rec),
        SHL_SHARING_SINGLE);
}

// Of a stored header, too: what names slots, processes and records has only so many bits.
static bool are_tables_possible(const struct shl_superblock_rec *superblock) {
  const struct {
    uint32_t rows;
    uint32_t most;
  } tables[] = {{superblock->max_processes, PROCESSES_MAX},
                {superblock->max_slots, SHL_SLOT_MAX},
                {superblock->max_roots, TABLE_MAX},
                {superblock->max_pins, TABLE_MAX}};
  for (unsigned i = 0; i < sizeof tables / sizeof tables[0]; i++) {
    if (tables[i].rows == 0 || tables[i].rows > tables[i].most) return false;
  }
  return true;
}

static shoal_status plan_region(struct shl_superblock_rec *superblock) {
  struct plan plan = {.superblock = superblock, .end = superblock->metadata_bytes};
  if (!are_tables_possible(superblock)) {
    return shl_fail(SHOAL_E_SIZE, 0,
                    "No heap has tables of %u processes, %u slots, %u roots, %u pins.",
                    superblock->max_processes, superblock->max_slots, superblock->max_roots,
                    superblock->max_pins);
  }
  if (plan.end < SHL_PAGE_BYTES) plan.end = SHL_PAGE_BYTES;
  place_fixed_areas(&plan);
  uint64_t total = superblock->capacity / SHL_CHUNK_BYTES;
  uint32_t fixed_count = superblock->area_count;
  uint64_t fixed_end = plan.end;
  for (uint64_t first = 1; first < total; first++) {
    superblock->area_count = fixed_count;
    plan.end = fixed_end;
    uint64_t end = place_chunk_areas(&plan, total - first);
    uint64_t data = first * SHL_CHUNK_BYTES;
    if (shl_align_up(end, SHL_UNIT_BYTES) + SHL_GUARD_BYTES > data) continue;
    superblock->metadata_bytes = end;
    superblock->data_offset = data;
    superblock->areas[superblock->area_count++] =
        (struct shl_area_rec){.offset = data,
                              .bytes = superblock->capacity - data,
                              .kind = SHL_AREA_DATA,
                              .sharing = SHL_SHARING_MULTI};
    superblock->layout_hash = shl_format_layout_hash();
    return SHOAL_OK;
  }
  return shl_fail(SHOAL_E_SIZE, 0,
                  "A capacity of %llu bytes leaves no data behind the tables of %u processes, "
                  "%u thread slots, %u roots, %u pins.",
                  (unsigned long long)superblock->capacity, superblock->max_processes,
                  superblock->max_slots, superblock->max_roots, superblock->max_pins);
}

static shoal_status commit_area(struct shl_region *region, uint32_t kind) {
  const struct shl_area_rec *area = shl_superblock_area(&region->header, kind);
  if (area == NULL) return shl_fail(SHOAL_E_CORRUPT, 0, "Area %u is missing.", kind);
  uint64_t begin = shl_align_down(area->offset, SHL_PAGE_BYTES);
  uint64_t end = shl_align_up(area->offset + area->bytes, SHL_PAGE_BYTES);
  return shl_region_commit(region, begin, end - begin);
}

static shoal_status format_region(struct shl_region *region) {
  static const uint32_t kinds[] = {SHL_AREA_HEAP, SHL_AREA_ROOT, SHL_AREA_PIN};
  for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    shoal_status status = commit_area(region, kinds[i]);
    if (status != SHOAL_OK) return status;
  }
  void *place = region->base + SHL_HEAP_WORDS_OFFSET;
  struct shl_heap_rec *words = place;
  words->first_chunk = region->header.data_offset / SHL_CHUNK_BYTES;
  shl_store_release_u64(&words->chunk_high_water, words->first_chunk);
  return SHOAL_OK;
}

const struct shl_format shl_heap_format = {.tables = plan_tables,
                                            .plan = plan_region,
                                            .format = format_region,
                                            .attach = shl_reap_at_attach};
