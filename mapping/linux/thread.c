// SPDX-License-Identifier: MIT
// Threads: locks inside the process, who a thread is, what is called when one ends or forks.
//
// A lock word holds the process that took it. A forked child finds the words as the parent's other
// threads left them: a foreign process there means that the holder does not exist in the child.
//
// A process is its pid and the number of forks that led to it since the library came into use: the
// first of a namespace has number 1, as its parent may have had in another.
#define _GNU_SOURCE

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "mapping/linux/start_time.h"
#include "mapping/linux/syscall.h"
#include "mapping/os.h"

enum { YIELDS = 64, PID_BITS = 22 };  // no system has more processes than that

static shl_a32 forks;
static void (*fork_hook)(void);
static shl_a32 forks_watched;

static void enter_child(void) {
  shl_store_relaxed_u32(&forks, shl_load_relaxed_u32(&forks) + 1);
  if (fork_hook != NULL) fork_hook();
}

// Two threads that come here at once are called twice in a child, which does no harm.
bool shl_os_watch_forks(void) {
  if (shl_load_relaxed_u32(&forks_watched) != 0) return true;
  if (shl_sys->atfork(enter_child) != 0) return false;
  shl_store_relaxed_u32(&forks_watched, 1);
  return true;
}

uint32_t shl_os_process(void) {
  return (uint32_t)getpid() | shl_load_relaxed_u32(&forks) << PID_BITS;
}

void shl_os_lock(shl_a32 *lock) {
  uint32_t me = shl_os_process();
  for (unsigned tries = 0;; tries++) {
    uint32_t holder = shl_load_relaxed_u32(lock);
    if (holder != me && shl_cas_seq_cst_u32(lock, holder, me)) return;
    if (tries < YIELDS) {
      (void)sched_yield();
    } else {
      shl_os_sleep_ms(1);
    }
  }
}

void shl_os_unlock(shl_a32 *lock) {
  shl_store_release_u32(lock, 0);
}

uint64_t shl_os_thread_id(void) {
  return (uint64_t)gettid();
}

uint64_t shl_os_thread_start(uint64_t id) {
  char path[64];
  (void)snprintf(path, sizeof path, "/proc/self/task/%llu/stat", (unsigned long long)id);
  return shl_start_time(path);
}

bool shl_os_thread_is_gone(uint64_t id, uint64_t start) {
  if (shl_sys->tgkill((int)getpid(), (int)id, 0) != 0) return errno == ESRCH;
  uint64_t now = shl_os_thread_start(id);
  return now != 0 && start != 0 && now != start;
}

static void (*exit_hook)(void);
static pthread_key_t exit_key;
static pthread_once_t exit_key_once = PTHREAD_ONCE_INIT;
static bool has_exit_key;

static void call_exit_hook(void *unused) {
  (void)unused;
  if (exit_hook != NULL) exit_hook();
}

static void make_exit_key(void) {
  has_exit_key = shl_sys->key_create(&exit_key, call_exit_hook) == 0;
}

void shl_os_on_thread_exit(void (*hook)(void)) {
  exit_hook = hook;
}

bool shl_os_thread_watch(void) {
  (void)pthread_once(&exit_key_once, make_exit_key);
  return has_exit_key && shl_sys->key_set(exit_key, &exit_key) == 0;
}

void shl_os_on_fork_child(void (*hook)(void)) {
  fork_hook = hook;
}
