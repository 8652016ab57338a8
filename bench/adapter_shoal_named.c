// SPDX-License-Identifier: MIT
// shoal over a named region: the heap that other processes open.

#include "bench/adapter_shoal.h"

static int open_heap(const struct bench_heap *heap) {
  return bench_shoal_open(heap, SHOAL_KIND_NAMED, heap->name);
}

static void *take_block(size_t size) { return shoal_malloc(bench_shoal, size); }

static void give_block(void *block) { shoal_free(bench_shoal, block); }

const struct bench_adapter bench_adapter = {
    .name = "shoal_named",
    .version = shoal_version,
    .open = open_heap,
    .close = bench_shoal_close,
    .alloc = take_block,
    .release = give_block,
    .remove = bench_shoal_remove,
    .account = bench_shoal_account,
    .descriptor = bench_shoal_descriptor,
};
