// SPDX-License-Identifier: MIT
#include "tests/mapping/played.h"

#include <string.h>

#include "mapping/process.h"
#include "tests/harness/harness.h"

struct shl_object *played_open(const char *name) {
  bool is_path = strchr(name, '/') != NULL;
  struct shl_object_spec spec = {
      .kind = is_path ? SHOAL_KIND_FILE : SHOAL_KIND_NAMED, .name = name, .fd = -1, .mode = 0666};
  struct shl_object *object = NULL;
  EXPECT_OK(shl_object_open(&spec, &object));
  return object;
}

struct shl_process_rec *played_record(const struct shl_region *region, uint32_t process) {
  const struct shl_area_rec *area = shl_superblock_area(&region->header, SHL_AREA_PROCESS);
  return (struct shl_process_rec *)(void *)(region->base + area->offset) + (process - 1);
}

uint32_t played_generation(const struct shl_region *region, uint32_t process) {
  return (uint32_t)(shl_load_acquire_u64(&played_record(region, process)->word) >> 8) & 0xffffff;
}

unsigned played_state(const struct shl_region *region, uint32_t process) {
  return (unsigned)(shl_load_acquire_u64(&played_record(region, process)->word) & 0xff);
}

uint32_t played_register(struct shl_region *region, const struct shl_object *object,
                         uint32_t process, struct shl_liveness *byte) {
  struct shl_process_rec *record = played_record(region, process);
  uint32_t generation = (played_generation(region, process) + 1) & 0xffffff;
  EXPECT_OK(shl_liveness_take(object, process, byte));
  shl_store_release_u64(&record->pid, 1);
  shl_store_release_u64(&record->start_time, 1);
  shl_store_seq_cst_u64(&record->word, SHL_PROCESS_LIVE | (uint64_t)generation << 8);
  return generation;
}
