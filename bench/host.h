// SPDX-License-Identifier: MIT
#ifndef BENCH_HOST_H
#define BENCH_HOST_H

#include <stddef.h>
#include <stdint.h>

/// Keeps the calling thread on the cpu `index` from the end of those allowed at the first call of
/// the process that was started first (0 the last, 1 the one before it), so that it does not move
/// in the middle of a pass. With fewer cpus than that, index 0.
void bench_pin(unsigned index);

/// Memory of the bench's own, touched, apart from the allocator under test. Ends the process where
/// there is none.
void *bench_map(size_t bytes);

/// What the kernel has put behind this process's anonymous memory and behind the heap's object, the
/// same measure for every allocator.
uint64_t bench_memory_bytes(void);

/// Writes one byte a page and the last byte of a block, as a user would fill it.
void bench_touch(void *block, size_t bytes);

#endif
