// SPDX-License-Identifier: MIT
// Directories on Linux: scandir for the names, lstat for what they are. A directory is closed
// before the walk goes down, so that depth costs no descriptors.
#define _POSIX_C_SOURCE 200809L

#include "examples/word_index/walk.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static enum walk_result visit(const char *path, const struct walk_calls *calls);

static int by_name(const struct dirent **left, const struct dirent **right) {
  return strcmp((*left)->d_name, (*right)->d_name);
}

static int is_entry(const struct dirent *entry) {
  return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static enum walk_result visit_below(const char *path, const char *name,
                                    const struct walk_calls *calls) {
  size_t length = strlen(path);
  size_t bytes = length + strlen(name) + 2;
  char *below = malloc(bytes);
  if (below == NULL) {
    calls->skipped(calls->context, path, ENOMEM);
    return WALK_DONE;
  }
  const char *slash = path[length - 1] == '/' ? "" : "/";
  (void)snprintf(below, bytes, "%s%s%s", path, slash, name);
  enum walk_result result = visit(below, calls);
  if (result == WALK_NOT_FOUND) {
    calls->skipped(calls->context, below, errno);
    result = WALK_DONE;
  }
  free(below);
  return result;
}

static enum walk_result visit_directory(const char *path, const struct walk_calls *calls) {
  struct dirent **entries = NULL;
  int count = scandir(path, &entries, is_entry, by_name);
  if (count < 0) {
    calls->skipped(calls->context, path, errno);
    return WALK_DONE;
  }
  enum walk_result result = WALK_DONE;
  for (int i = 0; i < count; i++) {
    if (result != WALK_ENDED) result = visit_below(path, entries[i]->d_name, calls);
    free(entries[i]);
  }
  free(entries);
  return result;
}

static enum walk_result visit(const char *path, const struct walk_calls *calls) {
  struct stat status;
  if (lstat(path, &status) != 0) return WALK_NOT_FOUND;
  if (S_ISDIR(status.st_mode)) return visit_directory(path, calls);
  if (!S_ISREG(status.st_mode)) return WALK_DONE;
  return calls->file(calls->context, path, (uint64_t)status.st_size) ? WALK_DONE : WALK_ENDED;
}

enum walk_result walk_path(const char *path, const struct walk_calls *calls, int *error) {
  enum walk_result result = visit(path, calls);
  *error = errno;
  return result;
}
