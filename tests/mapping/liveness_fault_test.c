// SPDX-License-Identifier: MIT
// Goal: a question about life that the system does not answer never makes a living process dead.
// Method: a played process holds a byte; every call on the way to the answer fails in turn. Roles
// play a kernel whose mappings hold no lock, which is found out once a process.
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>

#include "mapping/linux/object_part.h"
#include "mapping/linux/syscall.h"
#include "mapping/process.h"
#include "tests/harness/harness.h"
#include "tests/harness/process.h"
#include "tests/mapping/fault.h"
#include "tests/mapping/plain.h"
#include "tests/mapping/played.h"

enum { ROUNDS_MAX = 10 };

static char name[TEST_NAME_BYTES];
static struct shl_region *region;
static struct shl_object *other;
static struct shl_liveness byte;
static uint32_t generation;

static void begin(void) {
  plain_reset();
  (void)test_unique_name(name);
  ASSERT_OK(plain_open_name(name, SHOAL_CREATE, &region));
  other = played_open(name);
  ASSERT(other != NULL);
  generation = played_register(region, other, 2, &byte);
  fault_install();
}

static void end(void) {
  fault_remove();
  shl_liveness_drop(&byte);
  shl_object_close(other);
  EXPECT_OK(plain_close(region));
}

// Asks with the n-th call of that kind failing. returns: whether there was one.
static bool ask_with(enum fault_call call, uint64_t n, int code, bool sticky) {
  struct fault_plan plan = {.call = call, .at = n, .code = code, .sticky = sticky};
  fault_arm(&plan);
  EXPECT(!shl_process_is_dead(region, 2, generation));
  uint64_t strikes = fault_strikes();
  fault_arm(&plan);
  EXPECT(shl_liveness_is_held(region->private_part->object, 2, 0, 0));
  fault_arm(&plan);
  EXPECT(shl_liveness_is_any_held(region->private_part->object));
  fault_disarm();
  return strikes != 0;
}

static void no_failing_call_makes_a_living_process_dead(void) {
  for (enum fault_call call = 0; call < FAULT_CALLS; call++) {
    for (unsigned i = 0; i < fault_variants(call, false); i++) {
      uint64_t n = 1;
      while (n < ROUNDS_MAX && ask_with(call, n, 0, false)) n++;
      EXPECT_LT(n, ROUNDS_MAX);
      bool lasting = i < fault_variants(call, true);
      if (lasting) (void)ask_with(call, 1, 0, true);
    }
  }
}

static void the_lock_is_asked_for_and_may_fail(void) {
  static const int codes[] = {ENOLCK, EINVAL, EBADF, EAGAIN, EACCES};
  for (unsigned i = 0; i < sizeof codes / sizeof codes[0]; i++) {
    EXPECT(ask_with(FAULT_GET_LOCK, 1, codes[i], false));
    EXPECT(ask_with(FAULT_GET_LOCK, 1, codes[i], true));
  }
  shl_liveness_drop(&byte);
  EXPECT(ask_with(FAULT_GET_LOCK, 1, ENOLCK, true));
  EXPECT(shl_process_is_dead(region, 2, generation));
}

// A program that closed all descriptors has to open the object again to ask.
static void without_a_descriptor_every_call_on_the_way_may_fail(void) {
  struct shl_object *object = region->private_part->object;
  shl_sys_close(object->fd);
  EXPECT(!shl_process_is_dead(region, 2, generation));
  no_failing_call_makes_a_living_process_dead();
  EXPECT(ask_with(FAULT_OPEN, 1, EMFILE, true));
  shl_liveness_drop(&byte);
  EXPECT(ask_with(FAULT_OPEN, 1, EMFILE, true));
  EXPECT(shl_process_is_dead(region, 2, generation));
}

static void recovery_spares_whom_it_could_not_ask_about(void) {
  fault_arm(&(struct fault_plan){.call = FAULT_GET_LOCK, .at = 1, .sticky = true, .code = ENOLCK});
  uint32_t process = 0, found = 0;
  EXPECT(!shl_process_next_dead(region, &process, &found));
  fault_arm(&(struct fault_plan){.call = FAULT_SET_LOCK, .at = 1, .sticky = true, .code = ENOLCK});
  shl_process_clear(region, 2, generation);
  EXPECT_EQ(SHL_PROCESS_LIVE, played_state(region, 2));
  fault_disarm();
}

// A page that holds nothing, in the place of one of the object.
static void *map_without_holding(void *address, size_t bytes, int protection, int flags, int fd,
                                 int64_t offset) {
  bool holds = protection == PROT_NONE && (flags & MAP_SHARED) != 0;
  int more = holds ? MAP_ANONYMOUS : 0;
  return fault_table.mmap(address, bytes, protection, flags | more, holds ? -1 : fd, offset);
}

// In a role, where nothing is known of the kernel yet: takes a byte with the first questions about
// what mappings hold failing, and looks at it through another description.
static void take_on_such_a_kernel(int argc, char **argv) {
  struct shl_syscalls table = fault_table;
  struct shl_liveness taken;
  ASSERT_EQ(1, argc);
  struct shl_object *mine = played_open(argv[0]), *seen = played_open(argv[0]);
  table.mmap = map_without_holding;
  fault_install();
  shl_sys = &table;
  fault_arm(&(struct fault_plan){.call = FAULT_GET_LOCK, .at = 1, .code = ENOLCK});
  ASSERT_OK(shl_liveness_take(mine, 3, &taken));
  EXPECT_EQ(1, fault_strikes());
  EXPECT(shl_liveness_is_held(seen, 3, 0, 0));
  shl_liveness_drop(&taken);
  EXPECT(!shl_liveness_is_held(seen, 3, 0, 0));
  ASSERT_OK(shl_liveness_take(mine, 3, &taken));
  EXPECT(shl_liveness_is_held(seen, 3, 0, 0));
  shl_liveness_drop(&taken);
  shl_object_close(mine);
  shl_object_close(seen);
  fault_remove();
}

static void a_kernel_that_could_not_be_asked_is_not_trusted(void) {
  struct test_child child = {.runs = false};
  ASSERT(test_spawn(&child, "take_on_such_a_kernel", (const char *const[]){name, NULL}));
  test_child_finish(&child);
}

SUITE(liveness_fault, SET_UP(begin), TEAR_DOWN(end), ROLE(take_on_such_a_kernel),
      TEST(no_failing_call_makes_a_living_process_dead), TEST(the_lock_is_asked_for_and_may_fail),
      TEST(without_a_descriptor_every_call_on_the_way_may_fail),
      TEST(recovery_spares_whom_it_could_not_ask_about),
      TEST(a_kernel_that_could_not_be_asked_is_not_trusted))
