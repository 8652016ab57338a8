// SPDX-License-Identifier: MIT
#include "bench/heap_name.h"

#include <stdio.h>
#include <unistd.h>

void bench_heap_name(char *name, size_t bytes, const char *tag) {
  snprintf(name, bytes, "bench-%ld-%s", (long)getpid(), tag);
}
