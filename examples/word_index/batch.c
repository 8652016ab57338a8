// SPDX-License-Identifier: MIT
// A file's words on their way from the private memory of the worker that has read it into the map:
// a copy in the heap, which outlives the worker. It is what makes each file count once.
//
//   private tally --copy--> batch   counted = file   word by word into the map   INDEXED   freed
//                           (from here on the file    (each marked `merged`)
//                            is not read again)
//
// Invariants
//   I1  `counted` is 0 or the file's number, and then the batch is whole and the file is TAKEN by
//       the desk's worker, or just finished.
//   I2  `batch` is 0 or names a block, at any time: it is changed by shoal_alloc_to and free_from.
// A crash before `counted` leaves a batch that does not count, and none of it is in the map: the
// file is read again. After it, what the batch says is merged by whoever comes next, from where the
// dead one was, even if the file has changed or is gone.
#include "examples/word_index/batch.h"

#include <shoal/exact.h>
#include <string.h>

#include "examples/word_index/report.h"

static size_t word_bytes(uint64_t length, uint64_t line_bytes) {
  const size_t step = sizeof(uint64_t);
  return (sizeof(struct batch_word_rec) + length + line_bytes + step - 1) / step * step;
}

static void copy_word(struct batch_word_rec *out, const struct tally *tally, size_t place) {
  const struct tally_word *word = &tally->words[place];
  *out = (struct batch_word_rec){.hash = word->hash,
                                 .total = word->total,
                                 .line_count = word->line_count,
                                 .line_bytes = word->bytes,
                                 .length = word->length};
  char *text = (char *)(out + 1);
  memcpy(text, tally->text + word->text_at, word->length);
  memcpy(text + word->length, word->lines, word->bytes);
}

bool batch_make(shoal_heap *heap, struct desk_rec *desk, const struct tally *tally) {
  uint64_t bytes = sizeof(struct batch_rec);
  for (size_t i = 0; i < tally->count; i++) {
    bytes += word_bytes(tally->words[i].length, tally->words[i].bytes);
  }
  shoal_status status = shoal_alloc_to(heap, &desk->batch, bytes, 0);
  if (status != SHOAL_OK) {
    report_status(status, "no memory in the heap for a batch");
    return false;
  }
  struct batch_rec *batch = batch_of(heap, desk);
  *batch = (struct batch_rec){.count = tally->count, .total = tally->total, .bytes = bytes};
  char *at = (char *)(batch + 1);
  for (size_t i = 0; i < tally->count; i++) {
    copy_word((struct batch_word_rec *)(void *)at, tally, i);
    at += word_bytes(tally->words[i].length, tally->words[i].bytes);
  }
  return true;
}

struct batch_rec *batch_of(const shoal_heap *heap, const struct desk_rec *desk) {
  return shoal_ptr(heap, desk->batch);
}

struct batch_word_rec *batch_first(struct batch_rec *batch) {
  return batch->count == 0 ? NULL : (struct batch_word_rec *)(void *)(batch + 1);
}

struct batch_word_rec *batch_next(const struct batch_rec *batch, struct batch_word_rec *word) {
  char *next = (char *)word + word_bytes(word->length, word->line_bytes);
  return next == (const char *)batch + batch->bytes ? NULL
                                                    : (struct batch_word_rec *)(void *)next;
}

struct word_key batch_key(const struct batch_word_rec *word) {
  return (struct word_key){(const char *)(word + 1), word->length, word->hash};
}

const uint8_t *batch_lines(const struct batch_word_rec *word) {
  return (const uint8_t *)(word + 1) + word->length;
}

void batch_end(shoal_heap *heap, struct desk_rec *desk) {
  atomic_store_explicit(&desk->counted, 0, memory_order_release);
  (void)shoal_free_from(heap, &desk->batch);
}
