// SPDX-License-Identifier: MIT
#ifndef SHL_MAPPING_REQUEST_H
#define SHL_MAPPING_REQUEST_H

#include <stdbool.h>

#include <shoal/heap.h>

#define SHL_CAPACITY_MIN (UINT64_C(4) << 20)
#define SHL_CAPACITY_MAX (UINT64_C(4) << 40)
#define SHL_CAPACITY_DEFAULT (UINT64_C(64) << 30)
#define SHL_ADDRESS_MIN UINT64_C(0x10000)
#define SHL_ADDRESS_MAX UINT64_C(0x7fff00000000)

// An open with every default filled in and every argument in its range. Private to the process.
struct shl_request {
  const char *name;  // null: nameless, or by `fd`
  int fd;            // not negative: by descriptor
  shoal_kind kind;
  bool create;
  bool exclusive;
  bool read_only;
  bool relocatable;
  bool adopt;
  uint64_t capacity;
  uint64_t base;  // 0: to be chosen
  unsigned mode;
  shoal_lifetime lifetime;
  uint64_t limit_bytes;
  shoal_options options;  // as given, zero where not; for the allocator's tables
};

// Reads the arguments of an open; no system call.
// returns: SHOAL_OK; NAME, ARGUMENT, SIZE, UNSUPPORTED with what is wrong.
shoal_status shl_request_read(const char *name, int fd, const shoal_options *options,
                              struct shl_request *out);

#endif
