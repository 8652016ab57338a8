// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MAPPING_PLACE_H
#define SHL_TESTS_MAPPING_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include <shoal/heap.h>

// Where a test's heap is to be: the three ways in which a name can have one.

enum place_kind {
  PLACE_NAMED,    // gone with the last process
  PLACE_PERSIST,  // NAMED, stays
  PLACE_FILE,
  PLACE_KINDS
};

enum { PLACE_NAME_BYTES = 512, PLACE_PROCESSES = 6, PLACE_THREADS = 24 };

#define PLACE_CAPACITY (UINT64_C(32) << 20)

/// Private to the process.
struct place {
  enum place_kind kind;
  char name[PLACE_NAME_BYTES];
};

/// Picks a name that nothing has.
void place_choose(struct place *place, enum place_kind kind);

/// A place as another process named it: its kind as a digit, its name.
void place_read(struct place *place, const char *kind, const char *name);

/// Opens it, with a small capacity and small tables where it is created.
shoal_status place_open(const struct place *place, unsigned flags, shoal_heap **out);

/// The system's number of the object under the name; 0: there is none.
uint64_t place_inode(const struct place *place);

/// Removes the object, whatever it is, and without asking.
void place_clear(const struct place *place);

/// Opens the object itself, for reading and writing. returns: the descriptor.
int place_open_object(const struct place *place);

/// Copies a region's uuid. returns: its first half, which is never 0.
uint64_t place_uuid(const shoal_heap *heap);

/// Whether the heap takes, keeps and gives back blocks of all kinds, and passes shoal_check.
/// Expectations of the running test or role.
void place_expect_works(shoal_heap *heap);

#endif
