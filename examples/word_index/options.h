// SPDX-License-Identifier: MIT
#ifndef WORD_INDEX_OPTIONS_H
#define WORD_INDEX_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum { WORKERS_MAX = 256, KILL_AFTER_MS_MAX = 60000 };

/// The command line. Private to the process; the strings are the caller's.
struct options {
  const char *heap;     ///< --heap; never null once parsed.
  uint64_t workers;     ///< --workers; 0 iff not given.
  uint64_t number;      ///< --number, a worker's own; 0 iff not given.
  uint64_t kill_after_ms;  ///< --kill-after; 0 iff not given.
  char **arguments;     ///< What is no option.
  int argument_count;
};

/// Reads what follows the command's name: options anywhere, `--` ends them.
/// returns: false, and has said why, iff it is wrong.
bool options_parse(int count, char **arguments, struct options *out);

/// Reads a decimal number, the whole text.
/// returns: false iff it is none, or above `most`.
bool options_number(const char *text, uint64_t most, uint64_t *out);

#endif
