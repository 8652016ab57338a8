// SPDX-License-Identifier: MIT
#include "bench/median.h"

#include <stdlib.h>

static int compare_values(const void *left, const void *right) {
  double a = *(const double *)left;
  double b = *(const double *)right;
  return (a > b) - (a < b);
}

double bench_median(double *values, size_t count) {
  qsort(values, count, sizeof(*values), compare_values);
  return values[count / 2];
}
