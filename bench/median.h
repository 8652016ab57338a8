// SPDX-License-Identifier: MIT
#ifndef BENCH_MEDIAN_H
#define BENCH_MEDIAN_H

#include <stddef.h>

/// The median of `count` values, which are sorted on the way; the upper one of the middle two.
double bench_median(double *values, size_t count);

#endif
