// SPDX-License-Identifier: MIT
// Which words a lie is about is known from where they stand: the areas of the heap last opened.
// Three functions of the library are wrapped by the linker: the one through which every open heap
// passes, to learn where it is; recovery, to know that it is under way; and the question who is
// dead.
#include "tests/watch/lie.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/handle.h"
#include "alloc/slot.h"
#include "tests/harness/harness.h"

static enum lie told;
static const shoal_heap *subject;
static unsigned recoveries;  // under way

// What comes late: a store of J, or the copy of a block.
static struct {
  volatile uint64_t *word;  // null: none
  uint64_t value;
  void *to;  // null: none
  const void *from;
  size_t bytes;
  bool due;  // with the next access
} late;

static const char *const names[LIE_COUNT] = {
    [LIE_NONE] = "none",
    [LIE_JOURNAL_DROPPED] = "journal_dropped",
    [LIE_JOURNAL_LATE] = "journal_late",
    [LIE_CHANGE_FIRST] = "free_before_journal",
    [LIE_RECORD_DROPPED] = "record_dropped",
    [LIE_HAND_SKIPPED] = "hand_skipped",
    [LIE_FALSE_DEAD] = "false_dead",
    [LIE_GENERATION_KEPT] = "generation_kept",
    [LIE_TORN_CHANGE] = "torn_change",
    [LIE_TORN_SWAP] = "torn_swap",
    [LIE_COPY_LATE] = "copy_late",
};

bool lie_note(enum lie lie, const char *engine, bool seen) {
  char what[64];
  (void)snprintf(what, sizeof what, "seeded.%s.%s", names[lie], engine);
  test_count(what, seen);
  return seen;
}

void lie_tell(enum lie lie) {
  told = lie;
  lie_forget();
}

__attribute__((constructor)) static void tell_as_wished(void) {
  const char *wished = getenv("SHOAL_SEEDED_BUG");
  if (wished == NULL) return;
  unsigned long number = strtoul(wished, NULL, 10);
  if (number < LIE_COUNT) told = (enum lie)number;
}

enum lie lie_told(void) {
  return told;
}

bool lie_is(enum lie lie) {
  return told == lie;
}

void lie_forget(void) {
  late.word = NULL;
  late.to = NULL;
  recoveries = 0;
}

// The place in its slot's page of a word of the slot pages; SIZE_MAX elsewhere.
static size_t place_in_slot(const volatile void *word) {
  if (subject == NULL) return SIZE_MAX;
  uintptr_t offset = (uintptr_t)word - (uintptr_t)shl_slot_page(subject, 1);
  if (offset >= subject->slot_count * sizeof(struct shl_slot_rec)) return SIZE_MAX;
  return offset % sizeof(struct shl_slot_rec);
}

static bool is_owner_word(const volatile void *word) {
  if (subject == NULL) return false;
  uintptr_t offset = (uintptr_t)word - (uintptr_t)shl_owner_row(subject, 1);
  return offset < subject->slot_count * sizeof(struct shl_owner_rec) &&
         offset % sizeof(struct shl_owner_rec) == offsetof(struct shl_owner_rec, word);
}

static bool is_hand(size_t place) {
  size_t begin = offsetof(struct shl_slot_rec, hands);
  return place >= begin && place < begin + SHL_CLASS_COUNT * sizeof(struct shl_hand_rec) &&
         (place - begin) % sizeof(struct shl_hand_rec) == offsetof(struct shl_hand_rec, blocks);
}

static void store_late(void) {
  volatile uint64_t *word = late.word;
  late.word = NULL;
  watch_point(word, sizeof *word, WATCH_STORE);
  __atomic_store_n(word, late.value, __ATOMIC_SEQ_CST);
}

static void copy_late(void) {
  void *to = late.to;
  late.to = NULL;
  watch_point(to, late.bytes, WATCH_STORE);
  (void)memcpy(to, late.from, late.bytes);
}

void lie_before(enum watch_kind kind) {
  if (late.word == NULL && late.to == NULL) return;
  if (late.due) {
    if (late.word != NULL) store_late();
    if (late.to != NULL) copy_late();
    return;
  }
  late.due = told == LIE_CHANGE_FIRST ? kind == WATCH_CHANGE : kind != WATCH_LOAD;
}

uint64_t lie_of_load(const volatile void *word, uint64_t value) {
  if (told != LIE_HAND_SKIPPED || recoveries == 0) return value;
  return is_hand(place_in_slot(word)) ? 0 : value;
}

bool lie_takes_store(volatile void *word, uint64_t value) {
  if (told == LIE_NONE) return false;
  size_t place = place_in_slot(word);
  // Late is a matter of order: J is set before it is cleared or set again.
  if (late.word == word) store_late();
  if (value == 0) return false;
  if (place == offsetof(struct shl_slot_rec, record.op)) return told == LIE_RECORD_DROPPED;
  if (place != offsetof(struct shl_slot_rec, journal)) return false;
  if (told == LIE_JOURNAL_DROPPED) return true;
  if (told != LIE_JOURNAL_LATE && told != LIE_CHANGE_FIRST) return false;
  late.word = word;
  late.value = value;
  late.due = false;
  return true;
}

bool lie_takes_copy(void *to, const void *from, size_t bytes) {
  if (told != LIE_COPY_LATE || subject == NULL) return false;
  if ((uintptr_t)to - (uintptr_t)subject->view.base >= subject->chunk_end * SHL_CHUNK_BYTES) {
    return false;
  }
  if (late.to != NULL) copy_late();
  late.to = to;
  late.from = from;
  late.bytes = bytes;
  late.due = false;
  return true;
}

uint64_t lie_of_swap(const volatile void *word, uint64_t expected, uint64_t value) {
  if (told != LIE_GENERATION_KEPT || !is_owner_word(word)) return value;
  struct shl_owner_word changed = shl_owner_decode(value);
  changed.generation = shl_owner_decode(expected).generation;
  return shl_owner_encode(changed);
}

// The linker's names.
shoal_status __real_shl_seats_open(shoal_heap *heap);
shoal_status __wrap_shl_seats_open(shoal_heap *heap);
void __real_shl_recover(struct shl_seat seat);
void __wrap_shl_recover(struct shl_seat seat);
bool __real_shl_process_is_dead(const struct shl_region *region, uint32_t process,
                                uint32_t generation);
bool __wrap_shl_process_is_dead(const struct shl_region *region, uint32_t process,
                                uint32_t generation);

shoal_status __wrap_shl_seats_open(shoal_heap *heap) {
  subject = heap;
  return __real_shl_seats_open(heap);
}

void __wrap_shl_recover(struct shl_seat seat) {
  recoveries++;
  __real_shl_recover(seat);
  recoveries--;
}

bool __wrap_shl_process_is_dead(const struct shl_region *region, uint32_t process,
                                uint32_t generation) {
  if (told == LIE_FALSE_DEAD && process != region->process) return true;
  return __real_shl_process_is_dead(region, process, generation);
}
