// SPDX-License-Identifier: MIT
#include "tests/mapping/scenario.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shoal/inspect.h>
#include <shoal/root.h>

#include "tests/harness/harness.h"
#include "tests/mapping/fault.h"

enum { CAPACITY = 16 << 20, BLOCKS = 7, PATH_BYTES = SCENARIO_NAME_BYTES + 32 };

static const size_t sizes[BLOCKS] = {16, 100, 2000, 20000, 50000, 300000, 3 << 20};

// The part being played. Private to the process.
static struct scenario *played;
static shoal_heap *heap;
static shoal_off blocks[BLOCKS];

// Whether a call may say so for want of something of the system's.
static bool is_clean(shoal_status status) {
  return status == SHOAL_E_NO_SPACE || status == SHOAL_E_LIMIT || status == SHOAL_E_SYSTEM ||
         status == SHOAL_E_PERMISSION || status == SHOAL_E_UNSUPPORTED || status == SHOAL_E_BUSY ||
         status == SHOAL_E_ADDRESS;
}

static void fail_step(const char *what, const char *how, const char *text) {
  FAIL("%s: %s (%s), %s %llu of kind %d failed with %d", what, how, text,
       fault_name(fault_struck()), (unsigned long long)fault_strikes(), (int)played->kind,
       fault_code());
}

// returns: whether the call worked; it fails the test where its status is not clean.
static bool settle(const char *what, shoal_status status) {
  if (status == SHOAL_OK) return true;
  played->failures++;
  if (played->strict || !is_clean(status)) {
    fail_step(what, shoal_status_name(status), shoal_status_text(status));
  }
  return false;
}

static bool settle_pointer(const char *what, bool worked) {
  if (worked) return true;
  played->failures++;
  if (played->strict || errno != ENOMEM) fail_step(what, strerror(errno), "");
  return false;
}

static bool is_nameless(const struct scenario *scenario) {
  return scenario->kind == SHOAL_KIND_MEMFD || scenario->kind == SHOAL_KIND_PRIVATE;
}

static shoal_status open_heap(unsigned flags, shoal_heap **out) {
  shoal_options options = {.size = sizeof options,
                           .kind = played->kind,
                           .flags = flags,
                           .capacity = CAPACITY,
                           .base = played->base,
                           .max_processes = 2,
                           .max_threads = 6};
  return shoal_open(is_nameless(played) ? NULL : played->name, &options, out);
}

static unsigned char pattern(unsigned i) {
  return (unsigned char)(0xa0 + i);
}

static void expect_contents(const char *after) {
  for (unsigned i = 0; i < BLOCKS; i++) {
    const unsigned char *bytes = shoal_ptr(heap, blocks[i]);
    size_t steps = sizes[i] > 5000 ? 4096 : 1;
    for (size_t k = 0; bytes != NULL && k < sizes[i]; k += steps) {
      if (bytes[k] == pattern(i)) continue;
      fail_step(after, "a block's bytes changed", "");
      return;
    }
  }
}

static void report(void *after, shoal_off off, const char *text) {
  (void)off;
  fail_step(after, "the check finds", text);
}

// A look at the heap is no part of what can fail.
static void expect_sound(const char *after) {
  fault_pause(true);
  expect_contents(after);
  (void)shoal_check(heap, report, (void *)(uintptr_t)after);
  fault_pause(false);
}

static void take_block(unsigned i) {
  if (blocks[i] != 0) return;
  blocks[i] = shoal_alloc(heap, sizes[i], i % 2 == 0 ? 0 : SHOAL_ZERO);
  if (settle_pointer("alloc", blocks[i] != 0)) {
    memset(shoal_ptr(heap, blocks[i]), pattern(i), sizes[i]);
  }
}

static void take_blocks(void) {
  for (unsigned i = 0; i < BLOCKS; i++) take_block(i);
  expect_sound("alloc");
}

static void free_blocks(unsigned first, unsigned step) {
  for (unsigned i = first; i < BLOCKS; i += step) {
    if (settle("free", shoal_free_offset(heap, blocks[i]))) blocks[i] = 0;
  }
  expect_sound("free");
}

// A run that grows and is as it was where it cannot.
static void resize(void) {
  if (blocks[4] == 0) return;
  void *grown = shoal_realloc(heap, shoal_ptr(heap, blocks[4]), 2 * sizes[4]);
  if (settle_pointer("realloc", grown != NULL)) blocks[4] = shoal_offset(heap, grown);
  expect_sound("realloc");
}

static void use_roots(void) {
  shoal_root root = {.off = blocks[1], .size = 100, .type_id = 7}, found;
  bool set = settle("root set", shoal_root_set(heap, "scenario", &root));
  shoal_status status = shoal_root_get(heap, "scenario", &found);
  if (set) (void)settle("root get", status);
  if (set && status == SHOAL_OK) EXPECT_EQ(blocks[1], found.off);
  if (set) (void)settle("root remove", shoal_root_remove(heap, "scenario"));
  expect_sound("roots");
}

static void use_pin(void) {
  shoal_pin_id pin;
  if (blocks[6] == 0) return;
  if (settle("pin", shoal_pin(heap, blocks[6], sizes[6], &pin))) {
    EXPECT_OK(shoal_unpin(heap, pin));
  }
}

static void open_again(void) {
  shoal_heap *again = NULL;
  if (is_nameless(played)) return;
  unsigned flags = SHOAL_CREATE | (played->flags & ~(unsigned)SHOAL_EXCLUSIVE);
  if (!settle("open again", open_heap(flags, &again))) return;
  EXPECT_EQ(heap, again);
  EXPECT_OK(shoal_close(again));
}

// What is open for writing here cannot be read only beside it: a refusal, never a handle.
static void open_read_only(void) {
  shoal_heap *again = NULL;
  if (is_nameless(played)) return;
  shoal_status status = open_heap(SHOAL_READ_ONLY, &again);
  bool refused = status == SHOAL_E_BUSY || (!played->strict && is_clean(status));
  if (!refused) fail_step("open read only", shoal_status_name(status), shoal_status_text(status));
  if (status == SHOAL_OK) EXPECT_OK(shoal_close(again));
}

static void open_by_descriptor(void) {
  shoal_heap *again = NULL;
  int fd = -1;
  if (played->kind == SHOAL_KIND_PRIVATE || !settle("fd", shoal_fd(heap, &fd))) return;
  fault_note_descriptor(fd, false);
  shoal_status status = shoal_open_fd(fd, NULL, &again);
  if (settle("open fd", status)) {
    EXPECT_EQ(heap, again);
    EXPECT_OK(shoal_close(again));
  }
  EXPECT_EQ(0, close(fd));
}

static void *play_thread(void *unused) {
  (void)unused;
  shoal_off off = shoal_alloc(heap, 300, 0);
  if (settle_pointer("a thread's alloc", off != 0)) EXPECT_OK(shoal_free_offset(heap, off));
  return NULL;
}

static void use_thread(void) {
  pthread_t thread;
  ASSERT_EQ(0, pthread_create(&thread, NULL, play_thread, NULL));
  ASSERT_EQ(0, pthread_join(thread, NULL));
  expect_sound("a thread");
}

static void use_heap(void) {
  take_blocks();
  use_roots();
  use_pin();
  open_again();
  open_read_only();
  open_by_descriptor();
  resize();
  free_blocks(1, 2);
  (void)settle("trim", shoal_trim(heap, SHOAL_TRIM_ALL));
  expect_sound("trim");
  take_blocks();
  (void)settle("flush", shoal_flush(heap));
  use_thread();
  free_blocks(0, 1);
  (void)settle("trim", shoal_trim(heap, SHOAL_TRIM_ALL));
  expect_sound("the last trim");
}

void scenario_play(struct scenario *scenario) {
  played = scenario;
  memset(blocks, 0, sizeof blocks);
  scenario->failures = 0;
  scenario->unlinked = false;
  scenario->opened = settle("open", open_heap(SHOAL_CREATE | scenario->flags, &heap));
  if (!scenario->opened) return;
  use_heap();
  if (!is_nameless(scenario)) {
    scenario->unlinked = settle("unlink", shoal_unlink(scenario->name));
  }
  EXPECT_OK(shoal_close(heap));
}

static const char *path_of(const struct scenario *scenario, char path[PATH_BYTES]) {
  const char *folder = scenario->kind == SHOAL_KIND_NAMED ? "/dev/shm/shoal." : "";
  (void)snprintf(path, PATH_BYTES, "%s%s", folder, scenario->name);
  return path;
}

bool scenario_has_name(const struct scenario *scenario, uint64_t *bytes) {
  char path[PATH_BYTES];
  struct stat status;
  if (is_nameless(scenario) || stat(path_of(scenario, path), &status) != 0) return false;
  *bytes = (uint64_t)status.st_size;
  return true;
}

void scenario_clear(const struct scenario *scenario) {
  char path[PATH_BYTES];
  if (!is_nameless(scenario)) (void)unlink(path_of(scenario, path));
}
