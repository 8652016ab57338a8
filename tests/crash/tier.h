// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_CRASH_TIER_H
#define SHL_TESTS_CRASH_TIER_H

#include <stdbool.h>

#include "tests/harness/tier.h"

/// Whether a part of a run, by its name, is to be played: all are, but where SHOAL_CRASH_ONLY has
/// the name of one, as an engine tells it of a failure.
bool tier_has(const char *part);

/// Tells of a failure the command that plays the part again, of the test of that name here.
void tier_tell_again(const char *test, const char *part);

#endif
