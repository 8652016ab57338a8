// SPDX-License-Identifier: MIT
// Helper processes on POSIX: posix_spawn of the own binary, two pipes, poll with a limit.
//
// Nothing is forked: only posix_spawn, whose meaning CreateProcess shares. Pipe ends are
// close-on-exec, so that one child never holds another one's pipe open. Started children stand in
// `children` until they are waited for, where the sweep at the end of a test finds them.
#define _GNU_SOURCE

#include "tests/harness/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CHILDREN_MAX = 256, ARGUMENTS_MAX = 32, PATH_BYTES = 4096 };

// Long enough for a loaded machine under valgrind, shorter than the time Bazel gives a small test.
enum { WAIT_SECONDS_MAX = 45 };

static struct test_child *children[CHILDREN_MAX];

static bool remember(struct test_child *child) {
  for (size_t i = 0; i < CHILDREN_MAX; i++) {
    if (children[i] == NULL) {
      children[i] = child;
      return true;
    }
  }
  return false;
}

static void forget(const struct test_child *child) {
  for (size_t i = 0; i < CHILDREN_MAX; i++) {
    if (children[i] == child) children[i] = NULL;
  }
}

static void close_if_open(int *descriptor) {
  if (*descriptor > 2) (void)close(*descriptor);
  *descriptor = -1;
}

static long long now_ms(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void sleep_ms(long milliseconds) {
  struct timespec wait = {milliseconds / 1000, (milliseconds % 1000) * 1000000};
  (void)nanosleep(&wait, NULL);
}

// Takes the ends over: theirs[] are for the child, the child struct keeps ours.
static bool open_pipes(struct test_child *child, int theirs[3]) {
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0) return false;
  if (pipe2(out, O_CLOEXEC) != 0) {
    (void)close(in[0]);
    (void)close(in[1]);
    return false;
  }
  theirs[0] = in[0];
  child->input = in[1];
  child->output = out[0];
  theirs[1] = out[1];
  child->errors = -1;
  theirs[2] = -1;
  if (child->captures_errors) {
    FILE *kept = tmpfile();
    if (kept != NULL) {
      child->errors = fcntl(fileno(kept), F_DUPFD_CLOEXEC, 3);
      theirs[2] = child->errors;
      (void)fclose(kept);
    }
  }
  return true;
}

// A child gets SIGPIPE back as the system has it, though the parent ignores it.
static int restore_sigpipe(posix_spawnattr_t *attributes) {
  sigset_t signals;
  (void)sigemptyset(&signals);
  (void)sigaddset(&signals, SIGPIPE);
  int code = posix_spawnattr_setsigdefault(attributes, &signals);
  return code != 0 ? code : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF);
}

// Starts the own binary with `argv` and the child's ends of the pipes. returns: errno's code.
static int start_process(struct test_child *child, char **argv, const int theirs[3]) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int code = posix_spawn_file_actions_init(&actions);
  if (code != 0) return code;
  code = posix_spawnattr_init(&attributes);
  if (code == 0) {
    code = restore_sigpipe(&attributes);
    for (int i = 0; i < 3 && code == 0; i++) {
      if (theirs[i] >= 0) code = posix_spawn_file_actions_adddup2(&actions, theirs[i], i);
    }
    pid_t id = -1;
    if (code == 0) code = posix_spawn(&id, argv[0], &actions, &attributes, argv, environ);
    child->id = id;
    (void)posix_spawnattr_destroy(&attributes);
  }
  (void)posix_spawn_file_actions_destroy(&actions);
  return code;
}

// returns: errno's code; `child` has its ends of the pipes and an id iff it is 0.
static int spawn_with_pipes(struct test_child *child, char **argv) {
  int theirs[3];
  if (!open_pipes(child, theirs)) return errno;
  int code = start_process(child, argv, theirs);
  (void)close(theirs[0]);
  (void)close(theirs[1]);
  if (code != 0) {
    close_if_open(&child->input);
    close_if_open(&child->output);
    close_if_open(&child->errors);
  }
  return code;
}

bool test_spawn(struct test_child *child, const char *role, const char *const *arguments) {
  // posix_spawn takes char *const * for history's sake and does not write through it.
  union {
    const char *read[ARGUMENTS_MAX + 3];
    char *pass[ARGUMENTS_MAX + 3];
  } argv = {.read = {NULL}};
  char self[PATH_BYTES], flag[128];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  self[length < 0 ? 0 : length] = '\0';
  (void)snprintf(flag, sizeof flag, "--role=%s", role);
  argv.read[0] = self;
  argv.read[1] = flag;
  for (size_t i = 0; arguments != NULL && arguments[i] != NULL && i < ARGUMENTS_MAX; i++) {
    argv.read[i + 2] = arguments[i];
  }
  (void)signal(SIGPIPE, SIG_IGN);
  child->pending = 0;
  int code = remember(child) ? spawn_with_pipes(child, argv.pass) : EAGAIN;
  child->runs = code == 0;
  if (code != 0) {
    forget(child);
    test_fail(__FILE__, __LINE__, "cannot start role %s: %s", role, strerror(code));
  }
  return child->runs;
}

static bool write_all(int descriptor, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t written = write(descriptor, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes += written;
    count -= (size_t)written;
  }
  return true;
}

// Formats a line with its newline, cut to TEST_LINE_BYTES. returns: its length.
__attribute__((format(printf, 2, 0))) static size_t format_line(char line[TEST_LINE_BYTES],
                                                                const char *format,
                                                                va_list arguments) {
  int length = vsnprintf(line, TEST_LINE_BYTES - 1, format, arguments);
  if (length < 0) length = 0;
  if (length > TEST_LINE_BYTES - 2) length = TEST_LINE_BYTES - 2;
  line[length] = '\n';
  return (size_t)length + 1;
}

bool test_child_send(struct test_child *child, const char *format, ...) {
  char line[TEST_LINE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  size_t length = format_line(line, format, arguments);
  va_end(arguments);
  if (write_all(child->input, line, length)) return true;
  test_fail(__FILE__, __LINE__, "child %d takes no line: %.*s", child->id, (int)length - 1, line);
  return false;
}

// Moves the first whole line out of child->line. returns: whether there was one.
static bool take_line(struct test_child *child, char line[TEST_LINE_BYTES]) {
  const char *newline = memchr(child->line, '\n', child->pending);
  if (newline == NULL) return false;
  size_t length = (size_t)(newline - child->line);
  memcpy(line, child->line, length);
  line[length] = '\0';
  child->pending -= length + 1;
  memmove(child->line, newline + 1, child->pending);
  return true;
}

// Reads what is there into child->line. returns: false at the end, or when `deadline_ms` passes.
static bool read_more(struct test_child *child, long long deadline_ms) {
  for (;;) {
    long long left_ms = deadline_ms - now_ms();
    struct pollfd watched = {.fd = child->output, .events = POLLIN};
    int ready = poll(&watched, 1, left_ms > 0 ? (int)left_ms : 0);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    ssize_t got = read(child->output, child->line + child->pending,
                       sizeof child->line - child->pending);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    child->pending += (size_t)got;
    return true;
  }
}

bool test_child_receive(struct test_child *child, char line[TEST_LINE_BYTES]) {
  long long deadline_ms = now_ms() + WAIT_SECONDS_MAX * 1000LL;
  line[0] = '\0';
  while (!take_line(child, line)) {
    if (read_more(child, deadline_ms)) continue;
    test_fail(__FILE__, __LINE__, "child %d sends no line", child->id);
    return false;
  }
  return true;
}

bool test_child_expect(struct test_child *child, const char *expected) {
  char line[TEST_LINE_BYTES];
  if (!test_child_receive(child, line)) return false;
  if (strcmp(line, expected) == 0) return true;
  test_fail(__FILE__, __LINE__, "child %d said \"%s\" instead of \"%s\"", child->id, line,
            expected);
  return false;
}

void test_child_hang_up(struct test_child *child) {
  close_if_open(&child->input);
}

void test_child_signal(struct test_child *child, int signal_number) {
  if (child->runs) (void)kill(child->id, signal_number);
}

void test_child_await_zombie(struct test_child *child) {
  siginfo_t info;
  while (child->runs && waitid(P_PID, (id_t)child->id, &info, WEXITED | WNOWAIT) != 0 &&
         errno == EINTR) {
  }
}

// Waits for at most `milliseconds`. returns: whether the child has ended, with its wait status.
static bool reap_within(const struct test_child *child, long long milliseconds, int *status) {
  long long deadline_ms = now_ms() + milliseconds;
  long pause_ms = 0;
  for (;;) {
    pid_t ended = waitpid(child->id, status, WNOHANG);
    if (ended == child->id || (ended < 0 && errno != EINTR)) return true;
    if (now_ms() >= deadline_ms) return false;
    sleep_ms(pause_ms);
    if (pause_ms < 20) pause_ms++;
  }
}

int test_child_wait(struct test_child *child) {
  if (!child->runs) return 0;
  int status = 0;
  if (!reap_within(child, WAIT_SECONDS_MAX * 1000LL, &status)) {
    test_fail(__FILE__, __LINE__, "child %d does not end; killed", child->id);
    (void)kill(child->id, SIGKILL);
    (void)waitpid(child->id, &status, 0);
  }
  child->runs = false;
  forget(child);
  close_if_open(&child->input);
  close_if_open(&child->output);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void test_child_kill(struct test_child *child) {
  test_child_signal(child, SIGKILL);
  (void)test_child_wait(child);
}

void test_child_finish(struct test_child *child) {
  if (!child->runs) return;
  test_child_hang_up(child);
  int id = child->id, code = test_child_wait(child);
  if (code != 0) test_fail(__FILE__, __LINE__, "child %d ended with %d", id, code);
}

void test_child_errors(struct test_child *child, char *text, size_t bytes) {
  size_t length = 0;
  if (child->errors > 2) {
    ssize_t got = pread(child->errors, text, bytes - 1, 0);
    length = got > 0 ? (size_t)got : 0;
    close_if_open(&child->errors);
  }
  text[length] = '\0';
}

void test_children_sweep(void) {
  for (size_t i = 0; i < CHILDREN_MAX; i++) {
    struct test_child *child = children[i];
    if (child == NULL) continue;
    test_fail(__FILE__, __LINE__, "the test left child %d running; killed", child->id);
    test_child_kill(child);
  }
}

void test_say(const char *format, ...) {
  char line[TEST_LINE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  size_t length = format_line(line, format, arguments);
  va_end(arguments);
  // A parent that is gone hears nothing; the next test_hear tells.
  (void)write_all(STDOUT_FILENO, line, length);
}

bool test_hear(char line[TEST_LINE_BYTES]) {
  size_t length = 0;
  char byte = '\0';
  for (;;) {
    ssize_t got = read(STDIN_FILENO, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    if (byte == '\n') break;
    if (length < TEST_LINE_BYTES - 1) line[length++] = byte;
  }
  line[length] = '\0';
  return true;
}

void test_await(const char *expected) {
  char line[TEST_LINE_BYTES];
  if (!test_hear(line)) exit(0);
  if (strcmp(line, expected) == 0) return;
  (void)fprintf(stderr, "a role heard \"%s\" instead of \"%s\"\n", line, expected);
  exit(3);
}
