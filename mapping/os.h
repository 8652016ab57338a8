// SPDX-License-Identifier: MIT
#ifndef SHL_MAPPING_OS_H
#define SHL_MAPPING_OS_H

#include "base/atomic.h"

// The one contract with the operating system. This part serves every layer: threads and time.

/// Takes an in-process lock; 0 is free. Not for words in shared memory. A lock that another thread
/// held when the process was forked is free in the child.
void shl_os_lock(shl_a32 *lock);

/// Lets it go.
void shl_os_unlock(shl_a32 *lock);

/// The calling process, told from its parent and its forked children whatever their ids; not 0.
uint32_t shl_os_process(void);

/// The calling thread's id as the system counts it; not 0.
uint64_t shl_os_thread_id(void);

/// Start time of the calling process's thread `id` in the system's ticks; 0 where it is not known.
uint64_t shl_os_thread_start(uint64_t id);

/// Whether the calling process has no thread `id` any more that started at `start`. Never true for
/// a thread that runs: what cannot be found out counts as running.
bool shl_os_thread_is_gone(uint64_t id, uint64_t start);

/// Has `hook` called in each thread that ends after calling shl_os_thread_watch. One hook.
void shl_os_on_thread_exit(void (*hook)(void));

/// Asks for the exit hook in the calling thread. Idempotent and cheap.
/// returns: false iff the system has no means for it: the thread will end without a word.
bool shl_os_thread_watch(void);

/// Has forks noticed from now on; before the first region is open. Idempotent and cheap.
/// returns: false iff the system has no memory for it.
bool shl_os_watch_forks(void);

/// Has `hook` called in each forked child, in the thread that forked. One hook; nothing waits.
void shl_os_on_fork_child(void (*hook)(void));

/// Nanoseconds of a clock that never jumps. Where the system does not tell the time, it passes by a
/// millisecond a call.
uint64_t shl_os_now_ns(void);

/// Sleeps for at least `milliseconds`; 0 yields.
void shl_os_sleep_ms(unsigned milliseconds);

/// Random bytes, fit for identities.
void shl_os_random(void *bytes, unsigned count);

#endif
