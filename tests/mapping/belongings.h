// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MAPPING_BELONGINGS_H
#define SHL_TESTS_MAPPING_BELONGINGS_H

#include <stddef.h>

// What a process has of the system's, as /proc tells: for tests that nothing is left behind.

/// Private to the process.
struct belongings {
  size_t descriptors;
  size_t mappings;  ///< Of regions: objects of /dev/shm, memfds, files in the test's folder.
};

struct belongings belongings_count(void);

/// Expects that the process has what it had.
void belongings_expect(struct belongings before, const char *what);

#endif
