// SPDX-License-Identifier: MIT
#ifndef SHL_BASE_PANIC_H
#define SHL_BASE_PANIC_H

// Assertions are about this process's own reasoning: arguments between modules, private state. What
// stands in a region is never asserted, since another process may have broken it; it is checked and
// answered with SHOAL_E_CORRUPT.
//
// SHL_ASSERT stays in every build. SHL_ASSERT_DEBUG is for conditions that cost something on a fast
// path and is compiled in where SHL_DEBUG is 1.

#ifndef SHL_DEBUG
#define SHL_DEBUG 0
#endif

/// Writes the message to standard error and aborts. Neither allocates nor takes a lock of ours.
_Noreturn void shl_panic(const char *file, int line, const char *text);

#define SHL_ASSERT(condition) ((condition) ? (void)0 : shl_panic(__FILE__, __LINE__, #condition))

#define SHL_ASSERT_DEBUG(condition) ((!SHL_DEBUG || (condition)) ? (void)0 \
                                     : shl_panic(__FILE__, __LINE__, #condition))

#endif
