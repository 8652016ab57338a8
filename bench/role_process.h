// SPDX-License-Identifier: MIT
#ifndef BENCH_ROLE_PROCESS_H
#define BENCH_ROLE_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

enum { BENCH_ROLE_ARGUMENTS = 6, BENCH_ROLE_WORD = 64, BENCH_ROLE_LINE = 256 };

/// A process of this binary in one of its roles. Private to the process.
struct bench_role_process {
  pid_t pid;
  int output;  ///< What it writes to standard output.
};

/// Starts `role` with `arguments`, ended by a null, at most BENCH_ROLE_ARGUMENTS of them and each
/// shorter than BENCH_ROLE_WORD.
/// returns: 0, or -1 after a message.
int bench_role_start(struct bench_role_process *process, const char *role,
                     const char *const *arguments);

/// Waits for its end and gives what it wrote, as a string cut at BENCH_ROLE_LINE, in `line`.
/// returns: 0 iff it ended well, otherwise -1 after a message.
int bench_role_finish(struct bench_role_process *process, char *line);

/// Waits for its end by SIGKILL, whoever sends it; what it wrote is dropped.
/// returns: 0 iff it ended so, otherwise -1 after a message.
int bench_role_await_kill(struct bench_role_process *process);

#endif
