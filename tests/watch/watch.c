// SPDX-License-Identifier: MIT
#include "tests/watch/watch.h"

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

// The visitor may have let others store: what the store overwrites is read after it.
void watch_point(const volatile void *address, size_t bytes, enum watch_kind kind) {
  if (visitor == NULL) return;
  struct watch_access access = {.address = (uintptr_t)address, .bytes = bytes, .kind = kind};
  visitor(visitor_context, &access);
  if (kind != WATCH_LOAD) undo_note((uintptr_t)address, bytes);
}
