// SPDX-License-Identifier: MIT
#ifndef BENCH_OUTPUT_H
#define BENCH_OUTPUT_H

#include "bench/launch.h"
#include "bench/machine.h"
#include "bench/series.h"

/// Prints a table for each workload to standard output: median, min, max, spread (max - min over
/// the median), and the median over the reference allocator's.
void bench_output_table(struct bench_results *results);

/// Writes the machine, the versions and the series as JSON.
/// returns: 0, or -1 after a message.
int bench_output_json(const char *path, const struct bench_machine *machine,
                      const struct bench_launch *launch, struct bench_results *results);

#endif
