// SPDX-License-Identifier: MIT
#ifndef SHL_MAPPING_ATTACH_H
#define SHL_MAPPING_ATTACH_H

#include "mapping/region.h"
#include "mapping/request.h"

// From an open object to an attached region: what stands in the object decides what is done.

struct shl_attach {
  const struct shl_request *request;
  const struct shl_format *format;
  struct shl_region *region;  // private_part->object is open; the rest is filled in
};

// Passes the gate and creates or attaches.
// returns: SHOAL_OK; STALE iff the object lost its name meanwhile or was stale and has been
//   removed: open the name again; otherwise as shoal_open, and nothing is left of the attempt.
shoal_status shl_attach(struct shl_attach *attach);

// The same for memory that is this process's alone: always creates.
shoal_status shl_attach_private(struct shl_attach *attach);

// Undoes the mapping and the liveness of an attached region.
void shl_attach_undo(struct shl_region *region);

#endif
