// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MAPPING_PLAYED_H
#define SHL_TESTS_MAPPING_PLAYED_H

#include "mapping/object.h"
#include "mapping/region_part.h"

// Other processes, played within this one: an object opened once more has descriptions and locks of
// its own, which is all that the kernel asks.

/// Opens the object (NAMED, or FILE for a path) once more; it must exist. Fails the test and gives
/// null otherwise.
struct shl_object *played_open(const char *name);

/// Makes record `process` LIVE in its next generation, as another process would; its byte is held
/// until the player drops it. returns: the generation.
uint32_t played_register(struct shl_region *region, const struct shl_object *object,
                         uint32_t process, struct shl_liveness *byte);

/// The record of process `process`.
struct shl_process_rec *played_record(const struct shl_region *region, uint32_t process);

/// Its generation and state.
uint32_t played_generation(const struct shl_region *region, uint32_t process);
unsigned played_state(const struct shl_region *region, uint32_t process);

#endif
