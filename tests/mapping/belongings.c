// SPDX-License-Identifier: MIT
#define _GNU_SOURCE

#include "tests/mapping/belongings.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/harness/harness.h"

enum { LINE_BYTES = 8192 };

static size_t count_descriptors(void) {
  size_t count = 0;
  DIR *stream = opendir("/proc/self/fd");
  while (stream != NULL && readdir(stream) != NULL) count++;
  if (stream != NULL) (void)closedir(stream);
  return count;
}

static bool is_of_region(const char *line) {
  return strstr(line, "/dev/shm/shoal.") != NULL || strstr(line, "/memfd:shoal") != NULL ||
         strstr(line, "/folder.") != NULL;
}

static size_t count_mappings(void) {
  static char line[LINE_BYTES];
  size_t count = 0;
  FILE *file = fopen("/proc/self/maps", "re");
  while (file != NULL && fgets(line, sizeof line, file) != NULL) count += is_of_region(line);
  if (file != NULL) (void)fclose(file);
  return count;
}

struct belongings belongings_count(void) {
  return (struct belongings){.descriptors = count_descriptors(), .mappings = count_mappings()};
}

void belongings_expect(struct belongings before, const char *what) {
  struct belongings now = belongings_count();
  if (now.descriptors != before.descriptors) {
    FAIL("%s: %zu descriptors were %zu", what, now.descriptors, before.descriptors);
  }
  if (now.mappings != before.mappings) {
    FAIL("%s: %zu mappings were %zu", what, now.mappings, before.mappings);
  }
}
