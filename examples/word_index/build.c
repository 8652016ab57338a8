// SPDX-License-Identifier: MIT
// build: makes the heap, lists the files in it, lets workers index them, says what was skipped. A
// build that fails removes the heap again.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "examples/word_index/commands.h"
#include "examples/word_index/crew.h"
#include "examples/word_index/file_list.h"
#include "examples/word_index/process.h"
#include "examples/word_index/report.h"
#include "examples/word_index/walk.h"
#include "examples/word_index/word_map.h"

/// What became of all files. Private to the process.
struct tallies {
  uint64_t indexed;
  uint64_t skipped;
  uint64_t bytes;
  uint64_t words;
};

static bool add_file(void *context, const char *path, uint64_t bytes) {
  return file_list_add(context, path, bytes);
}

static void name_skipped(void *context, const char *path, int error) {
  (void)context;
  report("skipped '%s': %s", path, strerror(error));
}

static bool find_files(const struct options *options, const struct index *index) {
  struct file_list list = {.heap = index->heap};
  const struct walk_calls calls = {add_file, name_skipped, &list};
  for (int i = 0; i < options->argument_count; i++) {
    int error = 0;
    uint64_t before = list.count;
    enum walk_result result = walk_path(options->arguments[i], &calls, &error);
    if (result == WALK_NOT_FOUND) {
      report("cannot read '%s': %s", options->arguments[i], strerror(error));
    }
    if (result != WALK_DONE) return false;
    if (list.count == before) {
      report("no file at or below '%s'; symbolic links are not followed", options->arguments[i]);
    }
  }
  return file_list_publish(&list, index);
}

/// returns: false, and has said why, iff a file is not done.
static bool sum_up(const struct index *index, struct tallies *out) {
  for (uint64_t i = 0; i < index->rec->file_count; i++) {
    const struct file_rec *file = file_at(index, i);
    switch (file_state(file)) {
      case FILE_BINARY:
        report("skipped '%s': binary", file_path(index, file));
        out->skipped++;
        break;
      case FILE_UNREADABLE:
        report("skipped '%s': %s", file_path(index, file), strerror((int)file->error));
        out->skipped++;
        break;
      case FILE_INDEXED:
        out->indexed++;
        out->bytes += file->bytes;
        out->words += file->words;
        break;
      case FILE_WAITING:
      case FILE_TAKEN:
        report("'%s' was left out", file_path(index, file));
        return false;
    }
  }
  return true;
}

static void print_build(const struct index *index, const struct tallies *tallies,
                        const struct crew_run *run, double seconds) {
  uint64_t different = atomic_load_explicit(&index->rec->map.words, memory_order_relaxed);
  (void)printf("%" PRIu64 " files, %" PRIu64 " skipped, %.1f MiB, %" PRIu64 " words, %" PRIu64
               " different, %" PRIu32 " workers, %" PRIu64 " killed, %.2f s\n",
               tallies->indexed, tallies->skipped, (double)tallies->bytes / (1 << 20),
               tallies->words, different, run->workers, run->killed, seconds);
}

static bool build_index(const struct options *options, const struct index *index) {
  uint64_t begin_us = process_now_us();
  uint64_t workers = options->workers == 0 ? process_processors() : options->workers;
  if (workers > WORKERS_MAX) workers = WORKERS_MAX;
  struct crew_run run = {.workers = (uint32_t)workers, .kill_after_ms = options->kill_after_ms};
  if (!find_files(options, index) || !index_add_desks(index, run.workers)) return false;
  if (!crew_run(index, &run)) return false;
  struct tallies tallies = {0};
  if (!sum_up(index, &tallies)) return false;
  const struct word_map map = {index->heap, &index->rec->map, NULL};
  if (run.killed > 0) word_map_recount(&map);
  index_finish_build(index);
  print_build(index, &tallies, &run, (double)(process_now_us() - begin_us) / 1e6);
  return true;
}

int command_build(const struct options *options) {
  struct index index;
  if (options->argument_count == 0) {
    report("build what? give files or directories");
    return EXIT_USAGE;
  }
  if (!index_create(&index, options->heap)) return EXIT_FAILED;
  bool built = build_index(options, &index);
  index_close(&index);
  if (built) return EXIT_OK;
  shoal_status status = shoal_unlink(options->heap);
  if (status == SHOAL_OK) {
    report("the index was not built; heap '%s' is removed", options->heap);
  } else {
    report_status(status, "the index was not built, and heap '%s' stays", options->heap);
  }
  return EXIT_FAILED;
}
