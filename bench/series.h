// SPDX-License-Identifier: MIT
#ifndef BENCH_SERIES_H
#define BENCH_SERIES_H

#include <stddef.h>

enum {
  BENCH_NAME_BYTES = 48,
  BENCH_UNIT_BYTES = 16,
  BENCH_REPS_MAX = 100,
  BENCH_SERIES_MAX = 512
};

/// One figure of one workload under one allocator, over the repetitions. Private to the process.
struct bench_series {
  const char *workload;
  const char *allocator;
  char figure[BENCH_NAME_BYTES];
  char unit[BENCH_UNIT_BYTES];
  double values[BENCH_REPS_MAX];  ///< Sorted by bench_series_close.
  size_t count;
  double median;
  double min;
  double max;
};

/// All that was measured, in the order of first appearance. Private to the process.
struct bench_results {
  struct bench_series series[BENCH_SERIES_MAX];
  size_t count;
};

/// The series of a figure, or null.
struct bench_series *bench_series_find(struct bench_results *results, const char *workload,
                                       const char *allocator, const char *figure);

/// Adds a value of the figure to its series, which is made where there is none.
/// returns: 0, or -1 where there is no room.
int bench_series_add(struct bench_results *results, const struct bench_series *of, double value);

/// Works out median, min and max of every series.
void bench_series_close(struct bench_results *results);

#endif
