// SPDX-License-Identifier: MIT
#ifndef BENCH_LAUNCH_H
#define BENCH_LAUNCH_H

#include "bench/series.h"

/// How drivers are started. Private to the process.
struct bench_launch {
  const char *folder;  ///< Where the allocators' binaries lie.
  int quick;
};

/// Runs a workload once in a fresh process of the allocator's binary and adds the figures it tells
/// to `results`; a null `results` throws them away.
/// returns: 0, or -1 after a message.
int bench_launch_workload(const struct bench_launch *launch, const char *workload,
                          const char *allocator, struct bench_results *results);

/// What the allocator's binary says its version is, in `version`; "?" where it says nothing.
void bench_launch_version(const struct bench_launch *launch, const char *allocator,
                          char version[BENCH_NAME_BYTES]);

#endif
