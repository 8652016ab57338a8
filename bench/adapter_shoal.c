// SPDX-License-Identifier: MIT
// The part of shoal's adapters that does not depend on the kind of the region.

#include "bench/adapter_shoal.h"

#include <stdio.h>

shoal_heap *bench_shoal;

static int tell(const char *call, shoal_status status) {
  if (status == SHOAL_OK) return 0;
  fprintf(stderr, "shoal: %s: %s: %s\n", call, shoal_status_name(status),
          shoal_status_text(status));
  return -1;
}

int bench_shoal_open(const struct bench_heap *heap, shoal_kind kind, const char *name) {
  shoal_options options = {
      .size = sizeof(options),
      .kind = kind,
      .flags = heap->create ? SHOAL_CREATE | SHOAL_EXCLUSIVE : 0,
      .capacity = heap->capacity,
      .lifetime = heap->persist ? SHOAL_LIFETIME_PERSIST : SHOAL_LIFETIME_LAST_DETACH,
      .max_processes = heap->max_processes,
      .max_threads = heap->max_threads,
  };
  return tell("open", shoal_open(name, &options, &bench_shoal));
}

void bench_shoal_close(void) { tell("close", shoal_close(bench_shoal)); }

int bench_shoal_remove(const char *name) { return tell("unlink", shoal_unlink(name)); }

int bench_shoal_account(struct bench_account *out) {
  shoal_heap_stats stats = {.size = sizeof(stats)};
  if (tell("stats", shoal_stats(bench_shoal, &stats)) != 0) return -1;
  out->committed = stats.committed;
  out->metadata = stats.metadata;
  out->metadata_committed = stats.metadata_committed;
  return 0;
}

int bench_shoal_descriptor(void) {
  int fd = -1;
  return tell("fd", shoal_fd(bench_shoal, &fd)) == 0 ? fd : -1;
}
