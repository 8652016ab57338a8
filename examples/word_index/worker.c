// SPDX-License-Identifier: MIT
// One of the processes that build: takes a file, reads it into a private tally, merges that into
// the shared map, marks the file, and so on until none waits.
//
// The store of FILE_INDEXED commits the file. Until then each of its words has the file's group or
// has it not (hits.c), so the file could be repeated by another worker without counting twice.
#include "examples/word_index/commands.h"
#include "examples/word_index/file_list.h"
#include "examples/word_index/merge.h"
#include "examples/word_index/report.h"
#include "examples/word_index/text.h"

/// returns: false iff the build cannot go on.
static bool index_file(const struct index *index, uint32_t worker, uint64_t number,
                       struct tally *tally) {
  struct file_rec *file = file_at(index, number);
  const char *path = file_path(index, file);
  int error = 0;
  tally_clear(tally);
  switch (text_read(path, tally, &error)) {
    case TEXT_BINARY:
      file_finish(index, file, FILE_BINARY);
      return true;
    case TEXT_UNREADABLE:
      file->error = (uint32_t)error;
      file_finish(index, file, FILE_UNREADABLE);
      return true;
    case TEXT_NO_MEMORY:
      report("worker %u has no private memory left for '%s'", worker, path);
      return false;
    case TEXT_READ:
      break;
  }
  if (!merge_tally(index, worker, number, tally)) return false;
  file->words = tally->total;
  file_finish(index, file, FILE_INDEXED);
  return true;
}

int command_worker(const struct options *options) {
  struct index index;
  uint32_t worker = (uint32_t)options->number;
  if (worker == 0 || options->argument_count != 0) {
    report("'worker' is started by 'build', not by hand");
    return EXIT_USAGE;
  }
  if (!index_open(&index, options->heap, INDEX_WRITE)) return EXIT_FAILED;
  struct tally tally = {0};
  uint64_t number = 0;
  bool works = true;
  while (works && atomic_load_explicit(&index.rec->stop, memory_order_relaxed) == 0 &&
         file_take(&index, worker, &number)) {
    works = index_file(&index, worker, number, &tally);
  }
  tally_free(&tally);
  index_close(&index);
  return works ? EXIT_OK : EXIT_FAILED;
}
