// SPDX-License-Identifier: MIT
// What one worker has found in the one file that it reads: ordinary private memory. The shared map
// hears of a file only when all of it was read, so a file that fails half-way leaves no trace, and
// each word of it costs one look into the map instead of one per occurrence.
//
// The memory stays for the next file; only unusually long lists are returned.
#include "examples/word_index/tally.h"

#include <stdlib.h>
#include <string.h>

#include "examples/word_index/varint.h"

enum { FIRST_SLOTS = 4096, LINES_KEPT = 4096 };

/// Slots per word from which on words are cleared one by one: finding one costs about as much as
/// clearing this many slots in a row.
enum { SPARSE_SLOTS = 64 };

/// Makes room for `need` elements of `size` bytes; doubles. Null iff there is no memory.
static void *grow(void *block, size_t *capacity, size_t need, size_t size) {
  if (need <= *capacity) return block;
  size_t wanted = *capacity * 2 > need ? *capacity * 2 : need;
  void *larger = wanted > SIZE_MAX / size ? NULL : realloc(block, wanted * size);
  if (larger != NULL) *capacity = wanted;
  return larger;
}

static uint32_t *find_slot(const struct tally *tally, const struct word_key *key) {
  size_t mask = tally->slot_count - 1;
  for (size_t at = key->hash & mask;; at = (at + 1) & mask) {
    uint32_t *slot = &tally->slots[at];
    if (*slot == 0) return slot;
    const struct tally_word *word = &tally->words[*slot - 1];
    if (word->hash == key->hash && word->length == key->length &&
        memcmp(tally->text + word->text_at, key->text, key->length) == 0) {
      return slot;
    }
  }
}

static bool grow_slots(struct tally *tally) {
  size_t count = tally->slot_count == 0 ? FIRST_SLOTS : tally->slot_count * 2;
  uint32_t *slots = calloc(count, sizeof *slots);
  if (slots == NULL) return false;
  free(tally->slots);
  tally->slots = slots;
  tally->slot_count = count;
  for (size_t i = 0; i < tally->count; i++) {
    struct word_key key = tally_key(tally, i);
    *find_slot(tally, &key) = (uint32_t)(i + 1);
  }
  return true;
}

static bool append_word(struct tally *tally, const struct word_key *key) {
  if (tally->count == UINT32_MAX) return false;
  size_t capacity = tally->capacity;
  struct tally_word *words = grow(tally->words, &capacity, tally->count + 1, sizeof *words);
  if (words == NULL) return false;
  // What lies behind the old capacity has no list to be used again yet.
  memset(words + tally->capacity, 0, (capacity - tally->capacity) * sizeof *words);
  tally->words = words;
  tally->capacity = capacity;
  size_t need = tally->text_bytes + key->length;
  char *text = grow(tally->text, &tally->text_capacity, need, 1);
  if (text == NULL) return false;
  tally->text = text;
  memcpy(text + tally->text_bytes, key->text, key->length);
  struct tally_word *word = &words[tally->count++];
  *word = (struct tally_word){.hash = key->hash, .text_at = tally->text_bytes,
                              .length = key->length, .lines = word->lines,
                              .capacity = word->capacity};
  tally->text_bytes = need;
  return true;
}

bool tally_add(struct tally *tally, const struct word_key *key, uint64_t line) {
  if (tally->count >= tally->slot_count / 2 && !grow_slots(tally)) return false;
  uint32_t *slot = find_slot(tally, key);
  if (*slot == 0) {
    if (!append_word(tally, key)) return false;
    *slot = (uint32_t)tally->count;
  }
  struct tally_word *word = &tally->words[*slot - 1];
  word->total++;
  tally->total++;
  if (word->last_line == line) return true;
  uint8_t *lines = grow(word->lines, &word->capacity, word->bytes + VARINT_BYTES_MAX, 1);
  if (lines == NULL) return false;
  word->lines = lines;
  word->bytes += varint_put(lines + word->bytes, line - word->last_line);
  word->last_line = line;
  word->line_count++;
  return true;
}

struct word_key tally_key(const struct tally *tally, size_t place) {
  const struct tally_word *word = &tally->words[place];
  return (struct word_key){tally->text + word->text_at, word->length, word->hash};
}

/// Empties the slots: those in use one by one where they are few, since a large file's table stays
/// for the small files behind it. Backwards, so that each is found as it was when it was filled.
static void clear_slots(struct tally *tally) {
  if (tally->count > tally->slot_count / SPARSE_SLOTS) {
    memset(tally->slots, 0, tally->slot_count * sizeof *tally->slots);
    return;
  }
  for (size_t i = tally->count; i-- > 0;) {
    struct word_key key = tally_key(tally, i);
    *find_slot(tally, &key) = 0;
  }
}

void tally_clear(struct tally *tally) {
  clear_slots(tally);
  for (size_t i = 0; i < tally->count; i++) {
    struct tally_word *word = &tally->words[i];
    if (word->capacity <= LINES_KEPT) continue;
    free(word->lines);
    word->lines = NULL;
    word->capacity = 0;
  }
  tally->count = 0;
  tally->text_bytes = 0;
  tally->total = 0;
}

void tally_free(struct tally *tally) {
  for (size_t i = 0; i < tally->capacity; i++) free(tally->words[i].lines);
  free(tally->words);
  free(tally->slots);
  free(tally->text);
  *tally = (struct tally){0};
}
