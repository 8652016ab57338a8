// SPDX-License-Identifier: MIT
#ifndef WORD_INDEX_REPORT_H
#define WORD_INDEX_REPORT_H

#include <shoal/status.h>

/// How the program ends.
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/// Prints "word_index: <text>" to standard error; printf's formats.
__attribute__((format(printf, 1, 2))) void report(const char *format, ...);

/// Prints what failed and the library's sentence, which names the cause and the limit.
__attribute__((format(printf, 2, 3))) void report_status(shoal_status status, const char *format,
                                                         ...);

/// The same after a malloc-shaped call has returned null.
void report_no_memory(const char *what);

#endif
