// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_WATCH_WATCH_H
#define SHL_TESTS_WATCH_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The library, compiled so that each of its loads, stores and atomic changes tells us first
// (accesses.c): an access is a point at which something can be done to who makes it. Its test may
// count the points, kill the process at one of them, leave the call there for ever, or have another
// thread of control go on. The harness and the tests are compiled as ever and tell nothing.
//
// Private to the process; for one thread.

enum watch_kind { WATCH_LOAD, WATCH_STORE, WATCH_CHANGE };

// A point: what is about to be made.
struct watch_access {
  uintptr_t address;
  size_t bytes;
  enum watch_kind kind;
};

/// Called ahead of each access while watching. It need not return.
typedef void watch_visitor(void *context, const struct watch_access *access);

/// From now on `visit` is called.
void watch_begin(watch_visitor *visit, void *context);

/// No more. Also after a visitor that did not return.
void watch_end(void);

/// Whether accesses are visited: a visitor that is at work is not visited itself.
bool watch_is_on(void);

/// For accesses.c and lie.c: a point.
void watch_point(const volatile void *address, size_t bytes, enum watch_kind kind);

/// For copies.c: a point ahead of a copy, or of bytes that all become `value`.
void watch_copy(const void *to, const void *from, size_t bytes);
void watch_fill(const void *to, int value, size_t bytes);

#endif
