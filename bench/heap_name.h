// SPDX-License-Identifier: MIT
#ifndef BENCH_HEAP_NAME_H
#define BENCH_HEAP_NAME_H

#include <stddef.h>

/// A heap name that no other process on this machine uses: "bench-<pid>-<tag>" in `name`.
void bench_heap_name(char *name, size_t bytes, const char *tag);

#endif
