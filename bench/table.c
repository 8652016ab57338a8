// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "bench/output.h"
#include "bench/plan.h"

static void print_value(double value, const char *unit) {
  if (strcmp(unit, "ratio") == 0) {
    printf(" %12.3f", value);
  } else {
    printf(value < 1000 ? " %12.2f" : " %12.0f", value);
  }
}

static void print_row(struct bench_results *results, const struct bench_series *series) {
  char label[2 * BENCH_NAME_BYTES];
  const struct bench_series *reference =
      bench_series_find(results, series->workload, bench_reference, series->figure);
  snprintf(label, sizeof(label), "%s (%s)", series->figure, series->unit);
  printf("  %-34s %-14s", label, series->allocator);
  print_value(series->median, series->unit);
  print_value(series->min, series->unit);
  print_value(series->max, series->unit);
  if (series->median > 0) {
    printf(" %7.1f%%", 100 * (series->max - series->min) / series->median);
  } else {
    printf(" %8s", "-");
  }
  if (reference != NULL && reference->median > 0) {
    printf(" %10.2f\n", series->median / reference->median);
  } else {
    printf(" %10s\n", "-");
  }
}

// Rows that are to be compared stand together: by figure, then by allocator.
static void print_workload(struct bench_results *results, const struct bench_plan *plan) {
  int titled = 0;
  for (size_t i = 0; i < results->count; i++) {
    const struct bench_series *first = &results->series[i];
    if (strcmp(first->workload, plan->workload) != 0) continue;
    if (!titled) {
      printf("\n%s: %s\n  %-34s %-14s %12s %12s %12s %8s x %s\n", plan->workload, plan->title,
             "figure", "allocator", "median", "min", "max", "spread", bench_reference);
      titled = 1;
    }
    int seen = 0;
    for (size_t j = 0; j < results->count; j++) {
      const struct bench_series *other = &results->series[j];
      if (strcmp(other->workload, plan->workload) != 0 ||
          strcmp(other->figure, first->figure) != 0) {
        continue;
      }
      if (j < i) seen = 1;
      if (!seen) print_row(results, other);
    }
  }
}

void bench_output_table(struct bench_results *results) {
  for (size_t i = 0; i < bench_plan_count; i++) print_workload(results, &bench_plans[i]);
}
