// SPDX-License-Identifier: MIT
#ifndef SHL_MAPPING_REGION_H
#define SHL_MAPPING_REGION_H

#include <shoal/heap.h>

#include "mapping/superblock.h"

// A region: a mapped object with a superblock. This header is all that the allocator sees of the
// mapping layer, with process.h (who lives) and os.h (threads, time).

struct shl_region;

// Asks whether the process that record `process` named in generation `generation` is dead. Never
// true for a living one; may be late for a dead one.
typedef bool shl_is_dead(const struct shl_region *region, uint32_t process, uint32_t generation);

// Private to the process. One for each region open here, however often it was opened.
struct shl_region {
  char *base;                            // where offset 0 is mapped
  uint64_t capacity;                     // bytes mapped from there
  struct shl_superblock_rec *superblock;  // at `base`; others may store there at any time
  struct shl_superblock_rec header;      // a copy, tested at open: constants are read from here
  shl_is_dead *is_dead;                  // shl_process_is_dead; tests put another here
  uint64_t incarnation;                  // as found at open
  uint32_t process;                      // this process's record, from 1; 0 for READ_ONLY
  uint32_t process_generation;           // of that record, 24 bits
  shoal_kind kind;
  bool read_only;
  bool created;     // by the open that first made this handle
  bool relocated;   // mapped elsewhere than at superblock->base
  void *client;     // the allocator's handle; the mapping layer keeps it and does not look
  unsigned opens;   // under the registry's lock
  struct shl_region_private *private_part;  // region.c's and the system's
};

// What the allocator brings to an open. All are called under the gate.
struct shl_format {
  // Fills in superblock->max_processes, max_slots, max_roots and max_pins from the options and
  // superblock->capacity. For a new region. `options` may be null.
  // returns: SHOAL_OK; ARGUMENT iff an option is out of its range.
  shoal_status (*tables)(const shoal_options *options, struct shl_superblock_rec *superblock);
  // Fills in superblock->areas from index area_count on (the mapping layer has put its own areas
  // first, the next free byte is superblock->metadata_bytes), metadata_bytes (page-aligned end of
  // all areas), data_offset and layout_hash, from superblock->capacity and the max_ fields. Called
  // for a new region, and again at each open to compare with what is stored.
  // returns: SHOAL_OK; SIZE iff the capacity leaves no data chunk.
  shoal_status (*plan)(struct shl_superblock_rec *superblock);
  // Commits and fills what must stand before READY. The superblock is filled but for its magic.
  shoal_status (*format)(struct shl_region *region);
  // Called on the first open of an existing region by this process for writing, after its process
  // record is taken. `all_dead` iff boot or host differ, or nobody else was attached.
  shoal_status (*attach)(struct shl_region *region, bool all_dead);
};

// Opens by name (null: nameless) or, where `fd` is not negative, by descriptor. Does everything
// that shoal_open promises up to the allocator's part. `options` may be null.
// returns: as shoal_open; on success *out, counted, that shl_region_close gives back.
// The same region opened twice in a process is one shl_region with opens == 2.
// safe: any thread; the caller need not lock.
shoal_status shl_region_open(const char *name, int fd, const shoal_options *options,
                             const struct shl_format *format, struct shl_region **out);

// Gives one open back. The last one: calls `last` so that the allocator returns its slots while the
// region is still mapped, unmaps, drops the process record and its byte, and unlinks a LAST_DETACH
// name that nobody holds. A null `last` says that the allocator could not take the region into use:
// a name that this open made goes then, whatever its lifetime, unless others have attached.
shoal_status shl_region_close(struct shl_region *region, void (*last)(struct shl_region *region));

// Removes the name, as shoal_unlink.
shoal_status shl_region_unlink(const char *name);

// A duplicate descriptor, as shoal_fd.
shoal_status shl_region_fd(struct shl_region *region, int *out);

// Writes through, as shoal_flush.
shoal_status shl_region_flush(struct shl_region *region);

// Backs bytes [offset, offset + bytes) with memory, both multiples of SHL_PAGE_BYTES. Fresh ones
// read as zero, committed ones keep their content: any process may do it again.
// returns: SHOAL_OK; NO_SPACE, and nothing has changed; UNSUPPORTED; SYSTEM.
shoal_status shl_region_commit(struct shl_region *region, uint64_t offset, uint64_t bytes);

// Gives the backing of [offset, offset + bytes) back to the system; reads as zero after the next
// commit. Both multiples of SHL_PAGE_BYTES.
// returns: SHOAL_OK; UNSUPPORTED where the system cannot (the content is then undefined); SYSTEM.
shoal_status shl_region_give_back(struct shl_region *region, uint64_t offset, uint64_t bytes);

#endif
