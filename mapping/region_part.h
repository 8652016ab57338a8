// SPDX-License-Identifier: MIT
#ifndef SHL_MAPPING_REGION_PART_H
#define SHL_MAPPING_REGION_PART_H

#include "mapping/object.h"
#include "mapping/region.h"

// Private to the process: the part of a region that only the mapping layer sees.
struct shl_region_private {
  struct shl_object *object;  // null: PRIVATE
  struct shl_view view;
  struct shl_liveness liveness;
  uint32_t opener;            // shl_os_process; another one's is what a forked child has inherited
  struct shl_region *next;    // in the registry
};

#endif
