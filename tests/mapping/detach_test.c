// SPDX-License-Identifier: MIT
// Goal: a region's name goes with its last process, however that one goes, and never sooner; what
// stays behind is found out by the next opener. Method: processes that close, or are killed, in
// every order, and a look at the object under the name.
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness/harness.h"
#include "tests/mapping/peer.h"

static struct place place;
static struct peer peer;
static shoal_heap *heap;

static void forget_all(void) {
  peer = (struct peer){0};
  heap = NULL;
}

// argv: a place. Opens it for writing and closes when it is told.
static void join_until_told(int argc, char **argv) {
  shoal_heap *own = peer_enter(argc, argv);
  test_await("close");
  EXPECT_OK(shoal_close(own));
  test_say("closed");
}

static void read_until_told(int argc, char **argv) {
  struct place where;
  shoal_heap *own = NULL;
  if (argc < 2) exit(3);
  place_read(&where, argv[0], argv[1]);
  EXPECT_OK(place_open(&where, SHOAL_READ_ONLY, &own));
  if (own == NULL) exit(1);
  peer_introduce(own);
  test_await("close");
  EXPECT_OK(shoal_close(own));
  test_say("closed");
}

static void let_close(struct peer *other) {
  (void)test_child_send(&other->child, "close");
  EXPECT(test_child_expect(&other->child, "closed"));
  test_child_finish(&other->child);
}

static void the_last_close_removes_the_name(void) {
  place_choose(&place, PLACE_NAMED);
  ASSERT_OK(place_open(&place, SHOAL_CREATE, &heap));
  uint64_t inode = place_inode(&place);
  EXPECT_NE(0, inode);
  ASSERT(peer_hire(&peer, "join_until_told", &place));
  EXPECT_OK(shoal_close(heap));
  EXPECT_EQ(inode, place_inode(&place));
  let_close(&peer);
  EXPECT_EQ(0, place_inode(&place));
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, place_open(&place, 0, &heap));
  EXPECT_EQ(NULL, heap);
}

static void a_killed_process_does_not_keep_the_name_from_the_last_close(void) {
  place_choose(&place, PLACE_NAMED);
  ASSERT_OK(place_open(&place, SHOAL_CREATE, &heap));
  ASSERT(peer_hire(&peer, "join_until_told", &place));
  test_child_kill(&peer.child);
  EXPECT_NE(0, place_inode(&place));
  EXPECT_OK(shoal_close(heap));
  EXPECT_EQ(0, place_inode(&place));
}

// A region whose last process was killed. returns: its inode.
static uint64_t make_stale(void) {
  place_choose(&place, PLACE_NAMED);
  if (!peer_hire(&peer, "join_until_told", &place)) return 0;
  test_child_kill(&peer.child);
  uint64_t inode = place_inode(&place);
  EXPECT_NE(0, inode);
  return inode;
}

static void after_a_killed_last_process_an_opener_finds_nothing(void) {
  ASSERT(make_stale() != 0);
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, place_open(&place, 0, &heap));
  EXPECT_EQ(0, place_inode(&place));
  EXPECT(strstr(shoal_status_text(SHOAL_E_NOT_FOUND), "gone") != NULL);
}

static void after_a_killed_last_process_a_creator_makes_a_new_object(void) {
  uint64_t inode = make_stale();
  ASSERT(inode != 0);
  // Holding the old object keeps its number from being given again.
  int old = place_open_object(&place);
  ASSERT_OK(place_open(&place, SHOAL_CREATE, &heap));
  EXPECT_EQ(1, shoal_created(heap));
  EXPECT_NE(inode, place_inode(&place));
  place_expect_works(heap);
  EXPECT_OK(shoal_close(heap));
  EXPECT_EQ(0, place_inode(&place));
  EXPECT_EQ(0, close(old));
}

static void after_a_killed_last_process_exclusive_creates(void) {
  ASSERT(make_stale() != 0);
  ASSERT_OK(place_open(&place, SHOAL_CREATE | SHOAL_EXCLUSIVE, &heap));
  EXPECT_EQ(1, shoal_created(heap));
  EXPECT_OK(shoal_close(heap));
}

static void a_reader_finds_no_stale_region_and_removes_nothing(void) {
  uint64_t inode = make_stale();
  ASSERT(inode != 0);
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, place_open(&place, SHOAL_READ_ONLY, &heap));
  EXPECT_EQ(inode, place_inode(&place));
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, place_open(&place, 0, &heap));
  EXPECT_EQ(0, place_inode(&place));
}

static void unlinking_a_stale_region_works(void) {
  ASSERT(make_stale() != 0);
  EXPECT_OK(shoal_unlink(place.name));
  EXPECT_EQ(0, place_inode(&place));
}

static void a_reader_keeps_the_region(void) {
  place_choose(&place, PLACE_NAMED);
  ASSERT_OK(place_open(&place, SHOAL_CREATE, &heap));
  uint64_t inode = place_inode(&place), uuid = place_uuid(heap);
  ASSERT(peer_hire(&peer, "read_until_told", &place));
  EXPECT_OK(shoal_close(heap));
  EXPECT_EQ(inode, place_inode(&place));
  ASSERT_OK(place_open(&place, SHOAL_CREATE, &heap));
  EXPECT_EQ(0, shoal_created(heap));
  EXPECT_EQ(uuid, place_uuid(heap));
  let_close(&peer);
  EXPECT_OK(shoal_close(heap));
  EXPECT_EQ(0, place_inode(&place));
}

static void after_a_last_reader_the_next_opener_removes_the_name(void) {
  place_choose(&place, PLACE_NAMED);
  ASSERT_OK(place_open(&place, SHOAL_CREATE, &heap));
  ASSERT(peer_hire(&peer, "read_until_told", &place));
  EXPECT_OK(shoal_close(heap));
  let_close(&peer);
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, place_open(&place, 0, &heap));
  EXPECT_EQ(0, place_inode(&place));
}

static void an_unlinked_region_lives_on_and_leaves_its_successor_alone(void) {
  shoal_heap *second = NULL;
  place_choose(&place, PLACE_NAMED);
  ASSERT(peer_hire(&peer, "join_until_told", &place));
  ASSERT_OK(place_open(&place, 0, &heap));
  EXPECT_OK(shoal_unlink(place.name));
  EXPECT_EQ(0, place_inode(&place));
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, shoal_unlink(place.name));
  ASSERT_OK(place_open(&place, SHOAL_CREATE, &second));
  EXPECT_EQ(1, shoal_created(second));
  EXPECT_NE(place_uuid(heap), place_uuid(second));
  uint64_t inode = place_inode(&place);
  place_expect_works(heap);
  // The last close of the nameless one does not touch the name.
  let_close(&peer);
  EXPECT_OK(shoal_close(heap));
  EXPECT_EQ(inode, place_inode(&place));
  place_expect_works(second);
  EXPECT_OK(shoal_close(second));
  EXPECT_EQ(0, place_inode(&place));
}

static void leave_a_block_and_die(int argc, char **argv) {
  shoal_heap *own = peer_enter(argc, argv);
  shoal_off block = shoal_alloc(own, 100, 0);
  if (block == 0) exit(1);
  memset(shoal_ptr(own, block), 0x5a, 100);
  test_say("%llu", (unsigned long long)block);
  peer_stay();
}

static void expect_block_kept(enum place_kind kind) {
  char line[TEST_LINE_BYTES];
  peer = (struct peer){0};
  place_choose(&place, kind);
  ASSERT(peer_hire(&peer, "leave_a_block_and_die", &place));
  ASSERT(test_child_receive(&peer.child, line));
  shoal_off block = strtoull(line, NULL, 10);
  test_child_kill(&peer.child);
  EXPECT_STATUS(SHOAL_E_EXISTS, place_open(&place, SHOAL_CREATE | SHOAL_EXCLUSIVE, &heap));
  ASSERT_OK(place_open(&place, SHOAL_CREATE, &heap));
  EXPECT_EQ(0, shoal_created(heap));
  const unsigned char *bytes = shoal_ptr(heap, block);
  EXPECT(bytes[0] == 0x5a && bytes[99] == 0x5a);
  EXPECT_OK(shoal_free_offset(heap, block));
  place_expect_works(heap);
  EXPECT_OK(shoal_close(heap));
  EXPECT_NE(0, place_inode(&place));
  EXPECT_OK(shoal_unlink(place.name));
  EXPECT_EQ(0, place_inode(&place));
}

static void a_persistent_region_outlives_the_death_of_all(void) {
  expect_block_kept(PLACE_PERSIST);
  expect_block_kept(PLACE_FILE);
}

SUITE(detach, SET_UP(forget_all), TEST(the_last_close_removes_the_name),
      TEST(a_killed_process_does_not_keep_the_name_from_the_last_close),
      TEST(after_a_killed_last_process_an_opener_finds_nothing),
      TEST(after_a_killed_last_process_a_creator_makes_a_new_object),
      TEST(after_a_killed_last_process_exclusive_creates),
      TEST(a_reader_finds_no_stale_region_and_removes_nothing),
      TEST(unlinking_a_stale_region_works), TEST(a_reader_keeps_the_region),
      TEST(after_a_last_reader_the_next_opener_removes_the_name),
      TEST(an_unlinked_region_lives_on_and_leaves_its_successor_alone),
      TEST(a_persistent_region_outlives_the_death_of_all), ROLE(join_until_told),
      ROLE(read_until_told), ROLE(leave_a_block_and_die))
