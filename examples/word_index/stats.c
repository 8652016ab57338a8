// SPDX-License-Identifier: MIT
// stats: what the index holds, and what the heap says of itself.
#include <inttypes.h>
#include <stdio.h>

#include "examples/word_index/commands.h"
#include "examples/word_index/file_list.h"
#include "examples/word_index/report.h"
#include "examples/word_index/word_map.h"

/// Sums over the index. Private to the process.
struct sums {
  uint64_t files;
  uint64_t skipped;
  uint64_t text_bytes;
  uint64_t occurrences;
  uint64_t words;
  uint64_t hit_bytes;
};

static bool add_word(void *context, const struct word_rec *word) {
  struct sums *sums = context;
  sums->words++;
  sums->occurrences += atomic_load_explicit(&word->total, memory_order_relaxed);
  sums->hit_bytes += atomic_load_explicit(&word->hit_bytes, memory_order_relaxed);
  return true;
}

static void add_files(const struct index *index, struct sums *sums) {
  for (uint64_t i = 0; i < index->rec->file_count; i++) {
    const struct file_rec *file = file_at(index, i);
    if (file_state(file) == FILE_INDEXED) {
      sums->files++;
      sums->text_bytes += file->bytes;
    } else {
      sums->skipped++;
    }
  }
}

static bool sum_index(const struct index *index, struct sums *out) {
  const struct word_map map = {index->heap, &index->rec->map, NULL};
  for (;;) {
    uint64_t epoch = 0;
    *out = (struct sums){0};
    if (!index_begin_read(index, &epoch)) return false;
    bool whole = word_map_each(&map, add_word, out);
    add_files(index, out);
    if (!index_end_read(index, epoch)) continue;
    if (!whole) report("heap '%s' is damaged: its list of words contradicts itself", index->name);
    return whole;
  }
}

static void print_figure(const char *name, uint64_t n) {
  (void)printf("  %-22s %15" PRIu64 "\n", name, n);
}

static void print_sums(const struct index *index, const struct sums *sums) {
  (void)printf("index in heap '%s'\n", index->name);
  print_figure("files", sums->files);
  print_figure("files skipped", sums->skipped);
  print_figure("bytes of text", sums->text_bytes);
  print_figure("occurrences", sums->occurrences);
  print_figure("different words", sums->words);
  print_figure("bytes of hits", sums->hit_bytes);
  print_figure("buckets", atomic_load_explicit(&index->rec->map.buckets, memory_order_relaxed));
  print_figure("built by workers", index->rec->workers);
}

static void print_heap(const shoal_heap_stats *stats) {
  (void)printf("heap, in bytes\n");
  print_figure("capacity", stats->capacity);
  print_figure("committed", stats->committed);
  print_figure("live", stats->live);
  print_figure("cached", stats->cached);
  print_figure("free", stats->free);
  print_figure("metadata committed", stats->metadata_committed);
  (void)printf("heap, counted\n");
  print_figure("live blocks", stats->live_blocks);
  print_figure("slabs", stats->slabs);
  print_figure("runs", stats->runs);
  print_figure("huge runs", stats->huge_runs);
  print_figure("chunks of 2 MiB", stats->chunks_high_water);
  print_figure("thread slots", stats->thread_slots);
  print_figure("orphan thread slots", stats->thread_slots_orphan);
  print_figure("processes", stats->processes);
}

int command_stats(const struct options *options) {
  struct index index;
  struct sums sums;
  shoal_heap_stats stats = {.size = sizeof stats};
  if (options->argument_count != 0) {
    report("stats takes no more than --heap NAME");
    return EXIT_USAGE;
  }
  if (!index_open(&index, options->heap, INDEX_READ)) return EXIT_FAILED;
  bool works = sum_index(&index, &sums);
  shoal_status status = works ? shoal_stats(index.heap, &stats) : SHOAL_OK;
  if (status != SHOAL_OK) report_status(status, "no statistics of heap '%s'", options->heap);
  works = works && status == SHOAL_OK;
  if (works) {
    print_sums(&index, &sums);
    print_heap(&stats);
  }
  index_close(&index);
  return works ? EXIT_OK : EXIT_FAILED;
}
