// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_MISUSE_H
#define SHL_ALLOC_MISUSE_H

#include "alloc/handle.h"

/// Tells on_misuse, or prints and aborts where there is none.
/// returns: SHOAL_E_MISUSE, where the handler returned; the thread's failure text says the same.
shoal_status shl_misuse(shoal_heap *heap, shoal_misuse what, uint64_t off);

#endif
