// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MAPPING_PLAIN_H
#define SHL_TESTS_MAPPING_PLAIN_H

#include "mapping/region.h"

// A region without an allocator, for tests of the mapping layer alone: the superblock, the process
// records, and data from the second chunk on. What the format was asked is counted.

enum { PLAIN_CAPACITY = 8 << 20, PLAIN_DATA_OFFSET = 2 << 20, PLAIN_PROCESSES = 4 };

extern const struct shl_format plain_format;

/// What plain_format was asked since plain_reset. Private to the process.
struct plain_calls {
  unsigned tables;
  unsigned plans;
  unsigned formats;
  unsigned attaches;
  unsigned lasts;           ///< Of plain_close, which was the last.
  bool all_dead;            ///< As the last attach was told.
  uint64_t magic;           ///< Of the region, as the last format saw it.
  shoal_status tables_say;  ///< Returned by the next tables.
  shoal_status format_says;
  shoal_status attach_says;
};

extern struct plain_calls plain_calls;

/// Clears the counts; formats and attaches succeed again.
void plain_reset(void);

/// Options for a region of PLAIN_CAPACITY and PLAIN_PROCESSES.
shoal_options plain_options(unsigned flags);

/// Opens a plain region by name, or by descriptor where `fd` is not negative.
shoal_status plain_open(const char *name, int fd, const shoal_options *options,
                        struct shl_region **out);

/// Opens by name with plain_options(flags).
shoal_status plain_open_name(const char *name, unsigned flags, struct shl_region **out);

/// Closes, as an allocator would that had it in use.
shoal_status plain_close(struct shl_region *region);

#endif
