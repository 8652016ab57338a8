// SPDX-License-Identifier: MIT
// Goal: a root's constructor runs once, whoever asks at the same time and whoever dies in it, and
// what failed or died leaves neither root nor block.
// Method: constructors that count, fail, allocate, wait for another thread, or end their thread.
#include <shoal/root.h>

#include <pthread.h>
#include <string.h>

#include "alloc/seat.h"
#include "tests/alloc/stand.h"
#include "tests/harness/harness.h"

enum { THREADS = 6, BYTES = 1000, TYPE = 7 };

static shoal_heap *heap;
static unsigned built;

static void open_heap(void) {
  heap = stand_open(0);
  built = 0;
}

static void close_heap(void) {
  stand_close(heap);
}

static shoal_status fill(shoal_heap *of, void *object, void *context) {
  const unsigned char *bytes = object;
  size_t zeros = 0;
  while (zeros < BYTES && bytes[zeros] == 0) zeros++;
  EXPECT_EQ(BYTES, zeros);
  EXPECT(of == heap);
  memset(object, 0x77, BYTES);
  (void)__atomic_fetch_add((unsigned *)context, 1, __ATOMIC_RELAXED);
  return SHOAL_OK;
}

static const shoal_root_builder filler = {.construct = fill, .context = &built};

static shoal_status ask(shoal_root *root, shoal_root_constructor *construct, unsigned timeout_ms) {
  const shoal_root_builder builder = {
      .construct = construct, .context = &built, .timeout_ms = timeout_ms};
  *root = (shoal_root){.size = BYTES, .type_id = TYPE};
  return shoal_root_find_or_create(heap, "the root", root, &builder);
}

static void the_first_builds_and_the_others_find(void) {
  shoal_root root, again, found;
  EXPECT_OK(ask(&root, fill, 0));
  EXPECT_NE(0, root.off);
  EXPECT_EQ(0x77, *(unsigned char *)shoal_ptr(heap, root.off));
  EXPECT_OK(ask(&again, fill, 0));
  EXPECT_EQ(root.off, again.off);
  EXPECT_OK(shoal_root_get(heap, "the root", &found));
  EXPECT_EQ(root.off, found.off);
  EXPECT_EQ(1, built);
  EXPECT_EQ(1, stand_live(heap));
  EXPECT_EQ(0, stand_stats(heap).reservations);
}

static void another_kind_of_root_is_not_taken_for_it(void) {
  shoal_root root = {.size = BYTES, .type_id = TYPE + 1};
  EXPECT_OK(ask(&root, fill, 0));
  root = (shoal_root){.size = BYTES, .type_id = TYPE + 1};
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_root_find_or_create(heap, "the root", &root, &filler));
  EXPECT_EQ(1, built);
}

static void wrong_arguments_are_told(void) {
  shoal_root root = {.size = 1};
  const shoal_root_builder none = {.construct = NULL};
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_root_find_or_create(heap, "x", NULL, &filler));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_root_find_or_create(heap, "x", &root, NULL));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_root_find_or_create(heap, "x", &root, &none));
  EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_root_find_or_create(NULL, "x", &root, &filler));
  EXPECT_STATUS(SHOAL_E_NAME, shoal_root_find_or_create(heap, "", &root, &filler));
}

static shoal_status give_up(shoal_heap *of, void *object, void *context) {
  (void)of;
  (void)object;
  (void)context;
  return SHOAL_E_UNSUPPORTED;
}

static void a_constructor_that_fails_leaves_nothing(void) {
  shoal_root root;
  EXPECT_EQ(SHOAL_E_UNSUPPORTED, ask(&root, give_up, 0));
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, shoal_root_get(heap, "the root", &root));
  EXPECT_EQ(0, stand_live(heap));
  EXPECT_OK(ask(&root, fill, 0));
  EXPECT_EQ(1, built);
}

static void a_block_that_cannot_be_had_leaves_nothing(void) {
  shoal_root root = {.size = STAND_CAPACITY, .type_id = TYPE};
  EXPECT_STATUS(SHOAL_E_FULL, shoal_root_find_or_create(heap, "the root", &root, &filler));
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, shoal_root_get(heap, "the root", &root));
  EXPECT_EQ(0, built);
}

// Uses everything a thread can use of the heap, other roots too.
static shoal_status use_heap(shoal_heap *of, void *object, void *context) {
  shoal_root other = {.size = BYTES, .type_id = TYPE};
  void *blocks[100];
  for (unsigned i = 0; i < 100; i++) blocks[i] = shoal_malloc(of, 100 * i);
  for (unsigned i = 0; i < 100; i++) shoal_free(of, blocks[i]);
  EXPECT_OK(shoal_root_find_or_create(of, "another", &other, &filler));
  EXPECT_OK(shoal_root_remove(of, "another"));
  EXPECT_OK(shoal_free_offset(of, other.off));
  return fill(of, object, context);
}

static void a_constructor_may_use_the_heap(void) {
  shoal_root root;
  EXPECT_OK(ask(&root, use_heap, 0));
  EXPECT_EQ(2, built);
  EXPECT_EQ(1, stand_live(heap));
}

static void *ask_in_thread(void *unused) {
  shoal_root root;
  (void)unused;
  EXPECT_OK(ask(&root, fill, 60000));
  EXPECT_EQ(0x77, *(unsigned char *)shoal_ptr(heap, root.off));
  return NULL;
}

static void many_who_ask_at_once_build_one(void) {
  pthread_t threads[THREADS];
  for (unsigned i = 0; i < THREADS; i++) {
    ASSERT_EQ(0, pthread_create(&threads[i], NULL, ask_in_thread, NULL));
  }
  for (unsigned i = 0; i < THREADS; i++) ASSERT_EQ(0, pthread_join(threads[i], NULL));
  EXPECT_EQ(1, built);
  EXPECT_EQ(1, stand_live(heap));
}

static shoal_status ask_meanwhile(shoal_heap *of, void *object, void *context) {
  shoal_root root;
  (void)of;
  (void)object;
  (void)context;
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, shoal_root_get(heap, "the root", &root));
  EXPECT_STATUS(SHOAL_E_BUSY, ask(&root, fill, 20));
  return SHOAL_OK;
}

static void who_comes_meanwhile_waits_no_longer_than_it_wants(void) {
  shoal_root root;
  EXPECT_OK(ask(&root, ask_meanwhile, 0));
  EXPECT_EQ(0, built);
}

static shoal_status end_thread(shoal_heap *of, void *object, void *context) {
  (void)of;
  (void)object;
  (void)context;
  pthread_exit(NULL);
}

static void *die_building(void *unused) {
  shoal_root root;
  (void)unused;
  (void)ask(&root, end_thread, 0);
  return NULL;
}

static void where_the_builder_died_the_next_builds(void) {
  shoal_root root;
  stand_in_thread(die_building, NULL);
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, shoal_root_get(heap, "the root", &root));
  EXPECT_OK(ask(&root, fill, 0));
  EXPECT_EQ(1, built);
  EXPECT_EQ(1, stand_live(heap));
}

SUITE(root_build, SET_UP(open_heap), TEAR_DOWN(close_heap),
      TEST(the_first_builds_and_the_others_find), TEST(another_kind_of_root_is_not_taken_for_it),
      TEST(wrong_arguments_are_told), TEST(a_constructor_that_fails_leaves_nothing),
      TEST(a_block_that_cannot_be_had_leaves_nothing), TEST(a_constructor_may_use_the_heap),
      TEST(many_who_ask_at_once_build_one),
      TEST(who_comes_meanwhile_waits_no_longer_than_it_wants),
      TEST(where_the_builder_died_the_next_builds))
