// SPDX-License-Identifier: MIT
// The floor: an allocator that does nothing, so that its figures are those of the loops, of the two
// indirect calls and of the block that is touched. It hands out the next bytes of one buffer and
// starts over when nothing is allocated or the buffer ends; blocks that live when it wraps overlap,
// which no workload that runs it can see.

#define _GNU_SOURCE
#include "bench/adapter.h"

#include <stdio.h>
#include <sys/mman.h>

// Room for the 131 MB that churn keeps alive, twice: its cache misses are then those of a heap.
enum { BUFFER_BYTES = 256 * 1024 * 1024 };

static char *buffer;
static size_t used_bytes;
static size_t live_count;

static const char *tell_version(void) { return "floor"; }

static int open_heap(const struct bench_heap *heap) {
  (void)heap;
  void *bytes =
      mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (bytes == MAP_FAILED) {
    perror("none: mmap");
    return -1;
  }
  buffer = bytes;
  return 0;
}

static void close_heap(void) { munmap(buffer, BUFFER_BYTES); }

static void *take_block(size_t size) {
  size_t rounded = (size + 15) & ~(size_t)15;
  if (used_bytes + rounded > BUFFER_BYTES) used_bytes = 0;
  char *block = buffer + used_bytes;
  used_bytes += rounded;
  live_count++;
  return block;
}

static void give_block(void *block) {
  (void)block;
  if (--live_count == 0) used_bytes = 0;
}

const struct bench_adapter bench_adapter = {
    .name = "none",
    .version = tell_version,
    .open = open_heap,
    .close = close_heap,
    .alloc = take_block,
    .release = give_block,
};
