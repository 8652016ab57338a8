// SPDX-License-Identifier: MIT
#include "base/panic.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void shl_panic(const char *file, int line, const char *text) {
  (void)fprintf(stderr, "shoal: %s:%d: %s\n", file, line, text);
  abort();
}
