// SPDX-License-Identifier: MIT
// worker: one of the processes that build, started by `build`. It may be killed at any instruction.
#include "examples/word_index/commands.h"
#include "examples/word_index/process.h"
#include "examples/word_index/report.h"
#include "examples/word_index/work.h"

int command_worker(const struct options *options) {
  struct index index;
  if (options->number == 0 || options->argument_count != 0) {
    report("'worker' is started by 'build', not by hand");
    return EXIT_USAGE;
  }
  // Its successor is started by the builder: without one, a word that a dead worker holds stays so.
  process_end_with_parent();
  if (!index_open(&index, options->heap, INDEX_WRITE)) return EXIT_FAILED;
  bool works = false;
  if (options->number > index.rec->workers) {
    report("there is no desk %u", (unsigned)options->number);
  } else {
    uint32_t number = (uint32_t)options->number;
    const struct worker worker = {index.heap, desk_at(&index, number), number};
    works = work_at_desk(&index, &worker);
  }
  index_close(&index);
  return works ? EXIT_OK : EXIT_FAILED;
}
