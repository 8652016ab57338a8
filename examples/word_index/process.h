// SPDX-License-Identifier: MIT
#ifndef WORD_INDEX_PROCESS_H
#define WORD_INDEX_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

// What the system has to tell about processes. Implemented once per system, in linux/process.c.

/// A process started here. Private to the process.
struct process {
  int64_t id;
};

enum process_state { PROCESS_RUNS, PROCESS_EXITED, PROCESS_KILLED };

enum { PROCESS_ARGUMENTS_MAX = 15 };

/// Starts this very program with `arguments`, of which the first is the program's name and the
/// last, behind at most PROCESS_ARGUMENTS_MAX, null.
/// returns: 0, or the errno.
int process_start_self(const char *const arguments[], struct process *out);

/// Looks whether the process has ended; once it has, do not ask again.
/// returns: the state, and the exit code or the signal in *code.
enum process_state process_poll(const struct process *process, int *code);

/// Ends the process, which has not been found to have ended, wherever it is.
void process_kill(const struct process *process);

/// Has this process killed when the one that started it ends.
void process_end_with_parent(void);

void process_sleep_us(uint64_t microseconds);

/// Microseconds of a clock that only goes forward.
uint64_t process_now_us(void);

/// Lets another thread or process have this processor.
void process_yield(void);

/// How many processors there are to work on, at least 1.
unsigned process_processors(void);

/// A standard stream that somebody looks at, for what is gone again when the work is done.
/// returns: standard error, or standard output where that alone is a terminal; null iff neither is.
FILE *process_terminal(void);

#endif
