// SPDX-License-Identifier: MIT
#include "alloc/misuse.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"

enum { TEXT_BYTES = 256 };

static const char *describe(shoal_misuse what) {
  switch (what) {
    case SHOAL_MISUSE_FOREIGN: return "lies outside the heap's data";
    case SHOAL_MISUSE_METADATA: return "lies in the heap's metadata";
    case SHOAL_MISUSE_UNALLOCATED: return "lies in pages that nobody has allocated";
    case SHOAL_MISUSE_INTERIOR: return "is not the start of a block";
    case SHOAL_MISUSE_DOUBLE_FREE: return "is the start of a block that is free already";
  }
  return "is no live block";
}

shoal_status shl_misuse(shoal_heap *heap, shoal_misuse what, uint64_t off) {
  char text[TEXT_BYTES];
  (void)snprintf(text, sizeof text, "shoal: heap at %p: offset 0x%llx (address %p) %s.",
                 (void *)heap->view.base, (unsigned long long)off,
                 (void *)((uintptr_t)heap->view.base + off), describe(what));
  if (heap->on_misuse == NULL) {
    (void)fprintf(stderr, "%s\n", text);
    abort();
  }
  heap->on_misuse(heap, what, off, text, heap->on_misuse_context);
  return shl_fail(SHOAL_E_MISUSE, 0, "%s", text);
}
