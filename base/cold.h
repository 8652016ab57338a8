// SPDX-License-Identifier: MIT
#ifndef SHL_BASE_COLD_H
#define SHL_BASE_COLD_H

/// Of a function that a fast path falls into: kept out of line, so that the fast path saves no
/// registers for it.
#define SHL_COLD __attribute__((noinline, cold))

/// The same of a function that is entered often all the same.
#define SHL_WARM __attribute__((noinline))

/// Of the fast path itself, where it has more than one caller.
#define SHL_INLINE __attribute__((always_inline)) inline

#endif
