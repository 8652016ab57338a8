// SPDX-License-Identifier: MIT
#ifndef SHL_MAPPING_NAME_H
#define SHL_MAPPING_NAME_H

#include <stdbool.h>

#include <shoal/heap.h>

enum { SHL_NAME_BYTES_MAX = 200, SHL_PATH_BYTES_MAX = 4095 };

// Checks a user's name for a region of `kind` (DEFAULT: what the name looks like), without any
// system call. `name` may be null.
// returns: SHOAL_OK and the kind in *out; NAME iff no region of that kind can have the name;
//   ARGUMENT iff the kind is none.
shoal_status shl_name_check(const char *name, shoal_kind kind, shoal_kind *out);

// FNV-1a over `bytes` bytes.
uint64_t shl_name_hash(const void *text, size_t bytes);

#endif
