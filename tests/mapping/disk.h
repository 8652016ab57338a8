// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MAPPING_DISK_H
#define SHL_TESTS_MAPPING_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include <shoal/heap.h>

#include "tests/mapping/folder.h"

// A test's folder on a tmpfs of 1 MiB, with a filler that leaves exactly as many pages as wanted.

enum { DISK_BYTES = 1 << 20, DISK_PAGES = DISK_BYTES / 4096 };

/// Makes folder and file system; a SET_UP. Where this user may not mount, disk_is_mounted says so.
void disk_make(void);

/// A TEAR_DOWN.
void disk_remove(void);

bool disk_is_mounted(void);

/// Pages that nobody has.
uint64_t disk_free_pages(void);

/// Leaves exactly `pages` pages free, or all that the test's other files leave.
void disk_leave(uint64_t pages);

/// Opens the heap of the folder, a small one with few processes and threads.
shoal_status disk_open_heap(unsigned flags, shoal_heap **out);

/// Where its file is.
extern char disk_heap_path[FOLDER_PATH_BYTES];

#endif
