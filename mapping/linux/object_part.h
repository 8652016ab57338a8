// SPDX-License-Identifier: MIT
#ifndef SHL_MAPPING_LINUX_OBJECT_PART_H
#define SHL_MAPPING_LINUX_OBJECT_PART_H

#include "base/atomic.h"
#include "mapping/object.h"

enum { SHL_PATH_BYTES = 4096 };

// Private to the process. An open file, of /dev/shm or elsewhere, or a memfd.
struct shl_object {
  int fd;               // for size, backing and descriptors; whoever closes it under us
                        // (close_range) costs a look-up by name, no more
  shl_a32 again;        // what that look-up found, plus 1; 0: nothing yet
  int gate_fd;          // -1: the gate is not held
  shoal_kind kind;
  bool read_only;
  bool created;         // by this open
  uint64_t device;      // which object of the system
  uint64_t inode;
  char path[SHL_PATH_BYTES];  // absolute; "" for a nameless one
};

// A descriptor that still is the object's: a program may have closed all it did not know, and the
// number may stand for something else by now.
// returns: -1 where there is none.
int shl_object_held(const struct shl_object *object);

// The same, or where it was lost, one opened again by name and kept. safe: any thread.
// returns: -1 where the name is gone, too.
int shl_object_descriptor(struct shl_object *object);

// Opens the object once more: a description of its own, as locks need.
// returns: the descriptor; -1 and errno.
int shl_object_reopen(const struct shl_object *object);

// The failure of a system call as a status: NO_SPACE, LIMIT, PERMISSION or SYSTEM, with `what` was
// tried and the limit that forbids it.
shoal_status shl_object_failure(int os_code, const char *what, const char *name);

#endif
