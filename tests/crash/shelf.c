// SPDX-License-Identifier: MIT
#include "tests/crash/shelf.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/root.h>

#include "tests/harness/harness.h"

enum { NAMED_MAX = SHELVES_MAX * SHELF_WORDS };

static shoal_status empty(shoal_heap *heap, void *object, void *context) {
  (void)heap;
  (void)context;
  memset(object, 0, sizeof(struct shelves));
  return SHOAL_OK;
}

static shoal_root shelves_root(void) {
  return (shoal_root){.size = sizeof(struct shelves), .type_id = 1};
}

void shelves_make(shoal_heap *heap) {
  const shoal_root_builder builder = {.construct = empty};
  shoal_root root = shelves_root();
  EXPECT_OK(shoal_root_find_or_create(heap, "shelves", &root, &builder));
}

struct shelves *shelves_find(shoal_heap *heap) {
  shoal_root root;
  shoal_status status = shoal_root_get(heap, "shelves", &root);
  EXPECT_OK(status);
  return status == SHOAL_OK ? shoal_ptr(heap, root.off) : NULL;
}

// One audit: what the words name, ascending, and what of it has been met. Private to the process.
struct audit {
  shoal_off named[NAMED_MAX + 1];
  bool met[NAMED_MAX + 1];
  size_t count;
  struct shelf_audit *out;
};

static int compare(const void *a, const void *b) {
  shoal_off left = *(const shoal_off *)a, right = *(const shoal_off *)b;
  return left < right ? -1 : left > right;
}

static void read_words(struct audit *audit, shoal_heap *heap, const struct shelves *shelves) {
  for (unsigned s = 0; s < SHELVES_MAX; s++) {
    for (unsigned w = 0; w < SHELF_WORDS; w++) {
      if (shelves->words[s][w] != 0) audit->named[audit->count++] = shelves->words[s][w];
    }
  }
  audit->out->blocks = audit->count;
  audit->named[audit->count++] = shoal_offset(heap, shelves);
  qsort(audit->named, audit->count, sizeof audit->named[0], compare);
  for (size_t i = 1; i < audit->count; i++) {
    if (audit->named[i] != audit->named[i - 1]) continue;
    audit->out->twice++;
    audit->out->twice_bytes += shoal_usable_size(heap, shoal_ptr(heap, audit->named[i]));
  }
}

static int meet(void *context, const shoal_block *block) {
  struct audit *audit = context;
  const shoal_off *found =
      bsearch(&block->off, audit->named, audit->count, sizeof audit->named[0], compare);
  if (found != NULL) {
    audit->met[found - audit->named] = true;
  } else {
    audit->out->lost++;
    audit->out->lost_bytes += block->bytes;
  }
  return 0;
}

static void fail_on_finding(void *context, shoal_off off, const char *text) {
  (void)context;
  FAIL("at 0x%llx: %s", (unsigned long long)off, text);
}

bool shelves_audit(shoal_heap *heap, struct shelf_audit *out) {
  *out = (struct shelf_audit){.blocks = 0};
  const struct shelves *shelves = shelves_find(heap);
  if (shelves == NULL) return false;
  struct audit audit = {.out = out};
  read_words(&audit, heap, shelves);
  EXPECT_OK(shoal_walk(heap, meet, &audit));
  for (size_t i = 0; i < audit.count; i++) out->unallocated += !audit.met[i];
  bool clean = shoal_check(heap, fail_on_finding, NULL) == SHOAL_OK;
  // Of two words that name one block the walk has met one.
  out->unallocated -= out->twice < out->unallocated ? out->twice : out->unallocated;
  return clean && out->lost == 0 && out->twice == 0 && out->unallocated == 0;
}
