// SPDX-License-Identifier: MIT
// jemalloc as Debian builds it: its library replaces malloc and free in the binary that links it.
// Asking mallctl for the version proves that it is there.

#include "bench/adapter.h"

#include <jemalloc/jemalloc.h>
#include <stdlib.h>

static const char *tell_version(void) {
  const char *version = NULL;
  size_t size = sizeof(version);
  return mallctl("version", (void *)&version, &size, NULL, 0) == 0 ? version : "unknown";
}

static int open_heap(const struct bench_heap *heap) {
  (void)heap;
  return 0;
}

static void close_heap(void) {}

static void *take_block(size_t size) { return malloc(size); }

static void give_block(void *block) { free(block); }

const struct bench_adapter bench_adapter = {
    .name = "jemalloc",
    .version = tell_version,
    .open = open_heap,
    .close = close_heap,
    .alloc = take_block,
    .release = give_block,
};
