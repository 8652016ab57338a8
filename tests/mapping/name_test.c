// SPDX-License-Identifier: MIT
// Goal: what is and what is not the name of a region is decided by its form alone.
// Method: a table of names with the kind they stand for; the fault table proves that no system call
// is made.
#include "mapping/name.h"

#include <string.h>

#include "tests/harness/harness.h"
#include "tests/mapping/fault.h"

enum { LONG = 5000 };

static char text[LONG + 1];

// `length` bytes 'n', after `head`.
static const char *long_name(const char *head, size_t length) {
  size_t used = strlen(head);
  memcpy(text, head, used);
  memset(text + used, 'n', length - used);
  text[length] = '\0';
  return text;
}

static void expect_kind(shoal_kind expected, const char *name, shoal_kind asked) {
  shoal_kind found = SHOAL_KIND_DEFAULT;
  EXPECT_OK(shl_name_check(name, asked, &found));
  EXPECT_EQ(expected, found);
}

static void expect_refusal(shoal_status expected, const char *name, shoal_kind asked) {
  shoal_kind found;
  shoal_status status = shl_name_check(name, asked, &found);
  if (status != expected) {
    FAIL("\"%.40s\" gives %s instead of %s", name != NULL ? name : "(null)",
         shoal_status_name(status), shoal_status_name(expected));
  }
}

static void the_form_of_a_name_says_its_kind(void) {
  expect_kind(SHOAL_KIND_NAMED, "word", SHOAL_KIND_DEFAULT);
  expect_kind(SHOAL_KIND_NAMED, "AZaz09._-", SHOAL_KIND_DEFAULT);
  expect_kind(SHOAL_KIND_NAMED, ".", SHOAL_KIND_DEFAULT);
  expect_kind(SHOAL_KIND_NAMED, "..", SHOAL_KIND_DEFAULT);
  expect_kind(SHOAL_KIND_FILE, "./word", SHOAL_KIND_DEFAULT);
  expect_kind(SHOAL_KIND_FILE, "/a b/\xc3\xa9", SHOAL_KIND_DEFAULT);
  expect_kind(SHOAL_KIND_FILE, "../x", SHOAL_KIND_DEFAULT);
  expect_kind(SHOAL_KIND_PRIVATE, NULL, SHOAL_KIND_DEFAULT);
  expect_kind(SHOAL_KIND_MEMFD, NULL, SHOAL_KIND_MEMFD);
  expect_kind(SHOAL_KIND_FILE, "./word", SHOAL_KIND_FILE);
}

static void words_are_1_to_200_plain_bytes(void) {
  expect_refusal(SHOAL_E_NAME, "", SHOAL_KIND_DEFAULT);
  expect_kind(SHOAL_KIND_NAMED, long_name("", 1), SHOAL_KIND_DEFAULT);
  expect_kind(SHOAL_KIND_NAMED, long_name("", 200), SHOAL_KIND_DEFAULT);
  expect_refusal(SHOAL_E_NAME, long_name("", 201), SHOAL_KIND_DEFAULT);
  expect_refusal(SHOAL_E_NAME, long_name("", 255), SHOAL_KIND_DEFAULT);
  expect_refusal(SHOAL_E_NAME, long_name("", LONG), SHOAL_KIND_DEFAULT);
}

static void every_other_byte_is_refused_wherever_it_stands(void) {
  const char *allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  for (unsigned byte = 1; byte < 256; byte++) {
    char name[4] = {'a', (char)byte, 'b', '\0'};
    bool fits = strchr(allowed, (int)byte) != NULL;
    shoal_kind found;
    shoal_status status = shl_name_check(name, SHOAL_KIND_NAMED, &found);
    if ((status == SHOAL_OK) != fits) FAIL("byte 0x%02x: %s", byte, shoal_status_name(status));
    name[2] = '\0';
    EXPECT_EQ(status, shl_name_check(name, SHOAL_KIND_NAMED, &found));
    EXPECT_EQ(status, shl_name_check(name + 1, SHOAL_KIND_NAMED, &found));
  }
}

static void paths_name_something_in_a_folder(void) {
  expect_refusal(SHOAL_E_NAME, "word", SHOAL_KIND_FILE);
  expect_refusal(SHOAL_E_NAME, "", SHOAL_KIND_FILE);
  expect_refusal(SHOAL_E_NAME, "/", SHOAL_KIND_DEFAULT);
  expect_refusal(SHOAL_E_NAME, "//", SHOAL_KIND_DEFAULT);
  expect_refusal(SHOAL_E_NAME, "folder/", SHOAL_KIND_DEFAULT);
  expect_refusal(SHOAL_E_NAME, "a/b", SHOAL_KIND_NAMED);
  expect_kind(SHOAL_KIND_FILE, long_name("/", 4095), SHOAL_KIND_DEFAULT);
  expect_refusal(SHOAL_E_NAME, long_name("/", 4096), SHOAL_KIND_DEFAULT);
}

static void nameless_kinds_take_no_name_and_the_others_need_one(void) {
  expect_refusal(SHOAL_E_NAME, NULL, SHOAL_KIND_NAMED);
  expect_refusal(SHOAL_E_NAME, NULL, SHOAL_KIND_FILE);
  expect_refusal(SHOAL_E_NAME, "word", SHOAL_KIND_MEMFD);
  expect_refusal(SHOAL_E_NAME, "word", SHOAL_KIND_PRIVATE);
  expect_refusal(SHOAL_E_ARGUMENT, "word", (shoal_kind)5);
  expect_refusal(SHOAL_E_ARGUMENT, NULL, (shoal_kind)-1);
}

static void refusals_say_which_byte_is_wrong(void) {
  expect_refusal(SHOAL_E_NAME, "two words", SHOAL_KIND_DEFAULT);
  EXPECT(strstr(shoal_status_text(SHOAL_E_NAME), "Byte 3 of the name is 0x20") != NULL);
}

static void names_are_judged_without_a_system_call(void) {
  fault_install();
  expect_refusal(SHOAL_E_NAME, "", SHOAL_KIND_DEFAULT);
  expect_kind(SHOAL_KIND_NAMED, "word", SHOAL_KIND_DEFAULT);
  expect_kind(SHOAL_KIND_FILE, "/word", SHOAL_KIND_DEFAULT);
  EXPECT_EQ(0, fault_calls());
  fault_remove();
}

// The hash is stored nowhere, but two libraries should look for a name at the same base.
static void hashes_are_fnv_1a(void) {
  EXPECT_EQ(UINT64_C(0xcbf29ce484222325), shl_name_hash("", 0));
  EXPECT_EQ(UINT64_C(0xaf63dc4c8601ec8c), shl_name_hash("a", 1));
  EXPECT_EQ(UINT64_C(0x85944171f73967e8), shl_name_hash("foobar", 6));
}

SUITE(name, TEST(the_form_of_a_name_says_its_kind), TEST(words_are_1_to_200_plain_bytes),
      TEST(every_other_byte_is_refused_wherever_it_stands), TEST(paths_name_something_in_a_folder),
      TEST(nameless_kinds_take_no_name_and_the_others_need_one),
      TEST(refusals_say_which_byte_is_wrong), TEST(names_are_judged_without_a_system_call),
      TEST(hashes_are_fnv_1a))
