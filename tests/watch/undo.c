// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "tests/watch/undo.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/harness.h"

enum { ENTRIES = 1 << 20, STACKS = 8 };

struct entry {
  uintptr_t address;
  uint64_t value;
};

struct span {
  uintptr_t begin;
  uintptr_t end;
};

static struct entry *shared;
static struct entry *own;
static struct undo_mark end;
static struct span region;
static struct span stacks[STACKS];
static unsigned stack_count;
static uint32_t *met;  // a word of the region's: the last sum that met it
static uint32_t sums;

static bool is_in(struct span span, uintptr_t address) {
  return address >= span.begin && address < span.end;
}

bool undo_add_stack(const void *base, size_t bytes) {
  if (stack_count == STACKS) return false;
  stacks[stack_count++] = (struct span){.begin = (uintptr_t)base, .end = (uintptr_t)base + bytes};
  return true;
}

static void add_this_stack(void) {
  pthread_attr_t attributes;
  void *base = NULL;
  size_t bytes = 0;
  EXPECT_EQ(0, pthread_getattr_np(pthread_self(), &attributes));
  EXPECT_EQ(0, pthread_attr_getstack(&attributes, &base, &bytes));
  EXPECT_EQ(0, pthread_attr_destroy(&attributes));
  EXPECT(undo_add_stack(base, bytes));
}

void undo_begin(const void *base, size_t bytes) {
  undo_end();
  shared = malloc(ENTRIES * sizeof *shared);
  own = malloc(ENTRIES * sizeof *own);
  met = calloc(bytes / sizeof(uint64_t), sizeof *met);
  region = (struct span){.begin = (uintptr_t)base, .end = (uintptr_t)base + bytes};
  if (shared == NULL || own == NULL || met == NULL) {
    FAIL("no memory for the logs");
    undo_end();
    return;
  }
  add_this_stack();
}

void undo_end(void) {
  free(shared);
  free(own);
  free(met);
  shared = own = NULL;
  met = NULL;
  end = (struct undo_mark){.shared = 0};
  stack_count = 0;
}

struct undo_mark undo_mark(void) {
  return end;
}

static void put_back(const struct entry *entries, size_t begin, size_t finish) {
  for (size_t i = finish; i > begin; i--) {
    memcpy((void *)entries[i - 1].address, &entries[i - 1].value, sizeof entries->value);
  }
}

void undo_own_back_to(struct undo_mark mark) {
  put_back(own, mark.own, end.own);
  end.own = mark.own;
}

void undo_back_to(struct undo_mark mark) {
  undo_own_back_to(mark);
  put_back(shared, mark.shared, end.shared);
  end.shared = mark.shared;
}

static uint64_t stir(uint64_t offset, uint64_t value) {
  uint64_t sum = (offset + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ value;
  sum = (sum ^ sum >> 32) * UINT64_C(0xd6e8feb86659fd93);
  sum = (sum ^ sum >> 32) * UINT64_C(0xd6e8feb86659fd93);
  return sum ^ sum >> 32;
}

uint64_t undo_sum(struct undo_mark mark, undo_view *view, void *context) {
  uint64_t sum = 0;
  sums++;
  for (size_t i = mark.shared; i < end.shared; i++) {
    size_t offset = shared[i].address - region.begin;
    if (met[offset / sizeof(uint64_t)] == sums) continue;
    met[offset / sizeof(uint64_t)] = sums;
    uint64_t now;
    memcpy(&now, (const void *)shared[i].address, sizeof now);
    if (now == shared[i].value) continue;
    uint64_t was = view(context, offset, shared[i].value);
    now = view(context, offset, now);
    if (now != was) sum += stir(offset, now) - stir(offset, was);
  }
  return sum;
}

static void note_word(struct entry *entries, size_t *count, uintptr_t address) {
  if (*count == ENTRIES) {
    FAIL("a log of overwritten words is full");
    return;
  }
  struct entry *entry = &entries[(*count)++];
  entry->address = address;
  memcpy(&entry->value, (const void *)address, sizeof entry->value);
}

static bool is_on_a_stack(uintptr_t address) {
  for (unsigned i = 0; i < stack_count; i++) {
    if (is_in(stacks[i], address)) return true;
  }
  return false;
}

void undo_note(uintptr_t address, size_t bytes) {
  if (shared == NULL || is_on_a_stack(address)) return;
  bool is_shared = is_in(region, address);
  uintptr_t word = address & ~(uintptr_t)7;
  for (; word < address + bytes; word += sizeof(uint64_t)) {
    note_word(is_shared ? shared : own, is_shared ? &end.shared : &end.own, word);
  }
}

// Pages, and in those that change, words.
void undo_note_change(uintptr_t address, const void *bytes_to_come, size_t bytes) {
  const char *wanted = bytes_to_come;
  size_t step = bytes > UNDO_PAGE ? UNDO_PAGE : sizeof(uint64_t);
  for (size_t done = 0; done < bytes; done += step) {
    size_t here = bytes - done < step ? bytes - done : step;
    if (memcmp((const void *)(address + done), wanted + done, here) == 0) continue;
    if (here > sizeof(uint64_t)) undo_note_change(address + done, wanted + done, here);
    if (here <= sizeof(uint64_t)) undo_note(address + done, here);
  }
}

void undo_store(uint64_t *word, uint64_t value) {
  undo_note((uintptr_t)word, sizeof *word);
  *word = value;
}
