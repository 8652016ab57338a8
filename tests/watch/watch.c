// SPDX-License-Identifier: MIT
#include "tests/watch/watch.h"

#include <string.h>

#include "tests/watch/undo.h"

static watch_visitor *visitor;
static void *visitor_context;

void watch_begin(watch_visitor *visit, void *context) {
  visitor = visit;
  visitor_context = context;
}

void watch_end(void) {
  visitor = NULL;
}

bool watch_is_on(void) {
  return visitor != NULL;
}

static void visit(const volatile void *address, size_t bytes, enum watch_kind kind) {
  struct watch_access access = {.address = (uintptr_t)address, .bytes = bytes, .kind = kind};
  visitor(visitor_context, &access);
}

// The visitor may have let others store: what the store overwrites is read after it.
void watch_point(const volatile void *address, size_t bytes, enum watch_kind kind) {
  if (visitor == NULL) return;
  visit(address, bytes, kind);
  if (kind != WATCH_LOAD) undo_note((uintptr_t)address, bytes);
}

void watch_copy(const void *to, const void *from, size_t bytes) {
  if (visitor == NULL) return;
  visit(to, bytes, WATCH_STORE);
  undo_note_change((uintptr_t)to, from, bytes);
}

void watch_fill(const void *to, int value, size_t bytes) {
  char page[UNDO_PAGE];
  if (visitor == NULL) return;
  visit(to, bytes, WATCH_STORE);
  (void)memset(page, value, sizeof page);
  for (size_t done = 0; done < bytes; done += sizeof page) {
    size_t here = bytes - done < sizeof page ? bytes - done : sizeof page;
    undo_note_change((uintptr_t)to + done, page, here);
  }
}
