// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_RANDOM_HOLDINGS_H
#define SHL_TESTS_RANDOM_HOLDINGS_H

#include <stdbool.h>
#include <stdint.h>

// What this process holds of the system's things, and what it has left there. Linux: /proc and
// /dev/shm.

/// Open descriptors.
uint64_t holdings_descriptors(void);

/// Mappings; always 0 in a slow build, where the sanitizer or valgrind maps as it likes.
uint64_t holdings_mappings(void);

/// Mappings that touch [begin, end).
uint64_t holdings_mappings_in(uint64_t begin, uint64_t end);

/// Objects in shared memory whose name contains `name`.
uint64_t holdings_objects(const char *name);

/// Locks of any process on the file at `path`; 0 where there is none.
uint64_t holdings_locks(const char *path);

#endif
