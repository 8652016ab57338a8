// SPDX-License-Identifier: MIT
#define _GNU_SOURCE

#include "tests/random/holdings.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static uint64_t count_entries(const char *path, const char *part) {
  DIR *directory = opendir(path);
  uint64_t count = 0;
  if (directory == NULL) return 0;
  for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    bool counts = entry->d_name[0] != '.' && strstr(entry->d_name, part) != NULL;
    count += counts ? 1 : 0;
  }
  (void)closedir(directory);
  return count;
}

uint64_t holdings_descriptors(void) {
  return count_entries("/proc/self/fd", "") - 1;  // less the one that counts
}

uint64_t holdings_objects(const char *name) {
  return count_entries("/dev/shm", name);
}

uint64_t holdings_mappings_in(uint64_t begin, uint64_t end) {
  FILE *maps = fopen("/proc/self/maps", "re");
  char line[512];
  uint64_t count = 0;
  if (maps == NULL) return 0;
  while (fgets(line, sizeof line, maps) != NULL) {
    uint64_t from = 0, to = 0;
    bool range = sscanf(line, "%" SCNx64 "-%" SCNx64, &from, &to) == 2;
    if (range && from < end && begin < to) count++;
  }
  (void)fclose(maps);
  return count;
}

uint64_t holdings_mappings(void) {
  return getenv("SHOAL_TEST_SLOWDOWN") != NULL ? 0 : holdings_mappings_in(0, UINT64_MAX);
}

uint64_t holdings_locks(const char *path) {
  struct stat file;
  if (stat(path, &file) != 0) return 0;
  FILE *locks = fopen("/proc/locks", "re");
  char line[512], inode[32];
  uint64_t count = 0;
  if (locks == NULL) return 0;
  (void)snprintf(inode, sizeof inode, ":%" PRIu64 " ", (uint64_t)file.st_ino);
  while (fgets(line, sizeof line, locks) != NULL) count += strstr(line, inode) != NULL ? 1 : 0;
  (void)fclose(locks);
  return count;
}
