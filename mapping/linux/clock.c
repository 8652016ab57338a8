// SPDX-License-Identifier: MIT
// Time that never jumps, sleeping, and random bytes.
#define _GNU_SOURCE

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "mapping/linux/syscall.h"
#include "mapping/os.h"

uint64_t shl_os_now_ns(void) {
  static shl_a64 calls;  // so that who waits for a time comes to an end
  struct timespec now;
  if (shl_sys->monotonic(&now) != 0) return shl_add_relaxed_u64(&calls, 1) * 1000000;
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void shl_os_sleep_ms(unsigned milliseconds) {
  if (milliseconds == 0) {
    (void)sched_yield();
    return;
  }
  struct timespec left = {.tv_sec = milliseconds / 1000,
                          .tv_nsec = (long)(milliseconds % 1000) * 1000000};
  while (shl_sys->nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

void shl_os_random(void *bytes, unsigned count) {
  unsigned char *to = bytes;
  unsigned done = 0;
  while (done < count) {
    int64_t got = shl_sys->getrandom(to + done, count - done, 0);
    if (got <= 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += (unsigned)got;
  }
  // An identity must differ from others even where the system has no randomness to give.
  uint64_t now = shl_os_now_ns() * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)(uintptr_t)&now;
  for (; done < count; done++) {
    to[done] = (unsigned char)(now >> (done % 8 * 8));
  }
}
