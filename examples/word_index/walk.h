// SPDX-License-Identifier: MIT
#ifndef WORD_INDEX_WALK_H
#define WORD_INDEX_WALK_H

#include <stdbool.h>
#include <stdint.h>

// What the system has to tell about files. Implemented once per system, in linux/walk.c.

/// Is given each regular file found; false ends the walk.
typedef bool walk_file(void *context, const char *path, uint64_t bytes);

/// Is told of what could not be looked into, and the errno.
typedef void walk_skipped(void *context, const char *path, int error);

/// What a walk calls.
struct walk_calls {
  walk_file *file;
  walk_skipped *skipped;
  void *context;
};

enum walk_result { WALK_DONE, WALK_NOT_FOUND, WALK_ENDED };

/// Visits the regular files at and below `path`, a directory's entries by name. Symbolic links are
/// not followed, nor visited.
/// returns: NOT_FOUND and the errno in *error iff `path` itself cannot be looked at; ENDED iff
///   calls->file ended it.
enum walk_result walk_path(const char *path, const struct walk_calls *calls, int *error);

#endif
