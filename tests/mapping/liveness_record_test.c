// SPDX-License-Identifier: MIT
// Goal: of a process record only the generation and the byte count: not the pid in it, not what
// this process may do with the region. Method: records rewritten, and judges that read only.
#include <signal.h>
#include <stdlib.h>

#include "alloc/handle.h"
#include "mapping/object.h"
#include "mapping/region_part.h"
#include "tests/harness/harness.h"
#include "tests/mapping/peer.h"

static struct place place;
static struct peer peer;
static shoal_heap *heap;

static void open_here(void) {
  peer = (struct peer){0};
  heap = NULL;
  place_choose(&place, PLACE_NAMED);
  ASSERT_OK(place_open(&place, SHOAL_CREATE | SHOAL_EXCLUSIVE, &heap));
}

static void close_here(void) {
  if (heap != NULL) EXPECT_OK(shoal_close(heap));
}

static void be_there(int argc, char **argv) {
  (void)peer_enter(argc, argv);
  peer_stay();
}

static struct peer here(void) {
  return (struct peer){.process = heap->region->process,
                       .generation = heap->region->process_generation,
                       .pid = shl_identity_process(),
                       .start_time = shl_identity_process_start()};
}

static void write_identity(struct peer *whose, const struct peer *as) {
  struct shl_process_rec *record = peer_record(heap, whose);
  shl_store_release_u64(&record->pid, as->pid);
  shl_store_release_u64(&record->start_time, as->start_time);
  whose->pid = as->pid;
  whose->start_time = as->start_time;
}

static void a_dead_process_whose_pid_is_in_use_again_is_dead(void) {
  struct peer self = here();
  ASSERT(peer_hire(&peer, "be_there", &place));
  test_child_kill(&peer.child);
  write_identity(&peer, &self);
  EXPECT(peer_is_dead(heap, &peer));
}

static void a_living_process_whose_pid_names_nobody_is_alive(void) {
  struct peer gone = {0};
  ASSERT(peer_hire(&gone, "be_there", &place));
  ASSERT(peer_hire(&peer, "be_there", &place));
  test_child_kill(&gone.child);
  write_identity(&peer, &gone);
  EXPECT(!peer_is_dead(heap, &peer));
  test_child_kill(&peer.child);
  EXPECT(peer_is_dead(heap, &peer));
}

static void another_generation_of_a_living_process_s_record_is_dead(void) {
  const struct shl_region *region = heap->region;
  ASSERT(peer_hire(&peer, "be_there", &place));
  EXPECT(!shl_process_is_dead(region, peer.process, peer.generation));
  EXPECT(shl_process_is_dead(region, peer.process, peer.generation - 1));
  EXPECT(shl_process_is_dead(region, peer.process, peer.generation + 1));
  EXPECT(shl_process_is_dead(region, region->process, region->process_generation + 1));
  EXPECT(!shl_process_is_dead(region, region->process, region->process_generation));
  test_child_kill(&peer.child);
}

static void a_successor_in_the_record_does_not_revive_the_dead(void) {
  struct peer successor = {0};
  struct peer crowd[PLACE_PROCESSES - 2] = {0};
  ASSERT(peer_hire(&peer, "be_there", &place));
  for (unsigned i = 0; i < PLACE_PROCESSES - 2; i++) {
    ASSERT(peer_hire(&crowd[i], "be_there", &place));
  }
  test_child_kill(&peer.child);
  // No other record is left.
  ASSERT(peer_hire(&successor, "be_there", &place));
  EXPECT_EQ(peer.process, successor.process);
  EXPECT_EQ(peer.generation + 1, successor.generation);
  EXPECT(shl_process_is_dead(heap->region, peer.process, peer.generation));
  EXPECT(!peer_is_dead(heap, &successor));
  for (unsigned i = 0; i < PLACE_PROCESSES - 2; i++) test_child_kill(&crowd[i].child);
  test_child_kill(&successor.child);
}

static void a_free_record_and_one_that_is_none_are_dead(void) {
  EXPECT(shl_process_is_dead(heap->region, 0, 0));
  EXPECT(shl_process_is_dead(heap->region, PLACE_PROCESSES, 0));
  EXPECT(shl_process_is_dead(heap->region, PLACE_PROCESSES + 1, 0));
  EXPECT(shl_process_is_dead(heap->region, UINT32_MAX, 0));
}

static void clearing_a_record_needs_its_process_dead(void) {
  ASSERT(peer_hire(&peer, "be_there", &place));
  shl_process_clear(heap->region, peer.process, peer.generation);
  EXPECT(!peer_is_dead(heap, &peer));
  EXPECT_EQ(2, shl_process_count(heap->region));
  test_child_kill(&peer.child);
  EXPECT_EQ(1, shl_process_count(heap->region));
  uint64_t word = shl_load_acquire_u64(&peer_record(heap, &peer)->word);
  shl_process_clear(heap->region, peer.process, peer.generation + 1);
  EXPECT_EQ(word, shl_load_acquire_u64(&peer_record(heap, &peer)->word));
  shl_process_clear(heap->region, peer.process, peer.generation);
  EXPECT_EQ(SHL_PROCESS_FREE, shl_load_acquire_u64(&peer_record(heap, &peer)->word) & 0xff);
  EXPECT(peer_is_dead(heap, &peer));
}

// The judge has a descriptor for reading only.
static void judge_as_reader(int argc, char **argv) {
  struct place where;
  struct peer other = {0};
  shoal_heap *own = NULL;
  char line[TEST_LINE_BYTES];
  if (argc < 2) exit(3);
  place_read(&where, argv[0], argv[1]);
  EXPECT_OK(place_open(&where, SHOAL_READ_ONLY, &own));
  if (own == NULL) exit(1);
  peer_introduce(own);
  while (test_hear(line)) {
    char *end = NULL;
    other.process = (uint32_t)strtoul(line, &end, 10);
    other.generation = (uint32_t)strtoul(end, NULL, 10);
    test_say(peer_is_dead(own, &other) ? "dead" : "alive");
  }
  EXPECT_OK(shoal_close(own));
}

static void a_reader_sees_who_lives(void) {
  struct peer reader = {0};
  ASSERT(peer_hire(&reader, "judge_as_reader", &place));
  EXPECT_EQ(0, reader.process);
  ASSERT(peer_hire(&peer, "be_there", &place));
  (void)test_child_send(&reader.child, "%u %u", peer.process, peer.generation);
  EXPECT(test_child_expect(&reader.child, "alive"));
  test_child_kill(&peer.child);
  (void)test_child_send(&reader.child, "%u %u", peer.process, peer.generation);
  EXPECT(test_child_expect(&reader.child, "dead"));
  (void)test_child_send(&reader.child, "%u %u", heap->region->process,
                        heap->region->process_generation);
  EXPECT(test_child_expect(&reader.child, "alive"));
  test_child_finish(&reader.child);
}

static void readers_share_a_byte_that_is_free_when_the_last_is_gone(void) {
  const struct shl_object *object = heap->region->private_part->object;
  struct peer first = {0}, second = {0};
  EXPECT(!shl_liveness_is_held(object, 0, 0, 0));
  ASSERT(peer_hire(&first, "judge_as_reader", &place));
  ASSERT(peer_hire(&second, "judge_as_reader", &place));
  EXPECT(shl_liveness_is_held(object, 0, 0, 0));
  test_child_kill(&first.child);
  EXPECT(shl_liveness_is_held(object, 0, 0, 0));
  test_child_finish(&second.child);
  EXPECT(!shl_liveness_is_held(object, 0, 0, 0));
}

static void a_byte_is_held_by_one_and_asking_does_not_take_it(void) {
  const struct shl_object *object = heap->region->private_part->object;
  struct shl_liveness byte = {.fd = -1}, second = {.fd = -1};
  ASSERT_OK(shl_liveness_take(object, PLACE_PROCESSES, &byte));
  EXPECT_STATUS(SHOAL_E_BUSY, shl_liveness_take(object, PLACE_PROCESSES, &second));
  for (unsigned i = 0; i < 3; i++) EXPECT(shl_liveness_is_held(object, PLACE_PROCESSES, 0, 0));
  EXPECT(!shl_liveness_is_held(object, PLACE_PROCESSES - 1, 0, 0));
  EXPECT(!shl_liveness_is_held(object, PLACE_PROCESSES + 1, 0, 0));
  shl_liveness_drop(&byte);
  EXPECT(!shl_liveness_is_held(object, PLACE_PROCESSES, 0, 0));
  EXPECT_OK(shl_liveness_take(object, PLACE_PROCESSES, &second));
  shl_liveness_drop(&second);
}

SUITE(liveness_record, SET_UP(open_here), TEAR_DOWN(close_here),
      TEST(a_dead_process_whose_pid_is_in_use_again_is_dead),
      TEST(a_living_process_whose_pid_names_nobody_is_alive),
      TEST(another_generation_of_a_living_process_s_record_is_dead),
      TEST(a_successor_in_the_record_does_not_revive_the_dead),
      TEST(a_free_record_and_one_that_is_none_are_dead),
      TEST(clearing_a_record_needs_its_process_dead), TEST(a_reader_sees_who_lives),
      TEST(readers_share_a_byte_that_is_free_when_the_last_is_gone),
      TEST(a_byte_is_held_by_one_and_asking_does_not_take_it), ROLE(be_there),
      ROLE(judge_as_reader))
