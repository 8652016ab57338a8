// SPDX-License-Identifier: MIT
// The public calls that open, close and name a heap: a region of the mapping layer with the
// allocator's handle on it. A process has one handle a region, counted.
#include <shoal/heap.h>

#include <stdlib.h>

#include "alloc/format.h"
#include "alloc/pin.h"
#include "alloc/seat.h"
#include "base/fail.h"
#include "mapping/os.h"

static shl_a32 handles_lock;  // orders the first open and the last close of a handle

static shoal_status make_handle(struct shl_region *region, const shoal_options *options) {
  shoal_heap *heap = calloc(1, sizeof *heap);
  if (heap == NULL) return shl_fail(SHOAL_E_NO_SPACE, 0, "No memory for a handle.");
  shl_handle_fill(heap, region);
  heap->opener = shl_os_process();
  if (options != NULL) {
    heap->on_misuse = options->on_misuse;
    heap->on_misuse_context = options->on_misuse_context;
  }
  shoal_status status = shl_seats_open(heap);
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

// A child made by a raw clone has run no fork handler: here it is noticed, so that it does not give
// away the slots by which its parent goes on.
static bool is_inherited(const shoal_heap *heap) {
  bool is_copy = heap->region->kind == SHOAL_KIND_PRIVATE;
  return heap->inherited || (!is_copy && heap->opener != shl_os_process());
}

static void leave_region(struct shl_region *region) {
  shoal_heap *heap = region->client;
  heap->inherited = is_inherited(heap);
  bool is_owner = !heap->read_only && !heap->inherited;
  if (is_owner) shl_pins_drop(heap, region->process, region->process_generation);
  shl_seats_close(heap);
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
