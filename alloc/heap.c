// SPDX-License-Identifier: MIT
// The public calls that open, close and name a heap: a region of the mapping layer with the
// allocator's handle on it. A process has one handle a region, counted.
#include <shoal/heap.h>

#include <stdlib.h>

#include "alloc/chunk.h"
#include "alloc/format.h"
#include "alloc/pin.h"
#include "alloc/slot.h"
#include "base/fail.h"
#include "mapping/os.h"

static shl_a32 handles_lock;  // orders the first open and the last close of a handle

static uintptr_t area_address(const struct shl_region *region, uint32_t kind) {
  return (uintptr_t)region->base + shl_superblock_area(region->superblock, kind)->offset;
}

// Addresses as if row 0 were slot, chunk or unit 0's: shl_*_row add the number itself.
static void find_areas(shoal_heap *heap) {
  const struct shl_region *region = heap->region;
  uintptr_t first_unit = (uintptr_t)heap->first_chunk * SHL_UNITS_PER_CHUNK;
  heap->owners = area_address(region, SHL_AREA_OWNER) - sizeof(struct shl_owner_rec);
  heap->slots = area_address(region, SHL_AREA_SLOT) - sizeof(struct shl_slot_rec);
  heap->chunks = area_address(region, SHL_AREA_CHUNK) -
                 heap->first_chunk * sizeof(struct shl_chunk_rec);
  heap->room = area_address(region, SHL_AREA_ROOM) - heap->first_chunk * sizeof(shl_a16);
  heap->hot = area_address(region, SHL_AREA_HOT) - first_unit * sizeof(struct shl_hot_rec);
  heap->remote = area_address(region, SHL_AREA_REMOTE) -
                 first_unit * sizeof(struct shl_remote_rec);
  heap->runs = area_address(region, SHL_AREA_RUN) - heap->first_chunk * sizeof(struct shl_run_rec);
  heap->words = (struct shl_heap_rec *)area_address(region, SHL_AREA_HEAP);
  heap->roots = (struct shl_root_rec *)area_address(region, SHL_AREA_ROOT);
  heap->root_names = (struct shl_root_name_rec *)(void *)(heap->roots + heap->root_count);
  heap->pins = (struct shl_pin_rec *)area_address(region, SHL_AREA_PIN);
}

static void fill(shoal_heap *heap, struct shl_region *region, const shoal_options *options) {
  const struct shl_superblock_rec *superblock = region->superblock;
  heap->view = (struct shoal_heap_view){.base = region->base, .capacity = region->capacity};
  heap->region = region;
  heap->read_only = region->read_only;
  heap->first_chunk = (uint32_t)(superblock->data_offset / SHL_CHUNK_BYTES);
  heap->chunk_end = (uint32_t)(superblock->capacity / SHL_CHUNK_BYTES);
  heap->slot_count = superblock->max_slots;
  heap->root_count = superblock->max_roots;
  heap->pin_count = superblock->max_pins;
  heap->limit_bytes = superblock->limit_bytes;
  heap->on_misuse = options != NULL ? options->on_misuse : NULL;
  heap->on_misuse_context = options != NULL ? options->on_misuse_context : NULL;
  find_areas(heap);
  (void)shl_chunk_high_water(heap);
}

static shoal_status make_handle(struct shl_region *region, const shoal_options *options) {
  shoal_heap *heap = calloc(1, sizeof *heap);
  if (heap == NULL) return shl_fail(SHOAL_E_NO_SPACE, 0, "No memory for a handle.");
  fill(heap, region, options);
  shoal_status status = shl_slots_open(heap);
  if (status == SHOAL_OK) {
    region->client = heap;
  } else {
    free(heap);
  }
  return status;
}

static shoal_status open_heap(const char *name, int fd, const shoal_options *options,
                              shoal_heap **out) {
  if (out == NULL) return shl_fail(SHOAL_E_ARGUMENT, 0, "`out` is null.");
  *out = NULL;
  struct shl_region *region = NULL;
  shl_os_lock(&handles_lock);
  shoal_status status = shl_region_open(name, fd, options, &shl_heap_format, &region);
  if (status == SHOAL_OK && region->client == NULL) {
    status = make_handle(region, options);
    if (status != SHOAL_OK) (void)shl_region_close(region, NULL);
  }
  if (status == SHOAL_OK) *out = region->client;
  shl_os_unlock(&handles_lock);
  return status;
}

shoal_status shoal_open(const char *name, const shoal_options *options, shoal_heap **out) {
  return open_heap(name, -1, options, out);
}

shoal_status shoal_open_fd(int fd, const shoal_options *options, shoal_heap **out) {
  if (fd < 0) return shl_fail(SHOAL_E_ARGUMENT, 0, "%d is no descriptor.", fd);
  return open_heap(NULL, fd, options, out);
}

static void leave_region(struct shl_region *region) {
  shoal_heap *heap = region->client;
  shl_pins_drop(heap, region->process, region->process_generation);
  shl_slots_close(heap);
  region->client = NULL;
  free(heap);
}

shoal_status shoal_close(shoal_heap *heap) {
  if (heap == NULL) return shl_fail(SHOAL_E_ARGUMENT, 0, "`heap` is null.");
  shl_os_lock(&handles_lock);
  shoal_status status = shl_region_close(heap->region, leave_region);
  shl_os_unlock(&handles_lock);
  return status;
}

int shoal_created(const shoal_heap *heap) {
  return heap->region->created ? 1 : 0;
}

shoal_status shoal_fd(shoal_heap *heap, int *out) {
  if (heap == NULL || out == NULL) return shl_fail(SHOAL_E_ARGUMENT, 0, "An argument is null.");
  return shl_region_fd(heap->region, out);
}

shoal_status shoal_unlink(const char *name) {
  return shl_region_unlink(name);
}

shoal_status shoal_flush(shoal_heap *heap) {
  if (heap == NULL) return shl_fail(SHOAL_E_ARGUMENT, 0, "`heap` is null.");
  return shl_region_flush(heap->region);
}

const char *shoal_version(void) {
  return "0.1.0";
}
