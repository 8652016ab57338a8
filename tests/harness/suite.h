// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_HARNESS_SUITE_H
#define SHL_TESTS_HARNESS_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What the C tests and the C++ bridge to GoogleTest share. Tests include harness.h instead.

#ifdef __cplusplus
extern "C" {
#define TEST_PRINTF(index)
#else
#define TEST_PRINTF(index) __attribute__((format(printf, index, (index) + 1)))
#endif

enum test_entry_kind { TEST_ENTRY_CASE, TEST_ENTRY_ROLE, TEST_ENTRY_SET_UP, TEST_ENTRY_TEAR_DOWN };

/// A line of a suite's table. Private to the process.
struct test_entry {
  enum test_entry_kind kind;
  int line;
  const char *name;
  void (*run)(void);
  void (*play)(int argc, char **argv);  ///< Of a role instead of `run`.
};

/// A test file's table; each test binary holds one. Private to the process.
struct test_suite_table {
  const char *name;
  const char *file;
  const struct test_entry *entries;
  size_t count;
};

extern const struct test_suite_table test_suite;

/// Marks the running test as failed, with a formatted text; the test goes on. In a role the text
/// goes to standard error and the process will end with code 1.
/// safe: any thread, where pthreads exist.
TEST_PRINTF(3) void test_fail(const char *file, int line, const char *format, ...);

/// Marks the running test as skipped, with a formatted reason. The caller returns.
TEST_PRINTF(3) void test_skip(const char *file, int line, const char *format, ...);

/// Whether the running test has failed so far.
bool test_has_failed(void);

/// Notes on the test's output how much of something it has done, for whoever adds such counts up.
void test_count(const char *what, uint64_t count);

/// Kills the children that the test has not waited for and removes the regions it left, and marks
/// the test as failed for each. The bridge calls it when a test has ended.
void test_children_sweep(void);
void test_names_sweep(void);

#ifdef __cplusplus
}
#endif

#endif
