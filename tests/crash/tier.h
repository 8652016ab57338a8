// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_CRASH_TIER_H
#define SHL_TESTS_CRASH_TIER_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/harness/tier.h"

/// Whether a part of a run, by its name, is to be played: all are, but where SHOAL_CRASH_ONLY has
/// the name of one, as an engine tells it of a failure.
bool tier_has(const char *part);

/// Whether what is drawn from `seed` is to be played: all is, but where SHOAL_CRASH_SEED has one.
bool tier_has_seed(uint64_t seed);

/// Tells of a failure the command that plays the part again, of the test of that name here.
void tier_tell_again(const char *test, const char *part);

/// The same of what was drawn from `seed`.
void tier_tell_seed_again(const char *test, const char *part, uint64_t seed);

#endif
