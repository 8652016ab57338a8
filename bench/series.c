// SPDX-License-Identifier: MIT
#include "bench/series.h"

#include <string.h>

#include "bench/median.h"

struct bench_series *bench_series_find(struct bench_results *results, const char *workload,
                                       const char *allocator, const char *figure) {
  for (size_t i = 0; i < results->count; i++) {
    struct bench_series *series = &results->series[i];
    if (strcmp(series->workload, workload) == 0 && strcmp(series->allocator, allocator) == 0 &&
        strcmp(series->figure, figure) == 0) {
      return series;
    }
  }
  return NULL;
}

int bench_series_add(struct bench_results *results, const struct bench_series *of, double value) {
  struct bench_series *series =
      bench_series_find(results, of->workload, of->allocator, of->figure);
  if (series == NULL) {
    if (results->count == BENCH_SERIES_MAX) return -1;
    series = &results->series[results->count++];
    *series = *of;
    series->count = 0;
  }
  if (series->count == BENCH_REPS_MAX) return -1;
  series->values[series->count++] = value;
  return 0;
}

void bench_series_close(struct bench_results *results) {
  for (size_t i = 0; i < results->count; i++) {
    struct bench_series *series = &results->series[i];
    series->median = bench_median(series->values, series->count);
    series->min = series->values[0];
    series->max = series->values[series->count - 1];
  }
}
