// SPDX-License-Identifier: MIT
#include "bench/report.h"

#include <stdio.h>

void bench_report(const char *figure, const char *unit, double value) {
  printf("%s %s %.9g\n", figure, unit, value);
  fflush(stdout);
}
