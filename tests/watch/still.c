// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "tests/watch/still.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "mapping/linux/syscall.h"
#include "tests/watch/undo.h"

static struct shl_syscalls table;
static void (*on_sleep)(void);
static int64_t now_ns;

static int open_nothing(const char *path, int flags, unsigned mode) {
  (void)path;
  (void)flags;
  (void)mode;
  errno = ENOENT;
  return -1;
}

enum { PAGE_WORDS = 512 };

static void clear_page(uint64_t *words) {
  static const uint64_t zero[PAGE_WORDS];
  if (memcmp(words, zero, sizeof zero) == 0) return;
  for (size_t i = 0; i < PAGE_WORDS; i++) {
    if (words[i] != 0) undo_store(&words[i], 0);
  }
}

// Whole pages, as the kernel has it.
static int give_back(void *address, size_t bytes, int advice) {
  uint64_t *words = address;
  if (advice != MADV_DONTNEED) return 0;
  for (size_t i = 0; i < bytes / sizeof *words; i += PAGE_WORDS) clear_page(words + i);
  return 0;
}

static int find_thread(int process, int thread, int signal_number) {
  (void)process;
  (void)signal_number;
  errno = ESRCH;
  return thread == INT32_MAX ? -1 : 0;
}

static int tell_time(struct timespec *out) {
  *out = (struct timespec){.tv_sec = now_ns / 1000000000, .tv_nsec = now_ns % 1000000000};
  return 0;
}

static int sleep_at_once(const struct timespec *wanted, struct timespec *left) {
  (void)left;
  now_ns += wanted->tv_sec * 1000000000 + wanted->tv_nsec;
  if (on_sleep != NULL) on_sleep();
  return 0;
}

// The linker's names, for the one call that is not in the table.
int __real_sched_yield(void);
int __wrap_sched_yield(void);

int __wrap_sched_yield(void) {
  if (shl_sys != &table) return __real_sched_yield();
  now_ns += 1000;
  if (on_sleep != NULL) on_sleep();
  return 0;
}

void still_begin(void (*sleep)(void)) {
  on_sleep = sleep;
  now_ns = 1000000000;
  table = shl_system_calls;
  table.open = open_nothing;
  table.madvise = give_back;
  table.tgkill = find_thread;
  table.monotonic = tell_time;
  table.nanosleep = sleep_at_once;
  shl_sys = &table;
}

void still_end(void) {
  shl_sys = &shl_system_calls;
}
