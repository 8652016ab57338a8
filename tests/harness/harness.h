// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_HARNESS_HARNESS_H
#define SHL_TESTS_HARNESS_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <shoal/status.h>

#include "tests/harness/suite.h"

// Tests in C over GoogleTest. A file is a suite: static void functions named by the behaviour they
// prove, listed in one table at the end. A function left out of the table does not compile.
//
//   static void null_offset_frees_nothing(void) { ... EXPECT_EQ(0, stats.live_count); }
//   SUITE(slab, TEST(null_offset_frees_nothing))
//
// EXPECT_* goes on after a failure, ASSERT_* returns from the (void) function it stands in.
// Operands are evaluated once; both values are printed.

/// Defines the binary's table from TEST, ROLE, SET_UP and TEAR_DOWN entries.
#define SUITE(suite_name, ...)                                        \
  static const struct test_entry suite_entries[] = {__VA_ARGS__};     \
  const struct test_suite_table test_suite = {                        \
      .name = #suite_name,                                            \
      .file = __FILE__,                                               \
      .entries = suite_entries,                                       \
      .count = sizeof suite_entries / sizeof suite_entries[0],        \
  };

/// A test: static void function(void).
#define TEST(function) \
  { .kind = TEST_ENTRY_CASE, .line = __LINE__, .name = #function, .run = (function) }

/// What a helper process does: static void function(int argc, char **argv), started by test_spawn
/// with the function's name; argv holds the spawner's arguments alone. The process ends with code
/// 0, or 1 where an expectation failed; exit() may give another.
#define ROLE(function) \
  { .kind = TEST_ENTRY_ROLE, .line = __LINE__, .name = #function, .play = (function) }

/// Run before each test of the file: static void function(void).
#define SET_UP(function) \
  { .kind = TEST_ENTRY_SET_UP, .line = __LINE__, .name = #function, .run = (function) }

/// Run after each test of the file, failed or not.
#define TEAR_DOWN(function) \
  { .kind = TEST_ENTRY_TEAR_DOWN, .line = __LINE__, .name = #function, .run = (function) }

/// A number or an address on its way into a comparison.
struct test_value {
  enum { TEST_SIGNED, TEST_UNSIGNED, TEST_POINTER } kind;
  int64_t as_signed;
  uint64_t as_unsigned;
  const volatile void *as_pointer;
};

struct test_value test_signed(int64_t value);
struct test_value test_unsigned(uint64_t value);
struct test_value test_pointer(const volatile void *value);

/// Where an expectation stands and how it reads.
struct test_place {
  const char *file;
  int line;
  const char *text;
};

enum test_relation { TEST_EQ, TEST_NE, TEST_LT, TEST_LE };

/// Each tells whether the expectation held, and has called test_fail where it did not.
bool test_compare(const struct test_place *place, enum test_relation relation,
                  struct test_value left, struct test_value right);
bool test_compare_text(const struct test_place *place, const char *expected, const char *actual);
bool test_compare_status(const struct test_place *place, shoal_status expected,
                         shoal_status actual);
bool test_hold(const struct test_place *place, bool condition);

// clang-format off
#define TEST_VALUE(x) _Generic((x),                                                         \
    bool: test_unsigned, char: test_signed, signed char: test_signed, short: test_signed,   \
    int: test_signed, long: test_signed, long long: test_signed,                            \
    unsigned char: test_unsigned, unsigned short: test_unsigned, unsigned: test_unsigned,   \
    unsigned long: test_unsigned, unsigned long long: test_unsigned,                        \
    default: test_pointer)(x)
// clang-format on

#define TEST_PLACE(text) (&(const struct test_place){__FILE__, __LINE__, text})

#define TEST_COMPARE(relation, sign, left, right) \
  test_compare(TEST_PLACE(#left sign #right), relation, TEST_VALUE(left), TEST_VALUE(right))
#define TEST_COMPARE_TEXT(expected, actual) \
  test_compare_text(TEST_PLACE(#actual), expected, actual)
#define TEST_COMPARE_STATUS(expected, call) test_compare_status(TEST_PLACE(#call), expected, call)

#define TEST_OR_RETURN(held) \
  do {                       \
    if (!(held)) return;     \
  } while (0)

#define EXPECT(condition) ((void)test_hold(TEST_PLACE(#condition), condition))
#define ASSERT(condition) TEST_OR_RETURN(test_hold(TEST_PLACE(#condition), condition))

/// For integers, enumerations and pointers of any type; compared by value, -1 is not UINT64_MAX.
#define EXPECT_EQ(expected, actual) ((void)TEST_COMPARE(TEST_EQ, " == ", expected, actual))
#define EXPECT_NE(left, right) ((void)TEST_COMPARE(TEST_NE, " != ", left, right))
#define EXPECT_LT(left, right) ((void)TEST_COMPARE(TEST_LT, " < ", left, right))
#define EXPECT_LE(left, right) ((void)TEST_COMPARE(TEST_LE, " <= ", left, right))
#define ASSERT_EQ(expected, actual) TEST_OR_RETURN(TEST_COMPARE(TEST_EQ, " == ", expected, actual))
#define ASSERT_NE(left, right) TEST_OR_RETURN(TEST_COMPARE(TEST_NE, " != ", left, right))

/// For strings.
#define EXPECT_TEXT(expected, actual) ((void)TEST_COMPARE_TEXT(expected, actual))
#define ASSERT_TEXT(expected, actual) TEST_OR_RETURN(TEST_COMPARE_TEXT(expected, actual))

/// For calls that return a shoal_status; a failure shows names and the status's text.
#define EXPECT_STATUS(expected, call) ((void)TEST_COMPARE_STATUS(expected, call))
#define ASSERT_STATUS(expected, call) TEST_OR_RETURN(TEST_COMPARE_STATUS(expected, call))
#define EXPECT_OK(call) EXPECT_STATUS(SHOAL_OK, call)
#define ASSERT_OK(call) ASSERT_STATUS(SHOAL_OK, call)

/// Fails with a printf text and goes on.
#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)

/// Ends the test as skipped, with a printf reason. Only for what the machine lacks.
#define SKIP(...)                               \
  do {                                          \
    test_skip(__FILE__, __LINE__, __VA_ARGS__); \
    return;                                     \
  } while (0)

enum { TEST_NAME_BYTES = 80 };

/// Writes a region name that no other test of this machine uses, now or later. Whatever region of
/// that name remains when the test ends is removed and fails the test.
/// returns: `name`.
const char *test_unique_name(char name[TEST_NAME_BYTES]);

/// `rounds`, or fewer (at least 1) where the build is slow: divided by SHOAL_TEST_SLOWDOWN.
uint64_t test_rounds(uint64_t rounds);

/// Whether memcheck stands between the test and the kernel (SHOAL_TEST_MEMCHECK): it has addresses
/// and descriptors of its own, and counts as lost what a forked child's other threads held.
bool test_in_memcheck(void);

#endif
