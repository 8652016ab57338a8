// SPDX-License-Identifier: MIT
// The files to index, in the heap: the list of work, and later what `find` names.
//
// A file is taken by a CAS of its state from WAITING. `next_file` says where to begin looking: all
// files before it are taken. It is raised by whoever finds the file there taken, not by the one who
// took it alone, so a worker that dies in between keeps nobody, and no file is passed by. Before
// the CAS the worker's desk names the file: who follows a dead worker sees whether it was taken.
#include "examples/word_index/file_list.h"

#include <stdlib.h>
#include <string.h>

#include "examples/word_index/report.h"

enum { FIRST_FILES = 64 };

/// A file's size and number, to be sorted. Private to the process.
struct sized_file {
  uint64_t bytes;
  uint32_t number;
};

bool file_list_add(struct file_list *list, const char *path, uint64_t bytes) {
  if (list->count == UINT32_MAX) {
    report("more than %u files", UINT32_MAX);
    return false;
  }
  if (list->count == list->capacity) {
    uint64_t capacity = list->capacity == 0 ? FIRST_FILES : list->capacity * 2;
    struct file_rec *files = shoal_realloc(list->heap, list->files, capacity * sizeof *files);
    if (files == NULL) {
      report_no_memory("the list of files");
      return false;
    }
    list->files = files;
    list->capacity = capacity;
  }
  size_t path_bytes = strlen(path) + 1;
  char *copy = shoal_malloc(list->heap, path_bytes);
  if (copy == NULL) {
    report_no_memory("a path");
    return false;
  }
  memcpy(copy, path, path_bytes);
  list->files[list->count++] =
      (struct file_rec){.path = shoal_offset(list->heap, copy), .bytes = bytes};
  return true;
}

static int compare_sizes(const void *left, const void *right) {
  const struct sized_file *a = left;
  const struct sized_file *b = right;
  if (a->bytes != b->bytes) return a->bytes > b->bytes ? -1 : 1;
  return a->number < b->number ? -1 : a->number > b->number;
}

static bool fill_order(const struct file_list *list, uint32_t *order) {
  struct sized_file *sorted = calloc(list->count + 1, sizeof *sorted);
  if (sorted == NULL) return false;
  for (uint64_t i = 0; i < list->count; i++) {
    sorted[i] = (struct sized_file){list->files[i].bytes, (uint32_t)i};
  }
  qsort(sorted, list->count, sizeof *sorted, compare_sizes);
  for (uint64_t i = 0; i < list->count; i++) order[i] = sorted[i].number;
  free(sorted);
  return true;
}

bool file_list_publish(const struct file_list *list, const struct index *index) {
  uint32_t *order = shoal_calloc(list->heap, list->count, sizeof *order);
  if (order == NULL || !fill_order(list, order)) {
    report_no_memory("the order of files");
    return false;
  }
  index->rec->files = shoal_offset(list->heap, list->files);
  index->rec->order = shoal_offset(list->heap, order);
  index->rec->file_count = list->count;
  return true;
}

struct file_rec *file_at(const struct index *index, uint64_t number) {
  return (struct file_rec *)shoal_ptr(index->heap, index->rec->files) + number;
}

const char *file_path(const struct index *index, const struct file_rec *file) {
  return shoal_ptr(index->heap, file->path);
}

enum file_state file_state(const struct file_rec *file) {
  uint32_t word = atomic_load_explicit(&file->state, memory_order_acquire);
  return (enum file_state)(word & ((1U << FILE_STATE_BITS) - 1));
}

static uint32_t taken_by(uint32_t worker) {
  return FILE_TAKEN | worker << FILE_STATE_BITS;
}

bool file_take(const struct index *index, const struct worker *worker, uint64_t *number) {
  const uint32_t *order = shoal_ptr(index->heap, index->rec->order);
  _Atomic uint64_t *next = &index->rec->next_file;
  uint64_t at = atomic_load_explicit(next, memory_order_relaxed);
  while (at < index->rec->file_count) {
    uint32_t waiting = FILE_WAITING;
    atomic_store_explicit(&worker->desk->file, order[at] + UINT64_C(1), memory_order_release);
    bool taken = atomic_compare_exchange_strong_explicit(
        &file_at(index, order[at])->state, &waiting, taken_by(worker->number),
        memory_order_acq_rel, memory_order_relaxed);
    *number = order[at];
    uint64_t seen = at;
    if (atomic_compare_exchange_strong_explicit(next, &seen, at + 1, memory_order_relaxed,
                                                memory_order_relaxed)) {
      seen = at + 1;
    }
    if (taken) return true;
    at = seen;
  }
  return false;
}

bool file_is_taken(const struct index *index, uint64_t file, uint32_t worker) {
  uint32_t state = atomic_load_explicit(&file_at(index, file)->state, memory_order_acquire);
  return state == taken_by(worker);
}

void file_finish(const struct index *index, struct file_rec *file, enum file_state state) {
  atomic_store_explicit(&file->state, (uint32_t)state, memory_order_release);
  (void)atomic_fetch_add_explicit(&index->rec->bytes_done, file->bytes, memory_order_relaxed);
}
