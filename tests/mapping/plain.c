// SPDX-License-Identifier: MIT
#include "tests/mapping/plain.h"

#include "base/align.h"

static const uint64_t layout = UINT64_C(0x706c61696e);

struct plain_calls plain_calls;

void plain_reset(void) {
  plain_calls = (struct plain_calls){.tables = 0};
}

static shoal_status set_tables(const shoal_options *options,
                               struct shl_superblock_rec *superblock) {
  plain_calls.tables++;
  bool asked = options != NULL && options->max_processes != 0;
  superblock->max_processes = asked ? options->max_processes : PLAIN_PROCESSES;
  superblock->max_slots = superblock->max_processes;
  superblock->max_roots = 1;
  superblock->max_pins = 1;
  return plain_calls.tables_say;
}

static shoal_status plan_areas(struct shl_superblock_rec *superblock) {
  plain_calls.plans++;
  if (superblock->metadata_bytes > PLAIN_DATA_OFFSET - SHL_GUARD_BYTES) return SHOAL_E_SIZE;
  superblock->data_offset = PLAIN_DATA_OFFSET;
  superblock->areas[superblock->area_count++] =
      (struct shl_area_rec){.offset = PLAIN_DATA_OFFSET,
                            .bytes = superblock->capacity - PLAIN_DATA_OFFSET,
                            .kind = SHL_AREA_DATA,
                            .sharing = SHL_SHARING_MULTI};
  superblock->layout_hash = layout;
  return SHOAL_OK;
}

static shoal_status note_format(struct shl_region *region) {
  plain_calls.formats++;
  plain_calls.magic = shl_load_acquire_u64(&region->superblock->magic);
  return plain_calls.format_says;
}

static shoal_status note_attach(struct shl_region *region, bool all_dead) {
  (void)region;
  plain_calls.attaches++;
  plain_calls.all_dead = all_dead;
  return plain_calls.attach_says;
}

const struct shl_format plain_format = {
    .tables = set_tables, .plan = plan_areas, .format = note_format, .attach = note_attach};

shoal_options plain_options(unsigned flags) {
  return (shoal_options){.size = sizeof(shoal_options),
                         .flags = flags,
                         .capacity = PLAIN_CAPACITY,
                         .max_processes = PLAIN_PROCESSES};
}

shoal_status plain_open(const char *name, int fd, const shoal_options *options,
                        struct shl_region **out) {
  return shl_region_open(name, fd, options, &plain_format, out);
}

shoal_status plain_open_name(const char *name, unsigned flags, struct shl_region **out) {
  shoal_options options = plain_options(flags);
  return plain_open(name, -1, &options, out);
}

static void note_last(struct shl_region *region) {
  (void)region;
  plain_calls.lasts++;
}

shoal_status plain_close(struct shl_region *region) {
  return shl_region_close(region, note_last);
}
