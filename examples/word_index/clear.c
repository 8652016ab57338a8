// SPDX-License-Identifier: MIT
// clear: takes the index apart and frees each block that it names, whoever has allocated it. What
// is left then is named by nobody: it was lost by a worker that died, and there is none.
#include <inttypes.h>
#include <stdio.h>

#include "examples/word_index/commands.h"
#include "examples/word_index/report.h"
#include "examples/word_index/take_apart.h"

static void tell_finding(void *context, shoal_off off, const char *text) {
  (void)context;
  report("at offset %" PRIu64 ": %s", off, text);
}

/// returns: how many blocks are left; UINT64_MAX, having said why, iff that cannot be told.
static uint64_t count_left(const struct index *index) {
  shoal_heap_stats stats = {.size = sizeof stats};
  shoal_status status = shoal_stats(index->heap, &stats);
  if (status == SHOAL_OK) return stats.live_blocks;
  report_status(status, "no statistics of heap '%s'", index->name);
  return UINT64_MAX;
}

static bool check_heap(const struct index *index) {
  shoal_status status = shoal_check(index->heap, tell_finding, NULL);
  if (status != SHOAL_OK) report_status(status, "heap '%s' does not pass its check", index->name);
  return status == SHOAL_OK;
}

static bool clear_index(const struct index *index) {
  if (!check_heap(index)) return false;
  shoal_status status = shoal_root_remove(index->heap, INDEX_ROOT);
  if (status != SHOAL_OK) {
    report_status(status, "cannot remove the root of heap '%s'", index->name);
    return false;
  }
  uint64_t freed = take_apart(index);
  uint64_t left = count_left(index);
  (void)printf("%" PRIu64 " blocks freed, %" PRIu64 " left\n", freed, left);
  return check_heap(index) && left == 0;
}

int command_clear(const struct options *options) {
  struct index index;
  if (options->argument_count != 0) {
    report("clear takes no more than --heap NAME");
    return EXIT_USAGE;
  }
  if (!index_open(&index, options->heap, INDEX_WRITE)) return EXIT_FAILED;
  bool cleared = index_begin_change(&index) && clear_index(&index);
  index_close(&index);
  return cleared ? EXIT_OK : EXIT_FAILED;
}
