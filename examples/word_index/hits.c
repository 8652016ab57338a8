// SPDX-License-Identifier: MIT
// A word's hits: one block that grows, whoever allocated it. It holds a group per file,
//
//   file | total | line count | bytes | line, line - line before, ...          (all varints)
//
// in the order in which the workers finished the files. A hit takes little more than a byte.
//
// Workers append under `holder`, which they only try to take: who finds a word held goes on with
// its other words and comes back (merge.c), so nobody waits for a worker that was stopped or
// preempted. Readers come when the build is over, or copy and check (index.h).
//
// An append is a redo record on the worker's desk, carried out:
//
//   desk.word = word; holder 0 -> worker; desk.hit_bytes, desk.total = the word's;
//   desk.entry = the batch's entry (C); room; the group; hit_bytes; total; entry merged;
//   desk.entry = 0; holder = 0
//
// Nobody but the holder changes the word, and what is stored follows from the desk alone. So the
// worker that follows a dead one does all from (C) again, from whichever point, and it ends the
// same: one group. Before (C) nothing was done, and the entry is not merged. A holder that is dead
// keeps one word, until its successor lets go of it; the builder starts one at once (crew.c).
#include "examples/word_index/hits.h"

#include <shoal/exact.h>
#include <string.h>

#include "examples/word_index/batch.h"
#include "examples/word_index/heap_range.h"
#include "examples/word_index/report.h"
#include "examples/word_index/varint.h"

enum { HEADER_BYTES_MAX = 4 * VARINT_BYTES_MAX };

static size_t encode_header(uint8_t *out, uint64_t file, const struct batch_word_rec *entry) {
  size_t used = varint_put(out, file);
  used += varint_put(out + used, entry->total);
  used += varint_put(out + used, entry->line_count);
  used += varint_put(out + used, entry->line_bytes);
  return used;
}

/// The word's block, with room for `bytes`: as it is, or reallocated.
static uint8_t *make_room(shoal_heap *heap, struct word_rec *word, uint64_t bytes) {
  uint8_t *block = shoal_ptr(heap, word->hits);
  size_t room = shoal_usable_size(heap, block);
  if (room >= bytes) return block;
  // Half as much again, so that a word's hits are copied a bounded number of times each. The first
  // block is exact: most words are met in one file only.
  uint64_t generous = room + room / 2;
  shoal_status status =
      shoal_realloc_to(heap, &word->hits, bytes > generous ? bytes : generous);
  if (status == SHOAL_OK) return shoal_ptr(heap, word->hits);
  report_status(status, "no memory in the heap for a word's hits");
  return NULL;
}

static void let_go(struct desk_rec *desk, struct word_rec *word) {
  atomic_store_explicit(&desk->entry, 0, memory_order_release);
  // Pairs with the CAS in the next holder.
  atomic_store_explicit(&word->holder, 0, memory_order_release);
}

/// Carries out what the desk says, from its beginning.
static bool redo_append(const struct worker *worker, struct word_rec *word) {
  struct desk_rec *desk = worker->desk;
  uint64_t off = atomic_load_explicit(&desk->entry, memory_order_relaxed);
  struct batch_word_rec *entry = shoal_ptr(worker->heap, off);
  uint8_t header[HEADER_BYTES_MAX];
  uint64_t file = atomic_load_explicit(&desk->file, memory_order_relaxed) - 1;
  size_t header_bytes = encode_header(header, file, entry);
  uint64_t used = desk->hit_bytes;
  uint8_t *block = make_room(worker->heap, word, used + header_bytes + entry->line_bytes);
  if (block == NULL) return false;
  memcpy(block + used, header, header_bytes);
  memcpy(block + used + header_bytes, batch_lines(entry), entry->line_bytes);
  used += header_bytes + entry->line_bytes;
  atomic_store_explicit(&word->hit_bytes, used, memory_order_release);
  atomic_store_explicit(&word->total, desk->total + entry->total, memory_order_release);
  atomic_store_explicit(&entry->merged, 1, memory_order_release);
  return true;
}

enum append_result hits_try_append(const struct worker *worker, struct word_rec *word,
                                   struct batch_word_rec *entry) {
  struct desk_rec *desk = worker->desk;
  atomic_store_explicit(&desk->word, shoal_offset(worker->heap, word), memory_order_release);
  uint32_t nobody = 0;
  if (!atomic_compare_exchange_strong_explicit(&word->holder, &nobody, worker->number,
                                               memory_order_acq_rel, memory_order_relaxed)) {
    return APPEND_BUSY;
  }
  desk->hit_bytes = atomic_load_explicit(&word->hit_bytes, memory_order_relaxed);
  desk->total = atomic_load_explicit(&word->total, memory_order_relaxed);
  atomic_store_explicit(&desk->entry, shoal_offset(worker->heap, entry), memory_order_release);
  bool done = redo_append(worker, word);
  let_go(desk, word);
  return done ? APPEND_DONE : APPEND_NO_MEMORY;
}

bool hits_inherit(const struct worker *worker) {
  struct desk_rec *desk = worker->desk;
  struct word_rec *word =
      shoal_ptr(worker->heap, atomic_load_explicit(&desk->word, memory_order_relaxed));
  if (word == NULL) return true;
  if (atomic_load_explicit(&word->holder, memory_order_acquire) != worker->number) return true;
  bool is_cut_short = atomic_load_explicit(&desk->entry, memory_order_relaxed) != 0;
  bool done = !is_cut_short || redo_append(worker, word);
  let_go(desk, word);
  return done;
}

struct hits_cursor hits_of_word(const shoal_heap *heap, const struct word_rec *word) {
  uint64_t bytes = atomic_load_explicit(&word->hit_bytes, memory_order_acquire);
  const uint8_t *block = heap_range(heap, word->hits, bytes);
  return (struct hits_cursor){block, block == NULL ? NULL : block + bytes};
}

bool hits_next(struct hits_cursor *cursor, struct file_hits *out) {
  if (cursor->at == cursor->end) return false;
  out->file = varint_get(&cursor->at, cursor->end);
  out->total = varint_get(&cursor->at, cursor->end);
  out->line_count = varint_get(&cursor->at, cursor->end);
  out->bytes = varint_get(&cursor->at, cursor->end);
  out->lines = cursor->at;
  if (out->bytes > (uint64_t)(cursor->end - cursor->at)) return false;
  cursor->at += out->bytes;
  return true;
}

bool hits_next_line(struct file_hits *hits, uint64_t *line) {
  const uint8_t *end = hits->lines + hits->bytes;
  if (hits->bytes == 0) return false;
  *line += varint_get(&hits->lines, end);
  hits->bytes = (uint64_t)(end - hits->lines);
  return true;
}
