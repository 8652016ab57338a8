// SPDX-License-Identifier: MIT
// Goal: a call on a heap out of the middle of another of the same thread, as from a signal handler,
// ends a debug build with a text; a call between two others does not.
// Method: a misuse handler, which runs inside of the call that it is told of, allocates; a signal
// handler allocates while its thread is in no call.
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/exact.h>

#include "base/panic.h"
#include "tests/harness/harness.h"
#include "tests/harness/process.h"

static shoal_heap *heap;

static void allocate(shoal_heap *told, shoal_misuse what, shoal_off off, const char *text,
                     void *context) {
  (void)what;
  (void)off;
  (void)text;
  (void)context;
  EXPECT_NE(0, shoal_alloc(told, 5000, 0));
}

static void open_heap(void) {
  shoal_options options = {.size = sizeof options,
                           .kind = SHOAL_KIND_PRIVATE,
                           .flags = SHOAL_CREATE,
                           .capacity = 16 << 20,
                           .on_misuse = allocate};
  EXPECT_OK(shoal_open(NULL, &options, &heap));
}

// A word that names no block: told while the call is at work.
static void call_inside_a_call(int argc, char **argv) {
  (void)argc;
  (void)argv;
  open_heap();
  shoal_off *word = shoal_malloc(heap, sizeof *word);
  *word = shoal_offset(heap, word) + 8;
  EXPECT_STATUS(SHOAL_E_MISUSE, shoal_free_from(heap, word));
}

static void a_call_inside_another_ends_a_debug_build(void) {
  struct test_child child = {.captures_errors = true};
  char text[1024];
  ASSERT(test_spawn(&child, "call_inside_a_call", NULL));
  EXPECT_EQ(SHL_DEBUG ? -SIGABRT : 0, test_child_wait(&child));
  test_child_errors(&child, text, sizeof text);
  EXPECT_EQ(SHL_DEBUG != 0, strstr(text, "out of a signal handler?") != NULL);
}

static void allocate_in_handler(int number) {
  (void)number;
  EXPECT_NE(0, shoal_alloc(heap, 5000, 0));
}

static void a_signal_between_two_calls_may_call(void) {
  open_heap();
  struct sigaction action = {.sa_handler = allocate_in_handler}, before;
  ASSERT_EQ(0, sigaction(SIGUSR1, &action, &before));
  for (unsigned i = 0; i < 100; i++) {
    EXPECT_NE(0, shoal_alloc(heap, 64, 0));
    EXPECT_EQ(0, raise(SIGUSR1));
  }
  ASSERT_EQ(0, sigaction(SIGUSR1, &before, NULL));
  EXPECT_OK(shoal_close(heap));
}

SUITE(nested, TEST(a_call_inside_another_ends_a_debug_build),
      TEST(a_signal_between_two_calls_may_call), ROLE(call_inside_a_call))
