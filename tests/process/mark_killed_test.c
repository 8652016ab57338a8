// SPDX-License-Identifier: MIT
// Goal: what killed processes had allocated and linked nowhere is told and freed: by one that was
// there, and by one that opens the file when nobody is left, which may only be reading.
// Method: helper processes link lists to roots, and allocate, reserve and tag blocks that they link
// nowhere; they are killed, and what is told is compared with what they did.
#include <stdio.h>
#include <stdlib.h>

#include <shoal/exact.h>
#include <shoal/mark.h>
#include <shoal/root.h>

#include "tests/harness/harness.h"
#include "tests/harness/process.h"

enum { CAPACITY = 64 << 20, USERS = 2, NODE = 1, LEAF = 2, PATH_BYTES = 512 };

// Of each user. A node has a leaf.
enum { NODES = 500, LOST = 70, RESERVED = 3, TAGGED = 3 };

struct node {
  shoal_off next;
  shoal_off leaf;
};

static char path[PATH_BYTES];
static shoal_heap *heap;
static struct test_child users[USERS];

static const size_t sizes[] = {40, 50000, 3 << 20};

static shoal_status open_with(unsigned flags) {
  shoal_options options = {.size = sizeof options,
                           .flags = flags,
                           .capacity = CAPACITY,
                           .max_processes = 8,
                           .max_threads = 16};
  return shoal_open(path, &options, &heap);
}

static void link_list(const char *name) {
  shoal_root root = {.type_id = NODE};
  for (unsigned i = 0; i < NODES; i++) {
    struct node *node = shoal_malloc(heap, sizeof *node);
    *node = (struct node){.next = root.off, .leaf = shoal_alloc(heap, 10 + i, 0)};
    root.off = shoal_offset(heap, node);
  }
  EXPECT_OK(shoal_root_set(heap, name, &root));
}

// argv: the file, the name of the user's root. The user stays until it is killed, or told to end.
static void use(int argc, char **argv) {
  shoal_off off = 0;
  if (argc != 2) exit(3);
  (void)snprintf(path, sizeof path, "%s", argv[0]);
  ASSERT_OK(open_with(0));
  link_list(argv[1]);
  for (size_t i = 0; i < LOST; i++) EXPECT_NE(0, shoal_alloc(heap, 10 * i, 0));
  for (size_t i = 0; i < RESERVED; i++) EXPECT_OK(shoal_reserve(heap, sizes[i], 0, &off));
  for (size_t i = 0; i < TAGGED; i++) EXPECT_NE(0, shoal_alloc(heap, sizes[i], SHOAL_TAGGED));
  test_say("used");
  test_await("end");
  EXPECT_OK(shoal_close(heap));
}

static void start_users(void) {
  static const char *const roots[USERS] = {"first", "second"};
  char name[TEST_NAME_BYTES];
  const char *folder = getenv("TEST_TMPDIR");
  (void)snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : "/tmp",
                 test_unique_name(name));
  ASSERT_OK(open_with(SHOAL_CREATE));
  for (unsigned i = 0; i < USERS; i++) {
    const char *const arguments[] = {path, roots[i], NULL};
    users[i] = (struct test_child){.runs = false};
    ASSERT(test_spawn(&users[i], "use", arguments));
    EXPECT(test_child_expect(&users[i], "used"));
  }
}

static void end_heap(void) {
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_close(heap));
  EXPECT_OK(shoal_unlink(path));
}

static void visit_node(shoal_marker *marker, const void *object, uint64_t bytes, void *context) {
  const struct node *node = object;
  (void)context;
  (void)bytes;
  shoal_mark_reach(marker, node->next, NODE);
  shoal_mark_reach(marker, node->leaf, LEAF);
}

static const shoal_mark_type types[] = {{NODE, visit_node}, {LEAF, NULL}};

static shoal_status mark(unsigned flags, shoal_mark_result *result) {
  shoal_mark_options options = {
      .size = sizeof options, .flags = flags, .types = types, .type_count = 2};
  return shoal_mark(heap, &options, result);
}

static void expect_told(unsigned reached, unsigned unreachable) {
  shoal_mark_result result;
  EXPECT_OK(mark(0, &result));
  EXPECT_EQ(reached, result.reached);
  EXPECT_EQ(unreachable, result.unreachable);
  EXPECT_EQ(0, result.freed + result.wild);
}

static uint64_t live(void) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(heap, &stats));
  return stats.live_blocks;
}

static void expect_freed(unsigned reached, unsigned freed) {
  shoal_mark_result result;
  EXPECT_OK(mark(SHOAL_MARK_FREE, &result));
  EXPECT_EQ(reached, result.reached);
  EXPECT_EQ(freed, result.unreachable);
  EXPECT_EQ(freed, result.freed);
  EXPECT_EQ(reached, live());
  expect_told(reached, 0);
}

// Reservations of the dead are theirs until somebody recovers them, which a reader cannot.
static void a_file_without_users_is_told_by_a_reader_and_freed_by_a_writer(void) {
  shoal_mark_result result;
  start_users();
  EXPECT_OK(shoal_close(heap));
  for (unsigned i = 0; i < USERS; i++) test_child_kill(&users[i]);
  ASSERT_OK(open_with(SHOAL_READ_ONLY));
  expect_told(USERS * (2 * NODES + RESERVED), USERS * (LOST + TAGGED));
  EXPECT_STATUS(SHOAL_E_READ_ONLY, mark(SHOAL_MARK_FREE, &result));
  EXPECT_EQ(0, result.freed);
  expect_told(USERS * (2 * NODES + RESERVED), USERS * (LOST + TAGGED));
  EXPECT_OK(shoal_close(heap));
  ASSERT_OK(open_with(0));
  expect_freed(USERS * 2 * NODES, USERS * (LOST + TAGGED));
  end_heap();
}

// What the living have linked nowhere counts as well, but for what they reserved and tagged.
static void who_stayed_tells_and_frees_what_the_killed_left(void) {
  start_users();
  test_child_kill(&users[0]);
  expect_told(USERS * (2 * NODES + RESERVED) + TAGGED, USERS * LOST + TAGGED);
  expect_freed(USERS * 2 * NODES + RESERVED + TAGGED, USERS * LOST + TAGGED);
  EXPECT(test_child_send(&users[1], "end"));
  test_child_finish(&users[1]);
  expect_freed(USERS * 2 * NODES, TAGGED);
  end_heap();
}

static void a_reader_tells_what_is_lost_beside_users_that_live(void) {
  start_users();
  EXPECT_OK(shoal_close(heap));
  test_child_kill(&users[1]);
  ASSERT_OK(open_with(SHOAL_READ_ONLY));
  expect_told(USERS * (2 * NODES + RESERVED) + TAGGED, USERS * LOST + TAGGED);
  EXPECT_OK(shoal_close(heap));
  test_child_kill(&users[0]);
  ASSERT_OK(open_with(0));
  expect_freed(USERS * 2 * NODES, USERS * (LOST + TAGGED));
  end_heap();
}

SUITE(mark_killed, TEST(a_file_without_users_is_told_by_a_reader_and_freed_by_a_writer),
      TEST(who_stayed_tells_and_frees_what_the_killed_left),
      TEST(a_reader_tells_what_is_lost_beside_users_that_live), ROLE(use))
