// SPDX-License-Identifier: MIT
#ifndef WORD_INDEX_TEXT_H
#define WORD_INDEX_TEXT_H

#include "examples/word_index/tally.h"

enum text_result { TEXT_READ, TEXT_BINARY, TEXT_UNREADABLE, TEXT_NO_MEMORY };

/// Reads the file and adds its words to `tally`, which is empty. A line ends at '\n'; a file with a
/// NUL byte in its first 8 KiB is binary, elsewhere a NUL separates words like any other byte.
/// returns: UNREADABLE and the errno in *error, BINARY, NO_MEMORY; then the tally is of no use.
enum text_result text_read(const char *path, struct tally *tally, int *error);

#endif
