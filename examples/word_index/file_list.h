// SPDX-License-Identifier: MIT
#ifndef WORD_INDEX_FILE_LIST_H
#define WORD_INDEX_FILE_LIST_H

#include "examples/word_index/desk.h"

/// The files while they are being found: the array may still move. Private to the builder.
struct file_list {
  shoal_heap *heap;
  struct file_rec *files;
  uint64_t count;
  uint64_t capacity;
};

/// Adds a file.
/// returns: false, and has said why, iff there is no memory or there are 2^32 files.
bool file_list_add(struct file_list *list, const char *path, uint64_t bytes);

/// Gives the list to the index, and the order in which workers take the files: the largest first,
/// so that no worker is left alone with it at the end.
/// returns: false, and has said why, iff there is no memory.
bool file_list_publish(const struct file_list *list, const struct index *index);

/// The record of file `number`, which is below the count.
struct file_rec *file_at(const struct index *index, uint64_t number);

const char *file_path(const struct index *index, const struct file_rec *file);

enum file_state file_state(const struct file_rec *file);

/// Takes the next waiting file for the worker, and says so on its desk. Each file is given to one
/// worker number.
/// returns: false iff there is none left.
/// crash: the file that the desk names is taken by the worker, or waits for anybody.
bool file_take(const struct index *index, const struct worker *worker, uint64_t *number);

/// Whether the file is taken by `worker`, and nothing became of it yet.
bool file_is_taken(const struct index *index, uint64_t file, uint32_t worker);

/// Says what became of a file taken.
void file_finish(const struct index *index, struct file_rec *file, enum file_state state);

#endif
