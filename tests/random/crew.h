// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_RANDOM_CREW_H
#define SHL_TESTS_RANDOM_CREW_H

#include <pthread.h>
#include <stdbool.h>

// A few threads that do what they are told: one at a time, so that who allocates and who frees
// varies and yet comes again for the same seed, or all at once. Worker 0 is the caller's own
// thread.

enum { CREW_MAX = 9 };

struct crew;

/// A thread of a crew. Private to the process.
struct crew_worker {
  struct crew *crew;
  pthread_t thread;
  void (*task)(void *argument);  ///< Null: none.
  void *argument;
  bool ends;
};

/// Private to the process.
struct crew {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  unsigned count;  ///< Workers [0, count).
  struct crew_worker workers[CREW_MAX];
};

/// Starts workers 1 to `count` - 1. returns: whether that worked; fails the test otherwise.
bool crew_start(struct crew *crew, unsigned count);

/// Has worker `number` run task(argument) and waits until it has.
void crew_run(struct crew *crew, unsigned number, void (*task)(void *argument), void *argument);

/// Has worker `number`, not 0, begin task(argument); crew_await waits until it is done.
void crew_begin(struct crew *crew, unsigned number, void (*task)(void *argument), void *argument);
void crew_await(struct crew *crew, unsigned number);

/// Ends the thread of worker `number` and starts another one in its place. Not for worker 0.
void crew_renew(struct crew *crew, unsigned number);

/// Ends all threads.
void crew_stop(struct crew *crew);

#endif
