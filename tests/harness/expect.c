// SPDX-License-Identifier: MIT
// Comparisons for the C tests: decides, and words the failure with both values.
//
// Integers are compared as mathematical numbers whatever their types, so that a test may compare an
// int literal with a uint64_t.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/harness/harness.h"

enum { VALUE_TEXT_BYTES = 64 };

struct test_value test_signed(int64_t value) {
  if (value >= 0) return test_unsigned((uint64_t)value);
  return (struct test_value){.kind = TEST_SIGNED, .as_signed = value};
}

struct test_value test_unsigned(uint64_t value) {
  return (struct test_value){.kind = TEST_UNSIGNED, .as_unsigned = value};
}

struct test_value test_pointer(const volatile void *value) {
  return (struct test_value){.kind = TEST_POINTER, .as_pointer = value};
}

// returns: negative, 0 or positive, as strcmp. Values are TEST_SIGNED only when below 0.
static int order_values(struct test_value left, struct test_value right) {
  if (left.kind == TEST_POINTER) {
    uintptr_t a = (uintptr_t)left.as_pointer, b = (uintptr_t)right.as_pointer;
    return (a > b) - (a < b);
  }
  if (left.kind != right.kind) return left.kind == TEST_SIGNED ? -1 : 1;
  if (left.kind == TEST_SIGNED) {
    return (left.as_signed > right.as_signed) - (left.as_signed < right.as_signed);
  }
  return (left.as_unsigned > right.as_unsigned) - (left.as_unsigned < right.as_unsigned);
}

static bool holds(enum test_relation relation, int order) {
  switch (relation) {
    case TEST_EQ: return order == 0;
    case TEST_NE: return order != 0;
    case TEST_LT: return order < 0;
    case TEST_LE: return order <= 0;
  }
  return false;
}

static void print_value(char text[VALUE_TEXT_BYTES], struct test_value value) {
  switch (value.kind) {
    case TEST_SIGNED:
      (void)snprintf(text, VALUE_TEXT_BYTES, "%" PRId64, value.as_signed);
      break;
    case TEST_UNSIGNED:
      (void)snprintf(text, VALUE_TEXT_BYTES, "%" PRIu64 " (0x%" PRIx64 ")", value.as_unsigned,
                     value.as_unsigned);
      break;
    case TEST_POINTER:
      (void)snprintf(text, VALUE_TEXT_BYTES, "0x%" PRIxPTR, (uintptr_t)value.as_pointer);
      break;
  }
}

bool test_compare(const struct test_place *place, enum test_relation relation,
                  struct test_value left, struct test_value right) {
  bool comparable = (left.kind == TEST_POINTER) == (right.kind == TEST_POINTER);
  if (comparable && holds(relation, order_values(left, right))) return true;
  char left_text[VALUE_TEXT_BYTES], right_text[VALUE_TEXT_BYTES];
  print_value(left_text, left);
  print_value(right_text, right);
  test_fail(place->file, place->line, "expected %s%s\n  left:  %s\n  right: %s", place->text,
            comparable ? "" : " (a pointer and a number)", left_text, right_text);
  return false;
}

bool test_compare_text(const struct test_place *place, const char *expected, const char *actual) {
  if (expected != NULL && actual != NULL && strcmp(expected, actual) == 0) return true;
  test_fail(place->file, place->line, "%s\n  expected: \"%s\"\n  actual:   \"%s\"", place->text,
            expected != NULL ? expected : "(null)", actual != NULL ? actual : "(null)");
  return false;
}

bool test_compare_status(const struct test_place *place, shoal_status expected,
                         shoal_status actual) {
  if (expected == actual) return true;
  test_fail(place->file, place->line, "%s\n  expected: %s\n  actual:   %s: %s", place->text,
            shoal_status_name(expected), shoal_status_name(actual), shoal_status_text(actual));
  return false;
}

void test_count(const char *what, uint64_t count) {
  (void)printf("count %s %" PRIu64 "\n", what, count);
}

bool test_hold(const struct test_place *place, bool condition) {
  if (!condition) test_fail(place->file, place->line, "expected %s", place->text);
  return condition;
}
