// SPDX-License-Identifier: MIT
// The C library's malloc.

#include "bench/adapter.h"

#include <gnu/libc-version.h>
#include <stdlib.h>

static int open_heap(const struct bench_heap *heap) {
  (void)heap;
  return 0;
}

static void close_heap(void) {}

static void *take_block(size_t size) { return malloc(size); }

static void give_block(void *block) { free(block); }

const struct bench_adapter bench_adapter = {
    .name = "glibc",
    .version = gnu_get_libc_version,
    .open = open_heap,
    .close = close_heap,
    .alloc = take_block,
    .release = give_block,
};
