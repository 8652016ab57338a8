// SPDX-License-Identifier: MIT
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include <stddef.h>

// What the comparison runs. A further allocator or workload is a line in plan.c.

enum { BENCH_ALLOCATORS_MAX = 16 };

/// A workload and who takes part. Private to the process.
struct bench_plan {
  const char *workload;
  const char *title;
  const char *allocators[BENCH_ALLOCATORS_MAX + 1];  ///< In their turns; ended by a null.
};

extern const struct bench_plan bench_plans[];
extern const size_t bench_plan_count;

/// The allocator that ratios are taken against.
extern const char *const bench_reference;

/// Whether `name` is one of the comma-separated names in `list`; a null list holds all.
int bench_list_has(const char *list, const char *name);

#endif
