// SPDX-License-Identifier: MIT
// Goal: in one process a heap is one handle, however it was opened, and its memory is there exactly
// as long as the handle is. Method: several opens, by name and by descriptor, by threads at once,
// and closes in between.
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "alloc/handle.h"
#include "mapping/process.h"
#include "tests/harness/harness.h"
#include "tests/mapping/peer.h"

static struct place place;
static shoal_heap *heap;

static void open_here(void) {
  heap = NULL;
  place_choose(&place, PLACE_NAMED);
  ASSERT_OK(place_open(&place, SHOAL_CREATE | SHOAL_EXCLUSIVE, &heap));
}

static void close_here(void) {
  EXPECT_EQ(0, place_inode(&place));
}

static void every_open_is_the_same_handle_and_every_close_is_counted(void) {
  shoal_heap *again[3] = {NULL, NULL, NULL};
  int fd = -1;
  EXPECT_OK(place_open(&place, 0, &again[0]));
  EXPECT_OK(place_open(&place, SHOAL_CREATE, &again[1]));
  EXPECT_OK(shoal_fd(heap, &fd));
  EXPECT_OK(shoal_open_fd(fd, NULL, &again[2]));
  EXPECT_EQ(0, close(fd));
  for (unsigned i = 0; i < 3; i++) {
    EXPECT_EQ(heap, again[i]);
    EXPECT_EQ(1, shl_process_count(heap->region));
    EXPECT_EQ(1, shoal_created(again[i]));
  }
  for (unsigned i = 0; i < 3; i++) {
    EXPECT_OK(shoal_close(heap));
    place_expect_works(heap);
    EXPECT_NE(0, place_inode(&place));
  }
  EXPECT_OK(shoal_close(heap));
}

static void a_second_open_in_another_mode_is_refused(void) {
  shoal_heap *other = NULL;
  EXPECT_STATUS(SHOAL_E_BUSY, place_open(&place, SHOAL_READ_ONLY, &other));
  EXPECT_EQ(NULL, other);
  EXPECT_STATUS(SHOAL_E_EXISTS, place_open(&place, SHOAL_CREATE | SHOAL_EXCLUSIVE, &other));
  EXPECT_EQ(NULL, other);
  place_expect_works(heap);
  EXPECT_OK(shoal_close(heap));
}

static void be_there(int argc, char **argv) {
  shoal_heap *own = peer_enter(argc, argv);
  test_await("close");
  EXPECT_OK(shoal_close(own));
}

static void a_reader_is_one_handle_too_and_no_writer(void) {
  struct peer keeper = {.process = 0};
  shoal_heap *reader = NULL, *second = NULL, *writer = NULL;
  ASSERT(peer_hire(&keeper, "be_there", &place));
  EXPECT_OK(shoal_close(heap));
  ASSERT_OK(place_open(&place, SHOAL_READ_ONLY, &reader));
  EXPECT_OK(place_open(&place, SHOAL_READ_ONLY, &second));
  EXPECT_EQ(reader, second);
  EXPECT_STATUS(SHOAL_E_READ_ONLY, place_open(&place, 0, &writer));
  EXPECT_EQ(NULL, writer);
  EXPECT_OK(shoal_close(reader));
  EXPECT_OK(shoal_close(second));
  // Closed for good, it may be opened for writing.
  EXPECT_OK(place_open(&place, 0, &writer));
  place_expect_works(writer);
  EXPECT_OK(shoal_close(writer));
  (void)test_child_send(&keeper.child, "close");
  test_child_finish(&keeper.child);
}

enum { THREADS = 8, OPENS = 200 };

static void *open_and_close(void *number) {
  for (uint64_t i = 0; i < test_rounds(OPENS); i++) {
    shoal_heap *own = NULL;
    EXPECT_OK(place_open(&place, SHOAL_CREATE, &own));
    if (own == NULL) break;
    shoal_off block = shoal_alloc(own, 64 + (size_t)(uintptr_t)number, 0);
    EXPECT_NE(0, block);
    EXPECT_OK(shoal_free_offset(own, block));
    EXPECT_OK(shoal_close(own));
  }
  return NULL;
}

// Now and then the last of them closes while another opens.
static void threads_that_open_and_close_share_or_make_anew(void) {
  pthread_t threads[THREADS];
  EXPECT_OK(shoal_close(heap));
  for (uintptr_t i = 0; i < THREADS; i++) {
    ASSERT_EQ(0, pthread_create(&threads[i], NULL, open_and_close, (void *)i));
  }
  for (unsigned i = 0; i < THREADS; i++) ASSERT_EQ(0, pthread_join(threads[i], NULL));
}

SUITE(handle, SET_UP(open_here), TEAR_DOWN(close_here),
      TEST(every_open_is_the_same_handle_and_every_close_is_counted),
      TEST(a_second_open_in_another_mode_is_refused),
      TEST(a_reader_is_one_handle_too_and_no_writer),
      TEST(threads_that_open_and_close_share_or_make_anew), ROLE(be_there))
