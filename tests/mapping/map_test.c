// SPDX-License-Identifier: MIT
// Goal: a view is the whole object at the wanted place with guards, or nothing is mapped at all.
// Method: views of memfds and of private memory; who may touch what is asked with madvise and
// process_vm_readv, never by a fault.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/align.h"
#include "mapping/linux/syscall.h"
#include "mapping/object.h"
#include "mapping/superblock.h"
#include "tests/harness/harness.h"
#include "tests/mapping/fault.h"

enum { BYTES = 4 << 20 };

static struct shl_object *object;
static struct shl_view view;
static uint64_t window;  // a free base

static void begin(void) {
  struct shl_object_spec spec = {.kind = SHOAL_KIND_MEMFD, .fd = -1, .mode = 0600};
  uint64_t high;
  shl_view_range(&window, &high);
  window += UINT64_C(1) << 36;
  fault_install();
  ASSERT_OK(shl_object_open(&spec, &object));
  ASSERT_OK(shl_object_clear(object, BYTES, 0600));
}

static void end(void) {
  shl_object_close(object);
  EXPECT_EQ(0, fault_held_bytes());
  EXPECT_EQ(0, fault_held_descriptors());
  fault_remove();
}

static shoal_status map(const struct shl_object *what, uint64_t base, bool read_only) {
  struct shl_view_request request = {.base = base, .bytes = BYTES, .read_only = read_only};
  return shl_view_map(what, &request, &view);
}

// Whether this process may read the byte at `address`.
static bool is_readable(const char *address) {
  char byte;
  struct iovec to = {.iov_base = &byte, .iov_len = 1};
  struct iovec from = {.iov_base = (void *)(uintptr_t)address, .iov_len = 1};
  return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == 1;
}

static bool is_writable(const char *address) {
  char byte = 0;
  struct iovec from = {.iov_base = &byte, .iov_len = 1};
  struct iovec to = {.iov_base = (void *)(uintptr_t)address, .iov_len = 1};
  return process_vm_writev(getpid(), &from, 1, &to, 1, 0) == 1;
}

static bool is_mapped(uint64_t address) {
  void *page = (void *)(uintptr_t)shl_align_down(address, SHL_PAGE_BYTES);
  unsigned char resident;
  return mincore(page, SHL_PAGE_BYTES, &resident) == 0;
}

static void expect_guarded(void) {
  EXPECT(is_writable(view.base) && is_writable(view.base + BYTES - 1));
  EXPECT(!is_readable(view.base + BYTES));
  EXPECT(!is_readable(view.base + BYTES + SHL_GUARD_BYTES - 1));
  EXPECT(is_mapped((uintptr_t)view.base + BYTES + SHL_GUARD_BYTES - 1));
}

static void a_view_lies_where_it_is_wanted_with_a_guard_behind(void) {
  ASSERT_OK(map(object, window, false));
  EXPECT_EQ(window, (uintptr_t)view.base);
  EXPECT_EQ(BYTES, view.bytes);
  EXPECT(!view.shared);
  expect_guarded();
  shl_view_unmap(&view);
  EXPECT_EQ(NULL, view.base);
  EXPECT(!is_mapped(window) && !is_mapped(window + BYTES + SHL_GUARD_BYTES - 1));
  shl_view_unmap(&view);
}

static void a_view_anywhere_is_chunk_aligned_and_leaves_nothing_around(void) {
  for (unsigned i = 0; i < 8; i++) {
    ASSERT_OK(map(object, 0, false));
    EXPECT_EQ(0, (uintptr_t)view.base % SHL_CHUNK_BYTES);
    EXPECT_EQ(BYTES + SHL_GUARD_BYTES, fault_held_bytes());
    expect_guarded();
    shl_view_unmap(&view);
  }
}

static void private_memory_is_fresh_and_writable(void) {
  ASSERT_OK(map(NULL, 0, false));
  expect_guarded();
  EXPECT_EQ(0, view.base[0]);
  EXPECT_EQ(0, view.base[BYTES - 1]);
  EXPECT_OK(shl_view_commit(NULL, &view, 0, BYTES));
  view.base[SHL_CHUNK_BYTES] = 1;
  EXPECT_OK(shl_view_give_back(NULL, &view, SHL_CHUNK_BYTES, SHL_CHUNK_BYTES));
  EXPECT_EQ(0, view.base[SHL_CHUNK_BYTES]);
  shl_view_unmap(&view);
}

static void two_views_show_the_same_bytes(void) {
  ASSERT_OK(map(object, window, false));
  struct shl_view first = view;
  ASSERT_OK(map(object, 0, true));
  first.base[100] = 'x';
  EXPECT_EQ('x', view.base[100]);
  EXPECT(is_readable(view.base) && !is_writable(view.base));
  shl_view_unmap(&view);
  shl_view_unmap(&first);
}

// Another copy of the library, or the parent that forked, has made the mapping already.
static void a_view_that_is_there_already_is_shared(void) {
  ASSERT_OK(map(object, window, false));
  struct shl_view first = view;
  ASSERT_OK(map(object, window, false));
  EXPECT(view.shared);
  EXPECT_EQ(first.base, view.base);
  EXPECT_STATUS(SHOAL_E_ADDRESS, map(object, window, true));
  EXPECT_STATUS(SHOAL_E_ADDRESS, map(NULL, window, false));
  EXPECT_STATUS(SHOAL_E_ADDRESS, map(object, window + SHL_CHUNK_BYTES, false));
  shl_view_unmap(&first);
}

static void another_objects_view_is_not_shared(void) {
  struct shl_object_spec spec = {.kind = SHOAL_KIND_MEMFD, .fd = -1, .mode = 0600};
  struct shl_object *second = NULL;
  ASSERT_OK(shl_object_open(&spec, &second));
  ASSERT_OK(shl_object_clear(second, BYTES, 0600));
  ASSERT_OK(map(second, window, false));
  struct shl_view first = view;
  EXPECT_STATUS(SHOAL_E_ADDRESS, map(object, window, false));
  shl_view_unmap(&first);
  ASSERT_OK(map(second, window, true));
  first = view;
  EXPECT_STATUS(SHOAL_E_ADDRESS, map(second, window, false));
  shl_view_unmap(&first);
  shl_object_close(second);
}

static void gaps_can_be_guarded(void) {
  ASSERT_OK(map(object, window, false));
  EXPECT_OK(shl_view_guard(&view, SHL_UNIT_BYTES, SHL_UNIT_BYTES));
  EXPECT(is_writable(view.base + SHL_UNIT_BYTES - 1));
  EXPECT(!is_readable(view.base + SHL_UNIT_BYTES));
  EXPECT(!is_readable(view.base + 2 * SHL_UNIT_BYTES - 1));
  EXPECT(is_writable(view.base + 2 * SHL_UNIT_BYTES));
  EXPECT_OK(shl_view_guard(&view, 0, 0));
  EXPECT(is_writable(view.base));
  shl_view_unmap(&view);
}

// Kernels before 4.17 take MAP_FIXED_NOREPLACE for a wish: the address that came is what counts.
static void *map_elsewhere(void *address, size_t bytes, int protection, int flags, int fd,
                           int64_t offset) {
  bool old_kernel = (flags & MAP_FIXED_NOREPLACE) == MAP_FIXED_NOREPLACE;
  return fault_table.mmap(old_kernel ? NULL : address, bytes, protection,
                          flags & ~(old_kernel ? MAP_FIXED_NOREPLACE : 0), fd, offset);
}

static void a_kernel_that_takes_the_base_for_a_wish_is_found_out(void) {
  struct shl_syscalls old = fault_table;
  old.mmap = map_elsewhere;
  shl_sys = &old;
  EXPECT_STATUS(SHOAL_E_ADDRESS, map(object, window, false));
  EXPECT_EQ(0, fault_held_bytes());
  shl_sys = &fault_table;
}

// Another place may do, so it is no lack of rights.
static void a_forbidden_address_is_one_that_cannot_be_had(void) {
  fault_arm(&(struct fault_plan){.call = FAULT_MMAP, .at = 1, .code = EPERM});
  EXPECT_STATUS(SHOAL_E_ADDRESS, map(object, window, false));
  EXPECT(strstr(shoal_status_text(SHOAL_E_ADDRESS), "mmap_min_addr") != NULL);
  fault_arm(&(struct fault_plan){.call = FAULT_MMAP, .at = 1, .code = EPERM});
  EXPECT_STATUS(SHOAL_E_PERMISSION, map(object, 0, false));
  fault_arm(&(struct fault_plan){.call = FAULT_MMAP, .at = 2, .code = EPERM});
  EXPECT_STATUS(SHOAL_E_PERMISSION, map(object, window, false));
  fault_disarm();
}

static void no_failing_call_leaves_a_mapping(void) {
  static const uint64_t bases[] = {0, 1};
  for (unsigned i = 0; i < 2; i++) {
    for (uint64_t n = 1; n <= 2; n++) {
      struct fault_plan plan = {.call = FAULT_MMAP, .at = n, .code = ENOMEM};
      fault_arm(&plan);
      EXPECT_STATUS(SHOAL_E_NO_SPACE, map(object, bases[i] * window, false));
      EXPECT_EQ(1, fault_strikes());
      EXPECT_EQ(0, fault_held_bytes());
    }
  }
  fault_arm(&(struct fault_plan){.call = FAULT_MPROTECT, .at = 1, .code = ENOMEM});
  EXPECT_STATUS(SHOAL_E_NO_SPACE, map(NULL, 0, false));
  EXPECT_EQ(0, fault_held_bytes());
  fault_disarm();
}

// The kernel itself, not what a sanitizer puts before it.
static void *map_by_kernel(void *address, size_t bytes, int protection, int flags, int fd,
                           int64_t offset) {
  return (void *)syscall(SYS_mmap, address, bytes, protection, flags, fd, offset);
}

static void addresses_beyond_the_processor_are_refused(void) {
  if (test_in_memcheck()) SKIP("memcheck answers for the kernel");
  struct shl_syscalls table = fault_table;
  table.mmap = map_by_kernel;
  shl_sys = &table;
  EXPECT_STATUS(SHOAL_E_NO_SPACE, map(object, UINT64_C(0x7fffffe00000), false));
  EXPECT_STATUS(SHOAL_E_NO_SPACE, map(object, UINT64_C(1) << 60, false));
  shl_sys = &fault_table;
}

static void the_range_of_bases_holds_the_largest_region_and_is_free(void) {
  uint64_t low, high;
  shl_view_range(&low, &high);
  EXPECT_LT(low, high);
  EXPECT_EQ(0, low % SHL_CHUNK_BYTES);
  EXPECT_LT(high, UINT64_C(0x555555554000));
  EXPECT_LE(UINT64_C(256) << 30, high - low);
}

SUITE(map, SET_UP(begin), TEAR_DOWN(end), TEST(a_view_lies_where_it_is_wanted_with_a_guard_behind),
      TEST(a_view_anywhere_is_chunk_aligned_and_leaves_nothing_around),
      TEST(private_memory_is_fresh_and_writable), TEST(two_views_show_the_same_bytes),
      TEST(a_view_that_is_there_already_is_shared), TEST(another_objects_view_is_not_shared),
      TEST(gaps_can_be_guarded), TEST(a_kernel_that_takes_the_base_for_a_wish_is_found_out),
      TEST(a_forbidden_address_is_one_that_cannot_be_had), TEST(no_failing_call_leaves_a_mapping),
      TEST(addresses_beyond_the_processor_are_refused),
      TEST(the_range_of_bases_holds_the_largest_region_and_is_free))
