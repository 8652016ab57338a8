// SPDX-License-Identifier: MIT
#ifndef SHL_MAPPING_LINUX_START_TIME_H
#define SHL_MAPPING_LINUX_START_TIME_H

#include <stdint.h>

// When the process or thread of a /proc/.../stat file started, in clock ticks since boot; 0 where
// it cannot be read.
uint64_t shl_start_time(const char *stat_path);

#endif
