// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "bench/passes.h"

#include <time.h>

#include "bench/median.h"

enum { PASS_COUNT = 9 };

uint64_t bench_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

double bench_time_passes(bench_pass *pass, uint64_t ops) {
  double ns_per_op[PASS_COUNT];
  pass(ops);
  for (int i = 0; i < PASS_COUNT; i++) {
    uint64_t begin_ns = bench_now_ns();
    pass(ops);
    ns_per_op[i] = (double)(bench_now_ns() - begin_ns) / (double)ops;
  }
  return bench_median(ns_per_op, PASS_COUNT);
}
