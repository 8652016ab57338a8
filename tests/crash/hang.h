// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_CRASH_HANG_H
#define SHL_TESTS_CRASH_HANG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

// Who hangs: a process, or a call of this one, that comes to no end though it has had more time of
// its own than a limit. Its own is the time in which it works or sleeps. The following is not, so
// that a slow or loaded machine alone makes nobody hang:
// - Time in which it could run and the system runs others. The kernel adds it up
//   (/proc/PID/schedstat), once the wait is over; who waits as he is looked at has but worked.
// - Time in which it is stopped, by SIGSTOP or a debugger: somebody wants it so. When it goes on
//   its time begins anew.
// - Time in which the one who looks is held up himself: he looks each eighth of the limit, and
//   what is more than a quarter between two looks is dropped.
// Progress, where there is a count of it, begins the time anew. Of a process that watches another
// it is its looks: it sleeps for as long as the other one is held up. A process is of one thread.

enum { HANG_MS = 2000 };

// What the kernel says of a thread at a time.
struct hang_times {
  uint64_t clock_ns;  // as the look was made
  uint64_t worked_ns;
  uint64_t waited_ns;  // for a processor
  char state;          // as in /proc/PID/stat: R may run, S and D sleep, T and t are stopped
};

// A process under watch. Private to who watches.
struct hang_watch {
  pid_t process;             // a child, not waited for; 0: nobody
  bool looked;               // at the process; otherwise the watch has but begun
  bool hung;
  const uint64_t *progress;  // shared with it; null: none
  uint64_t seen;             // of progress
  uint64_t *looks;           // counts them, for who watches the one who looks; null: none
  struct hang_times times;   // of the last look
  uint64_t worked_ns;        // without progress
  uint64_t slept_ns;
};

/// Begins to watch.
struct hang_watch hang_watch(pid_t process, const uint64_t *progress);

/// Waits until one of the `count` watched has ended or hangs: that one is killed, and `hung` set.
/// At least one is somebody.
/// returns: its index. It is a zombie, not waited for.
unsigned hang_await(struct hang_watch *watches, unsigned count, unsigned limit_ms);

/// The same of one process alone, with HANG_MS.
struct hang_watch hang_await_one(pid_t process);

/// Calls, and leaves the call for ever where it hangs, by a jump out of a signal: what it held in
/// this process stays held. One at a time; in a process of one thread.
/// returns: how it went; `hung` where it was left.
struct hang_watch hang_call(void (*call)(void *context), void *context, unsigned limit_ms);

enum { HANG_TEXT_BYTES = 80 };

/// Says of one that hung what it did.
/// returns: `text`.
const char *hang_text(const struct hang_watch *watch, char text[HANG_TEXT_BYTES]);

#endif
