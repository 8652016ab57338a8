// SPDX-License-Identifier: MIT
// The bridge from the C table of a test file to GoogleTest: registers each test, runs roles.
#include <gtest/gtest.h>

#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "tests/harness/suite.h"

namespace {

bool plays_role = false;
bool role_failed = false;

const char *Format(char *text, size_t bytes, const char *format, va_list arguments) {
  (void)std::vsnprintf(text, bytes, format, arguments);
  return text;
}

void RunAll(test_entry_kind kind) {
  for (size_t i = 0; i < test_suite.count; i++) {
    if (test_suite.entries[i].kind == kind) test_suite.entries[i].run();
  }
}

class CTest : public ::testing::Test {
 public:
  explicit CTest(const test_entry *entry) : entry_(entry) {}
  void SetUp() override { RunAll(TEST_ENTRY_SET_UP); }
  void TestBody() override { entry_->run(); }
  void TearDown() override {
    RunAll(TEST_ENTRY_TEAR_DOWN);
    test_children_sweep();
    test_names_sweep();
  }

 private:
  const test_entry *entry_;
};

int PlayRole(const char *name, int argc, char **argv) {
  plays_role = true;
  for (size_t i = 0; i < test_suite.count; i++) {
    const test_entry *entry = &test_suite.entries[i];
    if (entry->kind != TEST_ENTRY_ROLE || std::strcmp(entry->name, name) != 0) continue;
    entry->play(argc, argv);
    return role_failed ? 1 : 0;
  }
  (void)std::fprintf(stderr, "%s: no role '%s'\n", test_suite.file, name);
  return 2;
}

}  // namespace

extern "C" void test_fail(const char *file, int line, const char *format, ...) {
  char text[4096];
  va_list arguments;
  va_start(arguments, format);
  (void)Format(text, sizeof text, format, arguments);
  va_end(arguments);
  if (plays_role) {
    role_failed = true;
    (void)std::fprintf(stderr, "%s:%d: in a role: %s\n", file, line, text);
  } else {
    ADD_FAILURE_AT(file, line) << text;
  }
}

extern "C" void test_skip(const char *file, int line, const char *format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  (void)Format(text, sizeof text, format, arguments);
  va_end(arguments);
  GTEST_MESSAGE_AT_(file, line, text, ::testing::TestPartResult::kSkip);
}

extern "C" bool test_has_failed(void) {
  return plays_role ? role_failed : ::testing::Test::HasFailure();
}

int main(int argc, char **argv) {
  static const char role_flag[] = "--role=";
  const size_t flag_length = sizeof role_flag - 1;
  if (argc > 1 && std::strncmp(argv[1], role_flag, flag_length) == 0) {
    return PlayRole(argv[1] + flag_length, argc - 2, argv + 2);
  }
  ::testing::InitGoogleTest(&argc, argv);
  for (size_t i = 0; i < test_suite.count; i++) {
    const test_entry *entry = &test_suite.entries[i];
    if (entry->kind != TEST_ENTRY_CASE) continue;
    ::testing::RegisterTest(test_suite.name, entry->name, nullptr, nullptr, test_suite.file,
                            entry->line, [entry]() -> CTest * { return new CTest(entry); });
  }
  return RUN_ALL_TESTS();
}
