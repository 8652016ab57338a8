// SPDX-License-Identifier: MIT
#ifndef BENCH_HELPER_H
#define BENCH_HELPER_H

#include <stddef.h>
#include <sys/types.h>

enum { BENCH_HELPER_ARGUMENTS = 6, BENCH_HELPER_WORD = 64, BENCH_HELPER_LINE = 256 };

/// A helper process: this binary in one of its roles. Private to the process.
struct bench_helper {
  pid_t pid;
  int output;  ///< What it writes to standard output.
};

/// Starts `role` with `arguments`, ended by a null, at most BENCH_HELPER_ARGUMENTS of them and each
/// shorter than BENCH_HELPER_WORD.
/// returns: 0, or -1 after a message.
int bench_helper_start(struct bench_helper *helper, const char *role, const char *const *arguments);

/// Waits for its end and gives what it wrote, as a string cut at BENCH_HELPER_LINE, in `line`.
/// returns: 0 iff it ended well, otherwise -1 after a message.
int bench_helper_finish(struct bench_helper *helper, char *line);

/// A heap name that no other process on this machine uses: "bench-<pid>-<tag>" in `name`.
void bench_heap_name(char *name, size_t bytes, const char *tag);

#endif
