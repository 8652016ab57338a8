// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MAPPING_DOOM_H
#define SHL_TESTS_MAPPING_DOOM_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/harness/process.h"
#include "tests/mapping/place.h"

// Helper processes that end or stand still ahead of their n-th system call.

/// Starts `role` with the place, the call's number and the signal's as its arguments.
bool doom_start(struct test_child *child, const char *role, const struct place *place, uint64_t at,
                int signal_number);

/// Starts a role that is to kill itself ahead of call `at`, and waits for its end.
/// returns: whether it did so; false: it got through, or failed, which fails the test.
bool doom_kill(const char *role, const struct place *place, uint64_t at);

/// From one `at` to the next: 1, or more where the build is slow.
uint64_t doom_step(void);

/// In a role: from here on system calls are counted, and the one that the arguments say is the
/// last.
void doom_begin(int argc, char **argv);

/// In a role: the process has got through.
void doom_end(void);

#endif
