// SPDX-License-Identifier: MIT
// Goal: an open of a heap that is there, under whatever failing system call, opens it or leaves it
// as it is: not a byte of what was allocated changes, and it opens when the system works again.
// Method: a heap is filled and closed; then opened, used a little and closed with the n-th call
// failing, for every n until none fails, once and from there on for ever.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <shoal/inspect.h>
#include <shoal/root.h>

#include "alloc/handle.h"
#include "mapping/process.h"
#include "tests/harness/harness.h"
#include "tests/mapping/fault.h"
#include "tests/mapping/folder.h"

enum { CAPACITY = 16 << 20, BLOCKS = 12, FAULTS_MAX = 1000 };
enum { DISK_BYTES = 64 << 20, PAGE_BYTES = 4096 };

static char name[FOLDER_PATH_BYTES];
static shoal_options options;
static shoal_heap *heap;
static shoal_off blocks[BLOCKS];
static void *base;

static void begin(void) {
  folder_make();
  (void)folder_mount_tmpfs(DISK_BYTES);
  fault_install();
  options = (shoal_options){.size = sizeof options,
                            .capacity = CAPACITY,
                            .lifetime = SHOAL_LIFETIME_PERSIST,
                            .max_processes = 2,
                            .max_threads = 4};
}

static void end(void) {
  fault_remove();
  folder_remove();
}

static size_t size_of(unsigned i) {
  return 16 + (size_t)i * i * i * 30;
}

static void fill(void) {
  options.flags = SHOAL_CREATE;
  ASSERT_OK(shoal_open(name, &options, &heap));
  for (unsigned i = 0; i < BLOCKS; i++) {
    blocks[i] = shoal_alloc(heap, size_of(i), 0);
    ASSERT_NE(0, blocks[i]);
    memset(shoal_ptr(heap, blocks[i]), (int)i, size_of(i));
  }
  shoal_root root = {.off = blocks[1], .type_id = 3};
  ASSERT_OK(shoal_root_set(heap, "root", &root));
  base = heap->region->base;
  ASSERT_OK(shoal_close(heap));
}

static void fail_at(const char *what, const char *text) {
  FAIL("%s: %s; %s, call %llu, failed with %d", what, text, fault_name(fault_struck()),
       (unsigned long long)fault_calls(), fault_code());
}

static void report(void *what, shoal_off off, const char *text) {
  (void)off;
  fail_at(what, text);
}

static void expect_whole(const char *when) {
  shoal_root root;
  fault_pause(true);
  (void)shoal_check(heap, report, (void *)(uintptr_t)when);
  EXPECT_OK(shoal_root_get(heap, "root", &root));
  for (unsigned i = 0; i < BLOCKS; i++) {
    const unsigned char *bytes = shoal_ptr(heap, blocks[i]);
    if (bytes[0] != i || bytes[size_of(i) - 1] != i) fail_at(when, "bytes have changed");
  }
  fault_pause(false);
}

static bool is_clean(shoal_status status) {
  return status == SHOAL_E_NO_SPACE || status == SHOAL_E_LIMIT || status == SHOAL_E_SYSTEM ||
         status == SHOAL_E_PERMISSION || status == SHOAL_E_UNSUPPORTED || status == SHOAL_E_BUSY ||
         status == SHOAL_E_ADDRESS;
}

// Something else of this process stands where the heap wants to be.
static void occupy_base(void) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
  ASSERT(mmap(base, PAGE_BYTES, PROT_NONE, flags, -1, 0) == base);
}

// Opens it with the fault, allocates and frees. returns: whether a call failed.
static bool visit(const struct fault_plan *plan, unsigned flags) {
  bool is_away = (flags & SHOAL_RELOCATABLE) != 0;
  bool must_be_new = (flags & SHOAL_EXCLUSIVE) != 0;
  options.flags = flags;
  if (is_away) occupy_base();
  fault_arm(plan);
  shoal_status status = shoal_open(name, &options, &heap);
  if (status == SHOAL_OK && must_be_new) {
    fail_at("exclusive", "opened what was there");
  } else if (status == SHOAL_OK) {
    EXPECT(!is_away || heap->region->base != base);
    expect_whole("opened");
    shoal_off off = shoal_alloc(heap, 5000, 0);
    bool refused = errno == ENOMEM || (flags == SHOAL_READ_ONLY && errno == EROFS);
    if (off == 0 && !refused) fail_at("alloc", strerror(errno));
    if (off != 0) EXPECT_OK(shoal_free_offset(heap, off));
    expect_whole("used");
    EXPECT_OK(shoal_close(heap));
  } else if (!is_clean(status) && !(must_be_new && status == SHOAL_E_EXISTS)) {
    fail_at(shoal_status_name(status), shoal_status_text(status));
  }
  bool struck = fault_strikes() != 0;
  fault_disarm();
  if (is_away) EXPECT_EQ(0, munmap(base, PAGE_BYTES));
  return struck;
}

// Where fstat fails nobody can tell whose a descriptor is: a close leaves it open.
static void expect_nothing_held(void) {
  bool may_leave_descriptor = fault_strikes_of(FAULT_FSTAT) != 0;
  if (fault_held_bytes() != 0) fail_at("after", "bytes are mapped");
  if (fault_held_descriptors() != 0 && !may_leave_descriptor) fail_at("after", "descriptors");
  fault_forgive();
}

// With the system at work again the heap opens, whole; and no record of a process stays taken.
static void expect_there(void) {
  options.flags = 0;
  shoal_status status = shoal_open(name, &options, &heap);
  if (status != SHOAL_OK) {
    fail_at("again", shoal_status_text(status));
    return;
  }
  EXPECT_EQ(1, shl_process_count(heap->region));
  expect_whole("again");
  EXPECT_OK(shoal_close(heap));
}

static void fail_each(bool sticky, unsigned flags) {
  bool struck = true;
  for (uint64_t n = 1; struck && n < FAULTS_MAX && !test_has_failed(); n++) {
    unsigned variants = 1;
    for (unsigned i = 0; i < variants; i++) {
      struct fault_plan plan = {.call = FAULT_ANY, .at = n, .sticky = sticky, .variant = i};
      struck = visit(&plan, flags);
      if (i == 0 && struck && !sticky) variants = fault_variants(fault_struck(), false);
      expect_nothing_held();
      expect_there();
    }
  }
  EXPECT(!struck);
}

static void visit_every_way(void) {
  static const unsigned ways[] = {0, SHOAL_CREATE, SHOAL_READ_ONLY, SHOAL_RELOCATABLE,
                                  SHOAL_CREATE | SHOAL_EXCLUSIVE};
  fill();
  for (unsigned i = 0; i < sizeof ways / sizeof ways[0]; i++) {
    fail_each(false, ways[i]);
    fail_each(true, ways[i]);
  }
  EXPECT_OK(shoal_unlink(name));
}

static void a_file_survives_any_failing_call(void) {
  (void)folder_path(name, "heap");
  visit_every_way();
}

static void a_named_heap_that_persists_does_too(void) {
  char unique[TEST_NAME_BYTES];
  (void)snprintf(name, sizeof name, "%s", test_unique_name(unique));
  visit_every_way();
}

SUITE(fault_attach, SET_UP(begin), TEAR_DOWN(end), TEST(a_file_survives_any_failing_call),
      TEST(a_named_heap_that_persists_does_too))
