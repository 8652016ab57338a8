// SPDX-License-Identifier: MIT
#ifndef WORD_INDEX_COMMANDS_H
#define WORD_INDEX_COMMANDS_H

#include "examples/word_index/options.h"

// One command per file. Each prints its result to standard output, what went wrong to standard
// error, and returns the program's exit code.

int command_build(const struct options *options);
int command_worker(const struct options *options);
int command_top(const struct options *options);
int command_find(const struct options *options);
int command_drop(const struct options *options);
int command_clear(const struct options *options);
int command_stats(const struct options *options);
int command_rm(const struct options *options);

#endif
