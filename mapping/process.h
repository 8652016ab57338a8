// SPDX-License-Identifier: MIT
#ifndef SHL_MAPPING_PROCESS_H
#define SHL_MAPPING_PROCESS_H

#include "mapping/region.h"

// Process records: who is attached for writing. A record is an entry in the region; whether its
// process lives is what the kernel says of the liveness byte of that number, never a pid or a
// clock.

enum { SHL_PROCESS_FREE = 0, SHL_PROCESS_LIVE = 1 };

// In shared memory, one line. Index k from 1 stands at row k - 1.
struct shl_process_rec {
  shl_a64 word;         // {state 8, generation 24}: changed by the holder of byte k only
  shl_a64 pid;          // as that process saw itself; for messages, never for life
  shl_a64 start_time;   // of the process, in the system's ticks
  uint64_t reserved[5];
};

_Static_assert(sizeof(struct shl_process_rec) == 64, "stored");

// Takes a FREE record, or where there is none a dead process's: byte, then generation + 1 and LIVE.
// Under the gate. Fills region->process and process_generation, and the liveness byte.
// returns: SHOAL_OK; LIMIT iff max_processes are attached (the text names it); NO_SPACE, SYSTEM.
shoal_status shl_process_register(struct shl_region *region);

// Marks this process's record FREE. Its byte is still held.
void shl_process_leave(struct shl_region *region);

// Marks the record of a dead process FREE, where it still is of `generation`: its slots and pins
// are recovered. Nothing where the process lives.
void shl_process_clear(struct shl_region *region, uint32_t process, uint32_t generation);

// The next record after number *process that is LIVE though region->is_dead says otherwise.
// returns: whether there is one; it is *process of *generation then.
bool shl_process_next_dead(const struct shl_region *region, uint32_t *process,
                           uint32_t *generation);

// The default of shl_region.is_dead: the record's generation differs, or its byte is free. Read in
// this order: record, then byte.
bool shl_process_is_dead(const struct shl_region *region, uint32_t process, uint32_t generation);

// Records LIVE whose process lives.
uint32_t shl_process_count(const struct shl_region *region);

// Whether this process has a record of the region.
bool shl_process_is_attached(const struct shl_region *region);

// Whether this process has another record of the region: by a second copy of the library.
bool shl_process_is_attached_twice(const struct shl_region *region);

#endif
