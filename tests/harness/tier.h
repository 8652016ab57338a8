// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_HARNESS_TIER_H
#define SHL_TESTS_HARNESS_TIER_H

// How far the engines that kill go: SHOAL_CRASH_TIER, commit where it is not set.
enum tier { TIER_COMMIT, TIER_NIGHTLY, TIER_RELEASE };

enum tier tier_of_run(void);

#endif
