// SPDX-License-Identifier: MIT
// Linux only: the table of system calls.
//
// Goal: a living process that stands still in the gate costs others two seconds and a clear answer,
// never a wrong one; outside the gate it costs nothing. Method: a process that stops itself at a
// system call inside or before the gate, and others that come meanwhile.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/handle.h"
#include "tests/harness/harness.h"
#include "tests/mapping/fault.h"
#include "tests/mapping/peer.h"

static struct place place;
static struct peer stopped;
static shoal_heap *heap;

static void forget_all(void) {
  stopped = (struct peer){0};
  heap = NULL;
}

static shoal_status open_as(const struct place *where, const char *how, shoal_heap **out) {
  if (strcmp(how, "create") == 0) return place_open(where, SHOAL_CREATE, out);
  if (strcmp(how, "exclusive") == 0) {
    return place_open(where, SHOAL_CREATE | SHOAL_EXCLUSIVE, out);
  }
  if (strcmp(how, "read") == 0) return place_open(where, SHOAL_READ_ONLY, out);
  if (strcmp(how, "unlink") == 0) return shoal_unlink(where->name);
  return place_open(where, 0, out);
}

static void say_outcome(shoal_status status, const shoal_heap *own) {
  test_say("%s %s", shoal_status_name(status),
           own == NULL               ? "-"
           : shoal_created(own) != 0 ? "created"
                                     : "found");
}

// argv: a place, how to open it. Says what came of it, and closes when it is told.
static void open_and_say(int argc, char **argv) {
  struct place where;
  shoal_heap *own = NULL;
  if (argc != 3) exit(3);
  place_read(&where, argv[0], argv[1]);
  shoal_status status = open_as(&where, argv[2], &own);
  say_outcome(status, own);
  if (own == NULL) return;
  test_await("close");
  EXPECT_OK(shoal_close(own));
}

// argv: a place, how to open it, the call before which to stop. Then as open_and_say.
static void stop_while_opening(int argc, char **argv) {
  struct place where;
  shoal_heap *own = NULL;
  if (argc != 4) exit(3);
  place_read(&where, argv[0], argv[1]);
  struct fault_plan plan = {
      .call = (enum fault_call)strtol(argv[3], NULL, 10), .at = 1, .signal_number = SIGSTOP};
  fault_install();
  fault_arm(&plan);
  shoal_status status = open_as(&where, argv[2], &own);
  fault_disarm();
  say_outcome(status, own);
  test_await("close");
  EXPECT_OK(shoal_close(own));
}

static bool start(struct test_child *child, const char *role, const char *how,
                  enum fault_call call) {
  char kind[2] = {(char)('0' + place.kind), '\0'}, number[16];
  (void)snprintf(number, sizeof number, "%d", (int)call);
  const char *arguments[] = {kind, place.name, how, call == FAULT_ANY ? NULL : number, NULL};
  *child = (struct test_child){.runs = false};
  return test_spawn(child, role, arguments);
}

static bool stop_at(const char *how, enum fault_call call) {
  if (!start(&stopped.child, "stop_while_opening", how, call)) return false;
  bool stands = peer_has_stopped(&stopped);
  EXPECT(stands);
  return stands;
}

static void let_go_on(const char *expected) {
  test_child_signal(&stopped.child, SIGCONT);
  (void)test_child_expect(&stopped.child, expected);
}

static void dismiss(struct test_child *child) {
  (void)test_child_send(child, "close");
  test_child_finish(child);
}

// All at once, so that their two seconds are the same.
static void expect_busy(const char *const *ways, unsigned count) {
  struct test_child others[8];
  for (unsigned i = 0; i < count; i++) {
    ASSERT(start(&others[i], "open_and_say", ways[i], FAULT_ANY));
  }
  for (unsigned i = 0; i < count; i++) {
    (void)test_child_expect(&others[i], "SHOAL_E_BUSY -");
    test_child_finish(&others[i]);
  }
}

static void a_creator_that_stands_in_the_gate_makes_others_busy(void) {
  static const char *const ways[] = {"open", "create", "exclusive", "read", "unlink"};
  for (enum place_kind kind = PLACE_NAMED; kind < PLACE_KINDS; kind += PLACE_FILE) {
    forget_all();
    place_choose(&place, kind);
    ASSERT(stop_at("create", FAULT_FTRUNCATE));
    expect_busy(ways, 5);
    let_go_on("SHOAL_OK created");
    ASSERT_OK(place_open(&place, 0, &heap));
    place_expect_works(heap);
    EXPECT_OK(shoal_close(heap));
    dismiss(&stopped.child);
    place_clear(&place);
  }
}

static void the_text_says_that_another_keeps_the_gate(void) {
  place_choose(&place, PLACE_NAMED);
  ASSERT(stop_at("create", FAULT_FTRUNCATE));
  EXPECT_STATUS(SHOAL_E_BUSY, place_open(&place, SHOAL_CREATE, &heap));
  EXPECT(strstr(shoal_status_text(SHOAL_E_BUSY), "gate") != NULL);
  EXPECT(strstr(shoal_status_text(SHOAL_E_BUSY), place.name) != NULL);
  test_child_kill(&stopped.child);
  ASSERT_OK(place_open(&place, SHOAL_CREATE, &heap));
  EXPECT_EQ(1, shoal_created(heap));
  EXPECT_OK(shoal_close(heap));
}

static void a_creator_that_stands_before_the_gate_is_overtaken(void) {
  place_choose(&place, PLACE_NAMED);
  ASSERT(stop_at("create", FAULT_SET_LOCK));
  EXPECT_NE(0, place_inode(&place));
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, place_open(&place, 0, &heap));
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, place_open(&place, SHOAL_READ_ONLY, &heap));
  ASSERT_OK(place_open(&place, SHOAL_CREATE | SHOAL_EXCLUSIVE, &heap));
  EXPECT_EQ(1, shoal_created(heap));
  let_go_on("SHOAL_OK found");
  EXPECT_EQ(2, shl_process_count(heap->region));
  EXPECT_OK(shoal_close(heap));
  dismiss(&stopped.child);
  EXPECT_EQ(0, place_inode(&place));
}

static void an_exclusive_creator_that_was_overtaken_says_so(void) {
  place_choose(&place, PLACE_NAMED);
  ASSERT(stop_at("exclusive", FAULT_SET_LOCK));
  ASSERT_OK(place_open(&place, SHOAL_CREATE, &heap));
  EXPECT_EQ(1, shoal_created(heap));
  let_go_on("SHOAL_E_EXISTS -");
  test_child_kill(&stopped.child);
  place_expect_works(heap);
  EXPECT_OK(shoal_close(heap));
  EXPECT_EQ(0, place_inode(&place));
}

static void a_creator_whose_object_went_meanwhile_makes_another(void) {
  place_choose(&place, PLACE_NAMED);
  ASSERT(stop_at("create", FAULT_SET_LOCK));
  ASSERT_OK(place_open(&place, SHOAL_CREATE, &heap));
  EXPECT_OK(shoal_close(heap));
  EXPECT_EQ(0, place_inode(&place));
  let_go_on("SHOAL_OK created");
  EXPECT_NE(0, place_inode(&place));
  dismiss(&stopped.child);
  EXPECT_EQ(0, place_inode(&place));
}

static void an_opener_whose_region_was_replaced_meanwhile_finds_the_new_one(void) {
  for (enum place_kind kind = PLACE_PERSIST; kind < PLACE_KINDS; kind++) {
    shoal_heap *second = NULL;
    forget_all();
    place_choose(&place, kind);
    ASSERT_OK(place_open(&place, SHOAL_CREATE, &heap));
    ASSERT(stop_at("open", FAULT_SET_LOCK));
    EXPECT_OK(shoal_unlink(place.name));
    ASSERT_OK(place_open(&place, SHOAL_CREATE, &second));
    let_go_on("SHOAL_OK found");
    EXPECT_EQ(1, shl_process_count(heap->region));
    EXPECT_EQ(2, shl_process_count(second->region));
    dismiss(&stopped.child);
    EXPECT_OK(shoal_close(heap));
    EXPECT_OK(shoal_close(second));
    EXPECT_OK(shoal_unlink(place.name));
  }
}

static void an_opener_whose_region_was_removed_meanwhile_finds_nothing(void) {
  place_choose(&place, PLACE_NAMED);
  ASSERT_OK(place_open(&place, SHOAL_CREATE, &heap));
  ASSERT(stop_at("open", FAULT_SET_LOCK));
  EXPECT_OK(shoal_unlink(place.name));
  let_go_on("SHOAL_E_NOT_FOUND -");
  test_child_kill(&stopped.child);
  EXPECT_EQ(1, shl_process_count(heap->region));
  EXPECT_OK(shoal_close(heap));
}

static void an_attacher_that_stands_in_the_gate_lets_those_inside_work_and_close(void) {
  static const char *const ways[] = {"open"};
  place_choose(&place, PLACE_NAMED);
  ASSERT_OK(place_open(&place, SHOAL_CREATE, &heap));
  ASSERT(stop_at("open", FAULT_MMAP));
  place_expect_works(heap);
  expect_busy(ways, 1);
  EXPECT_OK(shoal_close(heap));
  // It could not look whether it was the last: the name stays, and was not wrong to.
  EXPECT_NE(0, place_inode(&place));
  let_go_on("SHOAL_OK found");
  dismiss(&stopped.child);
  EXPECT_EQ(0, place_inode(&place));
}

static void a_name_left_by_a_close_that_could_not_wait_is_found_stale(void) {
  place_choose(&place, PLACE_NAMED);
  ASSERT_OK(place_open(&place, SHOAL_CREATE, &heap));
  ASSERT(stop_at("open", FAULT_MMAP));
  EXPECT_OK(shoal_close(heap));
  test_child_kill(&stopped.child);
  EXPECT_NE(0, place_inode(&place));
  EXPECT_STATUS(SHOAL_E_NOT_FOUND, place_open(&place, 0, &heap));
  EXPECT_EQ(0, place_inode(&place));
}

static void a_reader_that_stands_in_the_gate_lets_readers_pass(void) {
  static const char *const ways[] = {"open", "create", "unlink"};
  struct test_child reader;
  place_choose(&place, PLACE_NAMED);
  ASSERT_OK(place_open(&place, SHOAL_CREATE, &heap));
  ASSERT(stop_at("read", FAULT_MMAP));
  ASSERT(start(&reader, "open_and_say", "read", FAULT_ANY));
  EXPECT(test_child_expect(&reader, "SHOAL_OK found"));
  dismiss(&reader);
  expect_busy(ways, 3);
  let_go_on("SHOAL_OK found");
  dismiss(&stopped.child);
  EXPECT_OK(shoal_close(heap));
  EXPECT_EQ(0, place_inode(&place));
}

SUITE(gate, SET_UP(forget_all), TEST(a_creator_that_stands_in_the_gate_makes_others_busy),
      TEST(the_text_says_that_another_keeps_the_gate),
      TEST(a_creator_that_stands_before_the_gate_is_overtaken),
      TEST(an_exclusive_creator_that_was_overtaken_says_so),
      TEST(a_creator_whose_object_went_meanwhile_makes_another),
      TEST(an_opener_whose_region_was_replaced_meanwhile_finds_the_new_one),
      TEST(an_opener_whose_region_was_removed_meanwhile_finds_nothing),
      TEST(an_attacher_that_stands_in_the_gate_lets_those_inside_work_and_close),
      TEST(a_name_left_by_a_close_that_could_not_wait_is_found_stale),
      TEST(a_reader_that_stands_in_the_gate_lets_readers_pass), ROLE(open_and_say),
      ROLE(stop_while_opening))
