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
// An append is one store: that of `hit_bytes`. Before it the group lies in the part of the block
// that does not count; `total` follows from the groups and can be summed up again. As a group names
// its file, and a file has one group per word, whoever repeats the file of a dead worker sees which
// words already have it.
#include "examples/word_index/hits.h"

#include <string.h>

#include "examples/word_index/heap_range.h"
#include "examples/word_index/report.h"
#include "examples/word_index/varint.h"

enum { HEADER_BYTES_MAX = 4 * VARINT_BYTES_MAX };

static size_t encode_header(uint8_t *out, const struct file_hits *hits) {
  size_t used = varint_put(out, hits->file);
  used += varint_put(out + used, hits->total);
  used += varint_put(out + used, hits->line_count);
  used += varint_put(out + used, hits->bytes);
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
  block = shoal_realloc(heap, block, bytes > generous ? bytes : generous);
  if (block == NULL) {
    report_no_memory("a word's hits");
    return NULL;
  }
  word->hits = shoal_offset(heap, block);
  return block;
}

enum append_result hits_try_append(shoal_heap *heap, struct word_rec *word, uint32_t worker,
                                   const struct file_hits *hits) {
  uint32_t nobody = 0;
  if (!atomic_compare_exchange_strong_explicit(&word->holder, &nobody, worker,
                                               memory_order_acquire, memory_order_relaxed)) {
    return APPEND_BUSY;
  }
  uint8_t header[HEADER_BYTES_MAX];
  size_t header_bytes = encode_header(header, hits);
  uint64_t used = atomic_load_explicit(&word->hit_bytes, memory_order_relaxed);
  uint8_t *block = make_room(heap, word, used + header_bytes + hits->bytes);
  if (block != NULL) {
    memcpy(block + used, header, header_bytes);
    memcpy(block + used + header_bytes, hits->lines, hits->bytes);
    used += header_bytes + hits->bytes;
    atomic_store_explicit(&word->hit_bytes, used, memory_order_release);
    word->total += hits->total;
  }
  // Pairs with the CAS above in the next holder.
  atomic_store_explicit(&word->holder, 0, memory_order_release);
  return block != NULL ? APPEND_DONE : APPEND_NO_MEMORY;
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
