// SPDX-License-Identifier: MIT
#ifndef BENCH_PASSES_H
#define BENCH_PASSES_H

#include <stdint.h>

/// Nanoseconds of the monotonic clock.
uint64_t bench_now_ns(void);

/// Does `ops` operations of a workload.
typedef void bench_pass(uint64_t ops);

/// Runs `pass` once untimed and then nine times timed.
/// returns: nanoseconds per operation of the median pass, so that a pass in which the machine did
///   something else does not count.
double bench_time_passes(bench_pass *pass, uint64_t ops);

#endif
