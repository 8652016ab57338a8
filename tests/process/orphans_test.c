// SPDX-License-Identifier: MIT
// Goal: of what a killed process has allocated with its tag, another finds exactly what was not
// published, and after it has adopted and freed nothing is left that nobody knows of.
// Method: helper processes allocate blocks of each kind, publish or untag some, tell which, and are
// killed, at rest or in the middle of allocating.
#include <shoal/exact.h>
#include <shoal/orphans.h>
#include <shoal/inspect.h>
#include <shoal/root.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/harness.h"
#include "tests/harness/process.h"

enum { CAPACITY = 64 << 20, SMALL = 200, RUNS = 6, HUGES = 3, BLOCKS = SMALL + RUNS + HUGES };

// What the helper leaves in the heap: cells, of which it publishes to some.
struct board {
  shoal_off published[BLOCKS];
  shoal_off tagged[BLOCKS];
};

static char name[TEST_NAME_BYTES];
static shoal_heap *heap;
static struct board *board;

static size_t size_of(unsigned block) {
  if (block < SMALL) return 10 + 37 * (size_t)block;
  return block < SMALL + RUNS ? 40000 + 10000 * (size_t)block : 3 << 20;
}

static void open_heap(void) {
  shoal_options options = {.size = sizeof options,
                           .kind = SHOAL_KIND_NAMED,
                           .flags = SHOAL_CREATE,
                           .capacity = CAPACITY};
  ASSERT_OK(shoal_open(test_unique_name(name), &options, &heap));
  board = shoal_calloc(heap, 1, sizeof *board);
  shoal_root root = {.off = shoal_offset(heap, board), .size = sizeof *board, .type_id = 1};
  ASSERT_OK(shoal_root_set(heap, "board", &root));
}

static void close_heap(void) {
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_close(heap));
}

static void join(char **argv) {
  shoal_root root;
  ASSERT_OK(shoal_open(argv[0], NULL, &heap));
  ASSERT_OK(shoal_root_get(heap, "board", &root));
  board = shoal_ptr(heap, root.off);
}

// Every third is published by its word, every third untagged, the rest stays.
static void tag_blocks(int argc, char **argv) {
  (void)argc;
  join(argv);
  for (unsigned i = 0; i < BLOCKS; i++) {
    shoal_off off = shoal_alloc(heap, size_of(i), SHOAL_TAGGED);
    memset(shoal_ptr(heap, off), (int)i, size_of(i));
    if (i % 3 == 0) {
      EXPECT_OK(shoal_publish(heap, &board->published[i], off));
    } else if (i % 3 == 1) {
      board->published[i] = off;
      EXPECT_OK(shoal_untag(heap, off));
    } else {
      board->tagged[i] = off;
    }
  }
  test_say("tagged");
  test_await("end");
  if (argc > 1) EXPECT_OK(shoal_close(heap));
}

// Allocates and publishes until it is killed.
static void churn(int argc, char **argv) {
  (void)argc;
  join(argv);
  test_say("churns");
  for (unsigned i = 0;; i = (i + 1) % BLOCKS) {
    if (board->published[i] != 0) EXPECT_OK(shoal_free_from(heap, &board->published[i]));
    shoal_off off = shoal_alloc(heap, size_of(i), SHOAL_TAGGED);
    if (off != 0) EXPECT_OK(shoal_publish(heap, &board->published[i], off));
  }
}

static unsigned number_of(shoal_off off) {
  unsigned i = 0;
  while (i < BLOCKS && board->tagged[i] != off) i++;
  return i;
}

// What the visitors met.
struct meeting {
  unsigned count;
  unsigned strangers;
};

// Frees a third, adopts a third, keeps a third.
static int divide(void *context, const shoal_orphan *orphan) {
  struct meeting *meeting = context;
  unsigned i = number_of(orphan->off);
  meeting->count++;
  if (i == BLOCKS) {
    meeting->strangers++;
    return SHOAL_ORPHAN_KEEP;
  }
  const unsigned char *bytes = shoal_ptr(heap, orphan->off);
  EXPECT_LE(size_of(i), orphan->bytes);
  EXPECT_EQ(i % 256, bytes[0]);
  EXPECT_EQ(i % 256, bytes[size_of(i) - 1]);
  unsigned turn = i / 3 % 3;
  if (turn == SHOAL_ORPHAN_FREE) board->tagged[i] = 0;
  return (int)turn;
}

static int free_all(void *context, const shoal_orphan *orphan) {
  struct meeting *meeting = context;
  unsigned i = number_of(orphan->off);
  meeting->count++;
  if (i == BLOCKS) meeting->strangers++;
  if (i < BLOCKS) board->tagged[i] = 0;
  return SHOAL_ORPHAN_FREE;
}

static unsigned left(void) {
  unsigned count = 0;
  for (unsigned i = 0; i < BLOCKS; i++) count += board->tagged[i] != 0 ? 1 : 0;
  return count;
}

static uint64_t live(void) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(heap, &stats));
  return stats.live_blocks;
}

static void start(struct test_child *child, const char *role, const char *how) {
  const char *const arguments[] = {name, how, NULL};
  ASSERT(test_spawn(child, role, arguments));
}

static void free_published(void) {
  for (unsigned i = 0; i < BLOCKS; i++) EXPECT_OK(shoal_free_from(heap, &board->published[i]));
}

static void expect_orphans(shoal_orphan_visitor *visit, unsigned count) {
  struct meeting meeting = {0, 0};
  EXPECT_OK(shoal_orphans(heap, visit, &meeting));
  EXPECT_EQ(count, meeting.count);
  EXPECT_EQ(0, meeting.strangers);
}

static void frees_kept(int argc, char **argv) {
  (void)argc;
  join(argv);
  expect_orphans(free_all, (unsigned)atoi(argv[1]));
  EXPECT_OK(shoal_close(heap));
}

static unsigned count_turns(unsigned turn) {
  unsigned count = 0;
  for (unsigned i = 0; i < BLOCKS; i++) {
    count += board->tagged[i] != 0 && i / 3 % 3 == turn ? 1 : 0;
  }
  return count;
}

// After a helper has gone: some are freed, some kept, which a third process frees, some adopted.
static void divide_what_is_left(void) {
  unsigned freed = count_turns(SHOAL_ORPHAN_FREE);
  unsigned adopted = count_turns(SHOAL_ORPHAN_ADOPT);
  uint64_t before = live();
  unsigned all = left();
  EXPECT_LT(0, freed);
  expect_orphans(divide, all);
  EXPECT_EQ(before - freed, live());
  struct test_child third = {0};
  char kept[16];
  (void)snprintf(kept, sizeof kept, "%u", all - freed - adopted);
  start(&third, "frees_kept", kept);
  test_child_finish(&third);
  EXPECT_EQ(adopted, left());
  expect_orphans(free_all, 0);
  for (unsigned i = 0; i < BLOCKS; i++) EXPECT_OK(shoal_free_from(heap, &board->tagged[i]));
  free_published();
  EXPECT_EQ(1, live());
}

static void a_killed_processs_unpublished_blocks_are_found(void) {
  struct test_child child = {0};
  open_heap();
  start(&child, "tag_blocks", NULL);
  EXPECT(test_child_expect(&child, "tagged"));
  expect_orphans(divide, 0);
  test_child_kill(&child);
  divide_what_is_left();
  close_heap();
}

static void so_are_those_of_one_that_has_closed_the_heap(void) {
  struct test_child child = {0};
  open_heap();
  start(&child, "tag_blocks", "close");
  EXPECT(test_child_expect(&child, "tagged"));
  EXPECT(test_child_send(&child, "end"));
  test_child_finish(&child);
  divide_what_is_left();
  close_heap();
}

// Nobody else knows of what is found, published words name the rest.
static void whatever_instant_a_process_is_killed_at_nothing_is_lost(void) {
  open_heap();
  uint64_t found = 0;
  for (uint64_t i = 0; i < test_rounds(40); i++) {
    struct test_child child = {0};
    struct meeting meeting = {0, 0};
    start(&child, "churn", NULL);
    EXPECT(test_child_expect(&child, "churns"));
    for (unsigned k = 0; k < 100 * i; k++) EXPECT_LE(1, live());
    test_child_kill(&child);
    EXPECT_OK(shoal_orphans(heap, free_all, &meeting));
    EXPECT_LE(meeting.count, 1);
    found += meeting.count;
    EXPECT_OK(shoal_reap(heap));
    free_published();
    EXPECT_EQ(1, live());
  }
  test_count("orphans_found", found);
  close_heap();
}

SUITE(orphans, TEST(a_killed_processs_unpublished_blocks_are_found),
      TEST(so_are_those_of_one_that_has_closed_the_heap),
      TEST(whatever_instant_a_process_is_killed_at_nothing_is_lost), ROLE(tag_blocks),
      ROLE(churn), ROLE(frees_kept))
