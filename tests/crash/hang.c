// SPDX-License-Identifier: MIT
// Looks at processes while it waits for SIGCHLD, and at this one out of SIGALRM. A wait that ends
// at once, as nearly all do, costs no look.
#define _GNU_SOURCE
#include "tests/crash/hang.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOOKS = 8 };  // in the limit

static const uint64_t ms = 1000000;

static uint64_t now_ns(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t look_ns(unsigned limit_ms) {
  return limit_ms * ms / LOOKS;
}

// In a signal handler, too. returns: whether there was something to read.
static bool read_text(const char *path, char *text, size_t bytes) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  ssize_t length = read(file, text, bytes - 1);
  (void)close(file);
  text[length > 0 ? length : 0] = '\0';
  return length > 0;
}

static bool read_times(const char *path, struct hang_times *out) {
  char text[96];
  char *end = NULL;
  if (!read_text(path, text, sizeof text)) return false;
  out->worked_ns = strtoull(text, &end, 10);
  out->waited_ns = strtoull(end, NULL, 10);
  out->clock_ns = now_ns();
  return true;
}

// The state stands behind the name, which may hold anything, in parentheses.
static bool read_state(pid_t process, struct hang_times *out) {
  char path[48];
  char text[512];
  (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
  if (!read_text(path, text, sizeof text)) return false;
  const char *name_end = strrchr(text, ')');
  if (name_end == NULL || name_end[1] == '\0') return false;
  out->state = name_end[2];
  return true;
}

static void begin_anew(struct hang_watch *watch, const struct hang_times *now) {
  watch->looked = true;
  watch->times = *now;
  watch->worked_ns = 0;
  watch->slept_ns = 0;
}

// Adds what was the process's own since the last look.
static void add_up(struct hang_watch *watch, const struct hang_times *now, unsigned limit_ms) {
  uint64_t passed = now->clock_ns - watch->times.clock_ns;
  uint64_t worked = now->worked_ns - watch->times.worked_ns;
  uint64_t waited = now->waited_ns - watch->times.waited_ns;
  uint64_t most = 2 * look_ns(limit_ms);
  if (passed > most) passed = most;
  if (worked > passed) worked = passed;
  bool sleeps = now->state != 'R' && passed > worked + waited;
  watch->worked_ns += worked;
  watch->slept_ns += sleeps ? passed - worked - waited : 0;
  watch->times = *now;
}

static void judge(struct hang_watch *watch, const struct hang_times *now, unsigned limit_ms) {
  uint64_t progress = watch->progress == NULL ? 0
                                              : __atomic_load_n(watch->progress, __ATOMIC_RELAXED);
  bool stopped = now->state == 'T' || now->state == 't';
  if (!watch->looked || stopped || progress != watch->seen) {
    begin_anew(watch, now);
  } else {
    add_up(watch, now, limit_ms);
  }
  watch->seen = progress;
  watch->hung = watch->worked_ns + watch->slept_ns > limit_ms * ms;
}

static void look(struct hang_watch *watch, unsigned limit_ms) {
  char path[48];
  struct hang_times now = {.clock_ns = now_ns()};
  if (watch->looks != NULL) __atomic_fetch_add(watch->looks, 1, __ATOMIC_RELAXED);
  if (now.clock_ns - watch->times.clock_ns < look_ns(limit_ms)) return;
  (void)snprintf(path, sizeof path, "/proc/%d/schedstat", (int)watch->process);
  if (read_state(watch->process, &now) && read_times(path, &now)) judge(watch, &now, limit_ms);
}

struct hang_watch hang_watch(pid_t process, const uint64_t *progress) {
  return (struct hang_watch){
      .process = process, .progress = progress, .times = {.clock_ns = now_ns()}};
}

static bool has_ended(pid_t process, int more) {
  siginfo_t ended = {.si_pid = 0};
  return waitid(P_PID, (id_t)process, &ended, WEXITED | WNOWAIT | more) != 0 || ended.si_pid != 0;
}

// returns: whose turn it is, of those who have ended or hang; `count` where nobody has or does.
static unsigned find_one(struct hang_watch *watches, unsigned count, unsigned limit_ms) {
  for (unsigned i = 0; i < count; i++) {
    if (watches[i].process > 0 && has_ended(watches[i].process, WNOHANG)) return i;
  }
  for (unsigned i = 0; i < count; i++) {
    if (watches[i].process > 0) look(&watches[i], limit_ms);
    if (watches[i].hung) return i;
  }
  return count;
}

unsigned hang_await(struct hang_watch *watches, unsigned count, unsigned limit_ms) {
  struct timespec limit = {.tv_sec = (time_t)(look_ns(limit_ms) / (1000 * ms)),
                           .tv_nsec = (long)(look_ns(limit_ms) % (1000 * ms))};
  unsigned found = count;
  sigset_t ends, before;
  (void)sigemptyset(&ends);
  (void)sigaddset(&ends, SIGCHLD);
  (void)sigprocmask(SIG_BLOCK, &ends, &before);  // to be waited for
  while ((found = find_one(watches, count, limit_ms)) == count) {
    (void)sigtimedwait(&ends, NULL, &limit);
  }
  (void)sigprocmask(SIG_SETMASK, &before, NULL);
  if (watches[found].hung) {
    (void)kill(watches[found].process, SIGKILL);
    (void)has_ended(watches[found].process, 0);
  }
  return found;
}

struct hang_watch hang_await_one(pid_t process) {
  struct hang_watch watch = hang_watch(process, NULL);
  (void)hang_await(&watch, 1, HANG_MS);
  return watch;
}

// The call under way. Who is in a signal handler is not waiting for a processor.
static struct {
  struct hang_watch watch;
  unsigned limit_ms;
  sigjmp_buf out;
} called;

static void look_at_call(int signal_number) {
  struct hang_times now = {.state = 'S'};
  (void)signal_number;
  if (!read_times("/proc/thread-self/schedstat", &now)) return;
  judge(&called.watch, &now, called.limit_ms);
  if (called.watch.hung) siglongjmp(called.out, 1);
}

static void set_timer(uint64_t ns) {
  const struct timeval time = {.tv_sec = (time_t)(ns / (1000 * ms)),
                               .tv_usec = (suseconds_t)(ns % (1000 * ms) / 1000)};
  const struct itimerval timer = {.it_interval = time, .it_value = time};
  (void)setitimer(ITIMER_REAL, &timer, NULL);
}

struct hang_watch hang_call(void (*call)(void *context), void *context, unsigned limit_ms) {
  struct sigaction action = {.sa_handler = look_at_call, .sa_flags = SA_RESTART};
  struct sigaction before;
  (void)sigemptyset(&action.sa_mask);
  called.watch = hang_watch(getpid(), NULL);
  called.limit_ms = limit_ms;
  (void)sigaction(SIGALRM, &action, &before);
  if (sigsetjmp(called.out, 1) == 0) {
    set_timer(look_ns(limit_ms));
    call(context);
  }
  set_timer(0);
  (void)sigaction(SIGALRM, &before, NULL);
  return called.watch;
}

const char *hang_text(const struct hang_watch *watch, char text[HANG_TEXT_BYTES]) {
  (void)snprintf(text, HANG_TEXT_BYTES, "hangs: %llu ms at work, %llu ms asleep",
                 (unsigned long long)(watch->worked_ns / ms),
                 (unsigned long long)(watch->slept_ns / ms));
  return text;
}
