// SPDX-License-Identifier: MIT
// Goal: a FILE heap that another boot, or another host, has left in the middle of everything is
// whole again once it is opened: nothing of the dead keeps slots, records or memory. Method:
// processes killed ahead of their n-th system call, then other identities written into the
// superblock.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shoal/inspect.h>

#include "alloc/handle.h"
#include "mapping/object.h"
#include "tests/harness/harness.h"
#include "tests/mapping/doom.h"
#include "tests/mapping/peer.h"

enum { BLOCKS = 40 };

static struct place place;
static shoal_heap *heap;

static void forget_all(void) {
  heap = NULL;
  place_choose(&place, PLACE_FILE);
}

static void remove_file(void) {
  place_clear(&place);
}

static void allocate_doomed(int argc, char **argv) {
  struct place where;
  shoal_heap *own = NULL;
  if (argc != 4) exit(3);
  place_read(&where, argv[0], argv[1]);
  EXPECT_OK(place_open(&where, SHOAL_CREATE, &own));
  if (own == NULL) exit(1);
  doom_begin(argc, argv);
  for (size_t i = 0; i < BLOCKS; i++) (void)shoal_alloc(own, (i + 1) * 20000, 0);
  (void)raise(SIGKILL);
}

// As many dead as there is room for, each in the middle of something.
static void leave_the_dead(void) {
  for (uint64_t i = 0; i < PLACE_PROCESSES; i++) {
    EXPECT(doom_kill("allocate_doomed", &place, 1 + 3 * i));
  }
}

static void write_word(size_t offset, uint64_t value) {
  int fd = place_open_object(&place);
  EXPECT_EQ(sizeof value, pwrite(fd, &value, sizeof value, (off_t)offset));
  EXPECT_EQ(0, close(fd));
}

static uint64_t read_word(size_t offset) {
  uint64_t value = 0;
  int fd = place_open_object(&place);
  EXPECT_EQ(sizeof value, pread(fd, &value, sizeof value, (off_t)offset));
  EXPECT_EQ(0, close(fd));
  return value;
}

static size_t boot_word(unsigned i) {
  return offsetof(struct shl_superblock_rec, boot_id) + i * sizeof(uint64_t);
}

static pthread_barrier_t barrier;

static void *take_a_slot(void *unused) {
  (void)unused;
  (void)pthread_barrier_wait(&barrier);
  shoal_off block = shoal_alloc(heap, 100, 0);
  EXPECT_NE(0, block);
  (void)pthread_barrier_wait(&barrier);
  EXPECT_OK(shoal_free_offset(heap, block));
  return NULL;
}

// Every thread slot of the heap at once.
static void expect_all_slots_usable(void) {
  enum { THREADS = PLACE_THREADS + PLACE_PROCESSES - 1 };
  pthread_t threads[THREADS];
  shoal_heap_stats stats = {.size = sizeof stats};
  ASSERT_EQ(0, pthread_barrier_init(&barrier, NULL, THREADS + 1));
  for (unsigned i = 0; i < THREADS; i++) {
    ASSERT_EQ(0, pthread_create(&threads[i], NULL, take_a_slot, NULL));
  }
  (void)pthread_barrier_wait(&barrier);
  (void)pthread_barrier_wait(&barrier);
  for (unsigned i = 0; i < THREADS; i++) ASSERT_EQ(0, pthread_join(threads[i], NULL));
  EXPECT_EQ(0, pthread_barrier_destroy(&barrier));
  EXPECT_OK(shoal_stats(heap, &stats));
  EXPECT_EQ(0, stats.thread_slots_dead);
  EXPECT_EQ(1, stats.processes);
}

static int free_visited(void *context, const shoal_block *block) {
  (void)context;
  EXPECT_OK(shoal_free_offset(heap, block->off));
  return 0;
}

static void expect_whole(void) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  expect_all_slots_usable();
  EXPECT_OK(shoal_walk(heap, free_visited, NULL));
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  EXPECT_OK(shoal_stats(heap, &stats));
  EXPECT_EQ(0, stats.live + stats.cached + stats.committed);
  place_expect_works(heap);
}

static void after_another_boot_all_of_the_dead_is_usable(void) {
  struct shl_identity ours;
  ASSERT_OK(shl_identity_read(&ours));
  leave_the_dead();
  EXPECT_EQ(ours.boot[0], read_word(boot_word(0)));
  write_word(boot_word(0), ~ours.boot[0]);
  write_word(boot_word(1), 12345);
  ASSERT_OK(place_open(&place, 0, &heap));
  for (unsigned i = 0; i < 2; i++) EXPECT_EQ(ours.boot[i], read_word(boot_word(i)));
  expect_whole();
  EXPECT_OK(shoal_close(heap));
}

static void another_host_s_heap_is_adopted_alone_and_is_usable(void) {
  size_t host = offsetof(struct shl_superblock_rec, host_id);
  size_t incarnation = offsetof(struct shl_superblock_rec, incarnation);
  uint64_t ours;
  leave_the_dead();
  ours = read_word(host);
  write_word(host, ours + 1);
  EXPECT_STATUS(SHOAL_E_FOREIGN_HOST, place_open(&place, 0, &heap));
  EXPECT_STATUS(SHOAL_E_FOREIGN_HOST, place_open(&place, SHOAL_CREATE, &heap));
  ASSERT_OK(place_open(&place, SHOAL_READ_ONLY, &heap));
  EXPECT_OK(shoal_close(heap));
  EXPECT_EQ(ours + 1, read_word(host));
  uint64_t before = read_word(incarnation);
  ASSERT_OK(place_open(&place, SHOAL_ADOPT, &heap));
  EXPECT_EQ(ours, read_word(host));
  EXPECT_EQ(before + 1, read_word(incarnation));
  expect_whole();
  EXPECT_OK(shoal_close(heap));
  // Ours from now on.
  ASSERT_OK(place_open(&place, 0, &heap));
  EXPECT_EQ(before + 1, read_word(incarnation));
  EXPECT_OK(shoal_close(heap));
}

static void stay(int argc, char **argv) {
  shoal_heap *own = peer_enter(argc, argv);
  test_await("close");
  EXPECT_OK(shoal_close(own));
}

static void read_and_stay(int argc, char **argv) {
  struct place where;
  shoal_heap *own = NULL;
  if (argc != 2) exit(3);
  place_read(&where, argv[0], argv[1]);
  EXPECT_OK(place_open(&where, SHOAL_READ_ONLY, &own));
  if (own == NULL) exit(1);
  peer_introduce(own);
  test_await("close");
  EXPECT_OK(shoal_close(own));
}

static void expect_no_adoption_beside(const char *role) {
  size_t host = offsetof(struct shl_superblock_rec, host_id);
  struct peer peer = {.process = 0};
  ASSERT(peer_hire(&peer, role, &place));
  uint64_t ours = read_word(host);
  write_word(host, ours + 1);
  EXPECT_STATUS(SHOAL_E_BUSY, place_open(&place, SHOAL_ADOPT, &heap));
  EXPECT_EQ(ours + 1, read_word(host));
  write_word(host, ours);
  (void)test_child_send(&peer.child, "close");
  test_child_finish(&peer.child);
}

static void nobody_adopts_beside_others(void) {
  ASSERT_OK(place_open(&place, SHOAL_CREATE, &heap));
  EXPECT_OK(shoal_close(heap));
  expect_no_adoption_beside("stay");
  expect_no_adoption_beside("read_and_stay");
}

SUITE(reboot, SET_UP(forget_all), TEAR_DOWN(remove_file),
      TEST(after_another_boot_all_of_the_dead_is_usable),
      TEST(another_host_s_heap_is_adopted_alone_and_is_usable), TEST(nobody_adopts_beside_others),
      ROLE(allocate_doomed), ROLE(stay), ROLE(read_and_stay))
