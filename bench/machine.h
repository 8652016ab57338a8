// SPDX-License-Identifier: MIT
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

enum { BENCH_FACT_BYTES = 128 };

/// What a reader must know of the machine to compare figures. Private to the process.
struct bench_machine {
  char date[BENCH_FACT_BYTES];    ///< UTC.
  char cpu[BENCH_FACT_BYTES];
  long cpus;                      ///< Count.
  long memory_mib;
  char kernel[BENCH_FACT_BYTES];
  char huge_anonymous[BENCH_FACT_BYTES];  ///< The kernel's setting for 2 MiB pages.
  char huge_shared[BENCH_FACT_BYTES];     ///< The same for shared memory.
  double load;                    ///< Of the minute before: above 0.5, wait for a quieter machine.
};

void bench_machine_read(struct bench_machine *machine);

#endif
