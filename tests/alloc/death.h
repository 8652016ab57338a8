// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_ALLOC_DEATH_H
#define SHL_TESTS_ALLOC_DEATH_H

#include "alloc/journal.h"
#include "tests/alloc/cut.h"
#include "tests/alloc/result.h"
#include "tests/alloc/stand.h"

// A step of the allocator, cut by a death after each of its instructions.

// A step in its surroundings. Private to the process.
struct scene {
  shoal_heap *heap;
  struct shl_seat victim;  // the slot under which the step is done
  struct shl_seat second;  // another slot of the victim's, which dies with it; null: none
  struct shl_seat other;   // a slot that lives
  shoal_off off;           // a block
  shoal_off *word;         // of the caller's, that the step changes; null: none
  shoal_off *tag;          // the word of a tag in the heap's data, that it changes; null: none
  struct tally extra;      // blocks that the living took meanwhile, less those they freed
  struct tally may_stay;   // a block that a plain realloc may leave beside the new one
  uint32_t unit;           // of its slab
  unsigned ops;            // bit n: the journal held op n in some state
  size_t turn;             // recoveries cut so far
  struct cut recoveries;   // their instructions, and as `count` the deaths in them
  size_t stride;           // each how manieth recovery, and state of it, is cut; 1 in fast builds
  struct cut_seen *seen;   // states recovered from, and recovered to, that were right
};

// A step: what comes before it, and itself.
struct step {
  const char *name;
  void (*prepare)(struct scene *scene);
  void (*run)(struct scene *scene);
  void (*meanwhile)(struct scene *scene);  // what the living do before the recovery; null: nothing
  unsigned ops;      // that its journal must pass through: bit n for op n
  bool many_chunks;  // the heap needs more than one
};

/// Runs the step, and for each state that it passes through: says that its slot's owner is dead,
/// recovers it, and dies in that, too, after each instruction. Fails the test where a heap
/// recovered so contradicts itself; where the step is neither done nor undone: other blocks, of
/// other sizes, with other tags, roots, pins or words than before the step and than after it, but
/// for scene.may_stay; or where its journal has not been through all of its ops.
/// returns: false iff this machine does not stop after each instruction.
bool death_anywhere_in(const struct step *step);

#endif
