// SPDX-License-Identifier: MIT
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

// A figure travels from a driver to the comparison as one line: "figure unit value".

/// The main time of a workload, and its memory: names that the comparison knows.
#define BENCH_TIME "time"
#define BENCH_MEMORY "memory_over_live"

/// Tells a figure. units: "ns", "per_s", "bytes", "count" or "ratio".
void bench_report(const char *figure, const char *unit, double value);

#endif
