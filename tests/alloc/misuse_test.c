// SPDX-License-Identifier: MIT
// Goal: misuse is told in a sentence that names heap, offset and what stands there, and without a
// handler it ends the process. Method: the handler's texts; a helper process that misuses.
#include "alloc/misuse.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/alloc/stand.h"
#include "tests/harness/harness.h"
#include "tests/harness/process.h"

enum { TEXT_BYTES = 512, KINDS = 5 };

static const struct {
  shoal_misuse what;
  const char *says;
} kinds[KINDS] = {{SHOAL_MISUSE_FOREIGN, "outside the heap's data"},
                  {SHOAL_MISUSE_METADATA, "metadata"},
                  {SHOAL_MISUSE_UNALLOCATED, "nobody has allocated"},
                  {SHOAL_MISUSE_INTERIOR, "not the start of a block"},
                  {SHOAL_MISUSE_DOUBLE_FREE, "free already"}};

static char told[TEXT_BYTES];
static void *told_context;

static void keep_text(shoal_heap *heap, shoal_misuse what, shoal_off off, const char *text,
                      void *context) {
  (void)heap;
  (void)what;
  (void)off;
  (void)snprintf(told, sizeof told, "%s", text);
  told_context = context;
}

static void each_kind_has_its_sentence(void) {
  shoal_heap *heap = stand_open(0);
  heap->on_misuse = keep_text;
  heap->on_misuse_context = told;
  for (unsigned i = 0; i < KINDS; i++) {
    told[0] = '\0';
    EXPECT_STATUS(SHOAL_E_MISUSE, shl_misuse(heap, kinds[i].what, 0x123450));
    EXPECT(strstr(told, kinds[i].says) != NULL);
    EXPECT(strstr(told, "0x123450") != NULL);
    char base[32];
    (void)snprintf(base, sizeof base, "%p", (void *)heap->view.base);
    EXPECT(strstr(told, base) != NULL);
    EXPECT(told_context == told);
    EXPECT_TEXT(told, shoal_status_text(SHOAL_E_MISUSE));
  }
  stand_close(heap);
}

// What each misuse of the public calls says, by a handler or on the way to abort.
static shoal_off offset_of(shoal_heap *heap, shoal_misuse what) {
  shoal_off off = shoal_alloc(heap, 64, 0);
  switch (what) {
    case SHOAL_MISUSE_FOREIGN: return heap->view.capacity + 64;
    case SHOAL_MISUSE_METADATA: return 64;
    case SHOAL_MISUSE_UNALLOCATED: return heap->view.capacity - 64;
    case SHOAL_MISUSE_INTERIOR: return off + 32;
    case SHOAL_MISUSE_DOUBLE_FREE: break;
  }
  (void)shoal_free_offset(heap, off);
  return off;
}

static void the_public_calls_tell_each_kind(void) {
  shoal_heap *heap = stand_open(0);
  heap->on_misuse = keep_text;
  for (unsigned i = 0; i < KINDS; i++) {
    shoal_off off = offset_of(heap, kinds[i].what);
    uint64_t live = stand_live(heap);
    void *ptr = heap->view.base + off;
    told[0] = '\0';
    EXPECT_STATUS(SHOAL_E_MISUSE, shoal_free_offset(heap, off));
    EXPECT(strstr(told, kinds[i].says) != NULL);
    told[0] = '\0';
    EXPECT_EQ(0, shoal_usable_size(heap, ptr));
    EXPECT(strstr(told, kinds[i].says) != NULL);
    told[0] = '\0';
    EXPECT(shoal_realloc(heap, ptr, 100) == NULL);
    EXPECT(strstr(told, kinds[i].says) != NULL);
    EXPECT_EQ(live, stand_live(heap));
    EXPECT(stand_is_clean(heap));
  }
  stand_close(heap);
}

static void misuse_alone(int argc, char **argv) {
  shoal_heap *heap = stand_open(0);
  if (argc != 1 || heap == NULL) exit(2);
  (void)shoal_free_offset(heap, offset_of(heap, (shoal_misuse)atoi(argv[0])));
  exit(3);
}

static void without_a_handler_the_process_ends_with_the_sentence(void) {
  for (unsigned i = 0; i < KINDS; i++) {
    struct test_child child = {.captures_errors = true};
    char number[16], errors[TEXT_BYTES];
    (void)snprintf(number, sizeof number, "%d", (int)kinds[i].what);
    ASSERT(test_spawn(&child, "misuse_alone", (const char *const[]){number, NULL}));
    EXPECT_EQ(-SIGABRT, test_child_wait(&child));
    test_child_errors(&child, errors, sizeof errors);
    EXPECT(strstr(errors, "shoal: heap at ") != NULL);
    EXPECT(strstr(errors, kinds[i].says) != NULL);
  }
}

SUITE(misuse, TEST(each_kind_has_its_sentence), TEST(the_public_calls_tell_each_kind),
      TEST(without_a_handler_the_process_ends_with_the_sentence), ROLE(misuse_alone))
