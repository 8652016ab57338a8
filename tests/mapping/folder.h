// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MAPPING_FOLDER_H
#define SHL_TESTS_MAPPING_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Files for tests: a folder of its own that is gone when the test is.

enum { FOLDER_PATH_BYTES = 1024 };

/// Makes the folder; a SET_UP. Fails the test where that is not possible.
void folder_make(void);

/// Removes the folder and all that is in it; a TEAR_DOWN.
void folder_remove(void);

/// Writes the path of `name` in the folder.
/// returns: `path`.
const char *folder_path(char path[FOLDER_PATH_BYTES], const char *name);

/// Names in the folder, without "." and "..".
size_t folder_count(void);

/// Makes or replaces a file: `bytes` bytes of `content`. returns: whether it could.
bool folder_write(const char *path, const void *content, size_t bytes);

/// The file's first `bytes` bytes. returns: whether there were as many.
bool folder_read(const char *path, void *content, size_t bytes);

/// Overwrites bytes [offset, offset + bytes) of a file. returns: whether it could.
bool folder_poke(const char *path, uint64_t offset, const void *content, size_t bytes);

/// Bytes of the file; -1 where there is none.
int64_t folder_size(const char *path);

/// Copies a file as cp does.
bool folder_copy(const char *from, const char *to);

/// Mounts a tmpfs of `bytes` over the folder, in a mount namespace of this process's own, so that
/// it ends with the process. returns: whether this user may; the reason is errno.
bool folder_mount_tmpfs(uint64_t bytes);

#endif
