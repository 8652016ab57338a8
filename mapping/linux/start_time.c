// SPDX-License-Identifier: MIT
#include "mapping/linux/start_time.h"

#include <stdlib.h>
#include <string.h>

#include "mapping/linux/syscall.h"

enum { TEXT_BYTES = 1024, FIELDS_BEFORE = 20 };

// Field 22; the name in field 2 may hold spaces and parentheses, so that counting starts behind its
// last one.
uint64_t shl_start_time(const char *stat_path) {
  char text[TEXT_BYTES];
  if (shl_sys_read_text(stat_path, text, sizeof text) != 0) return 0;
  const char *at = strrchr(text, ')');
  for (unsigned i = 0; at != NULL && i < FIELDS_BEFORE; i++) at = strchr(at + 1, ' ');
  return at != NULL ? strtoull(at + 1, NULL, 10) : 0;
}
