// SPDX-License-Identifier: MIT
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include <stdint.h>

// What the driver runs: a workload in this process, and roles, the parts of a workload that need a
// process of their own and get one by starting the same binary again. One file per workload.

/// How much to do. Private to the process.
struct bench_settings {
  int quick;   ///< Fewer operations, for a look rather than for a figure to quote.
  int traced;  ///< Fewer still, for a tool that counts instructions; times then mean nothing.
};

/// Of `full` operations, as many as the settings ask for: all, a fifth, or a five-hundredth.
static inline uint64_t bench_ops(const struct bench_settings *settings, uint64_t full) {
  return full / (settings->traced ? 500 : settings->quick ? 5 : 1);
}

/// A workload. Its figures go to standard output by bench_report.
struct bench_workload {
  const char *name;
  int (*run)(const struct bench_settings *settings);  ///< returns: 0, or -1 after a message.
};

/// A part of a workload for a process of its own, started by bench_role_start.
struct bench_role {
  const char *name;
  int arguments;                    ///< Count.
  int (*run)(char **arguments);     ///< returns: 0, or -1 after a message.
};

extern const struct bench_workload bench_pair;
extern const struct bench_workload bench_batch;
extern const struct bench_workload bench_churn;
extern const struct bench_workload bench_handover;
extern const struct bench_workload bench_growth;
extern const struct bench_workload bench_attach;
extern const struct bench_workload bench_waste;
extern const struct bench_workload bench_image;
extern const struct bench_workload bench_recover;
extern const struct bench_workload bench_neighbour;

extern const struct bench_role bench_handover_consumer;
extern const struct bench_role bench_attach_fill;
extern const struct bench_role bench_attach_open;
extern const struct bench_role bench_recover_victim;
extern const struct bench_role bench_neighbour_survivor;
extern const struct bench_role bench_neighbour_victim;

#endif
