// SPDX-License-Identifier: MIT
// What one of the processes that build does: takes a file, reads it into a private tally, copies
// that into the heap, merges the copy into the shared map, marks the file, and so on until none
// waits. It may be killed at any instruction; the next worker of its number begins by finishing
// what it was at.
//
//   desk.file = file; file TAKEN   |  the file is the desk's, to be read from its beginning
//   read, batch                    |  the same
//   desk.counted = file            |  the batch is merged, the file not read again
//   words merged, one by one       |  the rest is merged
//   file INDEXED                   |  the batch is freed
//   desk.counted = 0; batch freed  |  nothing to do
//
// Each step of these is one store, and each way on from a death is a way that can be cut short and
// begun again. So a file counts once, however often its worker died.
#include "examples/word_index/work.h"

#include <shoal/inspect.h>

#include "examples/word_index/batch.h"
#include "examples/word_index/file_list.h"
#include "examples/word_index/merge.h"
#include "examples/word_index/report.h"
#include "examples/word_index/text.h"

bool work_on_batch(const struct index *index, const struct worker *worker) {
  uint64_t number = atomic_load_explicit(&worker->desk->counted, memory_order_relaxed) - 1;
  struct file_rec *file = file_at(index, number);
  if (!merge_batch(index, worker)) return false;
  file->words = batch_of(index->heap, worker->desk)->total;
  file_finish(index, file, FILE_INDEXED);
  desk_step(worker->desk);
  batch_end(index->heap, worker->desk);
  return true;
}

/// returns: false iff the build cannot go on.
static bool index_file(const struct index *index, const struct worker *worker, uint64_t number,
                       struct tally *tally) {
  struct file_rec *file = file_at(index, number);
  const char *path = file_path(index, file);
  int error = 0;
  tally_clear(tally);
  switch (text_read(path, tally, &error)) {
    case TEXT_BINARY:
      file_finish(index, file, FILE_BINARY);
      desk_step(worker->desk);
      return true;
    case TEXT_UNREADABLE:
      file->error = (uint32_t)error;
      file_finish(index, file, FILE_UNREADABLE);
      desk_step(worker->desk);
      return true;
    case TEXT_NO_MEMORY:
      report("worker %u has no private memory left for '%s'", worker->number, path);
      return false;
    case TEXT_READ:
      break;
  }
  if (!batch_make(index->heap, worker->desk, tally)) return false;
  atomic_store_explicit(&worker->desk->counted, number + 1, memory_order_release);
  desk_step(worker->desk);
  return work_on_batch(index, worker);
}

bool work_inherit(const struct index *index, const struct worker *worker, struct tally *tally) {
  struct desk_rec *desk = worker->desk;
  if (!merge_inherit(index, worker)) return false;
  uint64_t file = atomic_load_explicit(&desk->file, memory_order_relaxed);
  bool is_mine = file != 0 && file_is_taken(index, file - 1, worker->number);
  if (is_mine && atomic_load_explicit(&desk->counted, memory_order_acquire) == file) {
    return work_on_batch(index, worker);
  }
  batch_end(index->heap, desk);
  return !is_mine || index_file(index, worker, file - 1, tally);
}

bool work_at_desk(const struct index *index, const struct worker *worker) {
  struct tally tally = {0};
  uint64_t number = 0;
  // What is on the desk belongs to who follows once the dead one's own calls are settled.
  shoal_status status = shoal_reap(index->heap);
  if (status != SHOAL_OK) report_status(status, "worker %u cannot take over", worker->number);
  bool works = status == SHOAL_OK && work_inherit(index, worker, &tally);
  while (works && atomic_load_explicit(&index->rec->stop, memory_order_relaxed) == 0 &&
         file_take(index, worker, &number)) {
    works = index_file(index, worker, number, &tally);
  }
  tally_free(&tally);
  return works;
}
