// SPDX-License-Identifier: MIT
// rm: removes the heap, built or half-built. Processes that have it open keep it until they end.
#include <shoal/shoal.h>

#include "examples/word_index/commands.h"
#include "examples/word_index/report.h"

int command_rm(const struct options *options) {
  if (options->argument_count != 0) {
    report("rm takes no more than --heap NAME");
    return EXIT_USAGE;
  }
  shoal_status status = shoal_unlink(options->heap);
  if (status == SHOAL_OK) return EXIT_OK;
  report_status(status, "cannot remove heap '%s'", options->heap);
  return EXIT_FAILED;
}
