// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_ALLOC_POPULATED_H
#define SHL_TESTS_ALLOC_POPULATED_H

#include <shoal/inspect.h>
#include <shoal/root.h>

#include "alloc/census.h"
#include "alloc/handle.h"

// A small PRIVATE heap with one of everything, for tests that look at it or break one thing in it.

enum {
  POPULATED_SMALL = 3000,      // blocks of 64 bytes: two slabs and most of a third
  POPULATED_SMALL_BYTES = 64,
  POPULATED_WIDE_BYTES = 6000,  // a class whose slabs have two units
  POPULATED_RUN_PAGES = 13,
  POPULATED_HUGE_CHUNKS = 3
};

// Private to the process.
struct populated {
  shoal_heap *heap;
  uint32_t slot;                   // the calling thread's
  shoal_off small[POPULATED_SMALL];  // 0: freed
  uint32_t relisted;               // unit of a slab that was full and had one block freed
  uint32_t full;                   // unit of a full slab, with one block freed by another thread
  uint32_t current;                // unit of the slab that the hand draws from
  shoal_off wide;
  shoal_off run;
  shoal_off huge;                  // its last chunk is backed in part
  uint64_t blocks;                 // allocated, all kinds
  uint64_t bytes;                  // in them
  shoal_pin_id pin;                // on `huge`
};

/// Opens and fills one. returns: false, and fails the test, where that did not work.
bool populated_open(struct populated *out);
void populated_close(struct populated *populated);

/// The slab at `unit`.
struct shl_slab_view populated_slab(const struct populated *populated, uint32_t unit);
struct shl_hot_rec *populated_hot(const struct populated *populated, uint32_t unit);
struct shl_slot_rec *populated_page(const struct populated *populated);
struct shl_chunk_rec *populated_row(const struct populated *populated, shoal_off off);
struct shl_hand_rec *populated_hand(const struct populated *populated);

/// The unit of an offset.
uint32_t populated_unit(shoal_off off);

/// Whether shoal_check says OK.
bool populated_is_clean(const struct populated *populated);

/// One thing to break, and a part of the sentence that must be reported for it.
struct corruption {
  const char *name;
  void (*corrupt)(struct populated *populated);
  const char *expected;
};

/// Breaks a new heap for each row and has it checked; fails the test where the check says OK or
/// reports something else only.
void populated_expect_reports(const struct corruption *rows, size_t count);

#endif
