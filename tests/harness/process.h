// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_HARNESS_PROCESS_H
#define SHL_TESTS_HARNESS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/harness/suite.h"

// Helper processes: the test binary starts itself again in a ROLE of the suite. Parent and child
// talk in lines over the child's standard input and output. Every wait has a limit: a child that
// does not answer is a failed test, not a hanging one. Children that a test has not waited for are
// killed when it ends, and fail it.

enum { TEST_LINE_BYTES = 1024 };

/// A helper process. Private to the parent. All zero before test_spawn, but for captures_errors.
struct test_child {
  bool captures_errors;  ///< Set before test_spawn: standard error is kept for test_child_errors.
  bool runs;             ///< Started and not waited for yet.
  int id;
  int input;   ///< Writes to the child's standard input.
  int output;  ///< Reads the child's standard output.
  int errors;  ///< The kept standard error, where captures_errors.
  size_t pending;
  char line[TEST_LINE_BYTES];  ///< What was read past the last whole line: `pending` bytes.
};

/// Starts this binary in `role`, a function in the suite's table. `arguments` ends with NULL; NULL
/// itself is none. `child` must stay in place until it is waited for.
/// returns: whether it started; fails the test otherwise.
bool test_spawn(struct test_child *child, const char *role, const char *const *arguments);

/// Sends a line (a newline is added). returns: false, and fails the test, iff the child is gone.
__attribute__((format(printf, 2, 3))) bool test_child_send(struct test_child *child,
                                                           const char *format, ...);

/// Receives the next line, without its newline.
/// returns: false, and fails the test, at the end of the child's output or after the time limit.
bool test_child_receive(struct test_child *child, char line[TEST_LINE_BYTES]);

/// Receives a line that must read `expected`.
bool test_child_expect(struct test_child *child, const char *expected);

/// Closes the child's standard input: its next test_hear returns false.
void test_child_hang_up(struct test_child *child);

/// Sends a signal (SIGKILL, SIGSTOP, SIGCONT, ...) and does not wait.
void test_child_signal(struct test_child *child, int signal_number);

/// Waits until the child has ended, and leaves it a zombie.
void test_child_await_zombie(struct test_child *child);

/// Waits for the end; a child over the time limit is killed and fails the test.
/// returns: the exit code, or the negated number of the signal that ended it.
int test_child_wait(struct test_child *child);

/// Kills the child and waits.
void test_child_kill(struct test_child *child);

/// Hangs up, waits, and fails the test unless the exit code is 0.
void test_child_finish(struct test_child *child);

/// What the child has written to standard error, once it has been waited for.
void test_child_errors(struct test_child *child, char *text, size_t bytes);

/// In a role: sends a line to the parent.
__attribute__((format(printf, 1, 2))) void test_say(const char *format, ...);

/// In a role: the parent's next line, without its newline. returns: false iff it has hung up.
bool test_hear(char line[TEST_LINE_BYTES]);

/// In a role: waits for the parent's next line, which must read `expected`; ends the process when
/// the parent has hung up or says something else.
void test_await(const char *expected);

#endif
