// SPDX-License-Identifier: MIT
// Image: what an empty heap of 4 MiB for 4 processes and 8 threads weighs. Whoever keeps images of
// a heap, to restore them by the million in a test, copies at least this much.

#include "bench/adapter.h"
#include "bench/heap_name.h"
#include "bench/host.h"
#include "bench/report.h"
#include "bench/workload.h"

static int run(const struct bench_settings *settings) {
  (void)settings;
  char name[64];
  bench_heap_name(name, sizeof(name), "image");
  struct bench_heap heap = {
      .name = name, .create = 1, .capacity = 4U << 20, .max_processes = 4, .max_threads = 8};
  struct bench_account account;
  if (bench_adapter.open(&heap) != 0) return -1;
  if (bench_adapter.account(&account) != 0) return -1;
  bench_adapter.close();
  bench_report("metadata", "bytes", (double)account.metadata);
  bench_report("metadata_committed", "bytes", (double)account.metadata_committed);
  bench_report("data_committed", "bytes", (double)account.committed);
  return 0;
}

const struct bench_workload bench_image = {.name = "image", .run = run};
