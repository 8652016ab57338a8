// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_CRASH_STAGE_H
#define SHL_TESTS_CRASH_STAGE_H

#include <shoal/exact.h>
#include <shoal/inspect.h>
#include <shoal/root.h>

#include "tests/crash/actor.h"

// What an act is played on: a heap, words in it, and blocks.

enum {
  STAGE_WORDS = 16,
  STAGE_BLOCKS = 144,   // more than a slab has of 512 bytes, and some
  STAGE_BYTES = 1024,   // a block's, by default
  STAGE_RUN = 40 << 10,
  STAGE_HUGE = 3 << 20,
  STAGE_KINDS = 3,
  STAGE_NEIGHBOUR = 2,  // processes that are not this one
  STAGE_DOOMED = 3
};

// Private to the process; copied to be put back.
struct stage {
  shoal_heap *heap;
  struct actor *actor;             // who plays
  struct actor *other;             // a second slot of the same process
  size_t bytes;                    // of the blocks that the opening is about
  shoal_off *words;                // STAGE_WORDS in the heap, each 0 at first
  shoal_off blocks[STAGE_BLOCKS];  // allocated
  unsigned count;
  uint64_t pin;
  uint32_t ended;       // the slot of the other, where he has ended
  uint64_t ended_word;  // its owner word, as he left it
  uint32_t salt;  // of what blocks are filled with
  bool moved;     // a block that was to be resized in place
  bool zeroed;    // what the act allocates must be all zero
};

/// Who is dead on a stage of one process alone: STAGE_DOOMED, and under a false oracle every other.
bool stage_is_dead(const struct shl_region *region, uint32_t process, uint32_t generation);

/// The same while the stage is set: the dead of an act have yet to do what they leave.
bool stage_nobody_is_dead(const struct shl_region *region, uint32_t process, uint32_t generation);

/// Opens a heap of this process alone, in which nobody is dead until the stage is set, with room
/// for `processes` and two threads of each. returns: null, and fails the test, where there is none.
shoal_heap *stage_open(uint64_t capacity, unsigned processes);

/// Makes the words, once for each heap.
void stage_set(shoal_heap *heap);

/// A stage on such a heap, with blocks of STAGE_BYTES. `actor` is the one who plays, entered.
struct stage stage_of(shoal_heap *heap, struct actor *actor, struct actor *other);

/// Allocates for the actor, and notes the block. Fails the test where there is no memory.
shoal_off stage_take(struct stage *stage, size_t bytes);

/// Bytes of a block in a slab, of the opening's size, of a run, of whole chunks, in turn.
size_t stage_bytes_of(const struct stage *stage, unsigned index);

/// returns: how many blocks make more than a slab of them.
unsigned stage_more_than_slab(size_t bytes);

/// Allocates a tagged block of each kind, and notes them.
void stage_take_tagged(struct stage *stage);

/// Allocates and notes a block as the other.
shoal_off stage_take_as_other(struct stage *stage, size_t bytes);

/// Frees as the other.
void stage_free_as_other(struct stage *stage, shoal_off off);

/// Fills every block but the words', each with a number of its own (contents.h).
void stage_fill(const struct stage *stage);

/// What the block at `off` contains.
uint32_t stage_contents(const struct stage *stage, shoal_off off);

// A state of the heap before an act.
struct opening {
  const char *name;
  void (*set)(struct stage *stage);
};

enum { OPENINGS = 8 };
extern const struct opening openings[OPENINGS];

/// The opening of that name; null where there is none.
const struct opening *opening_named(const char *name);

enum { OUTCOME_BLOCKS = 600 };

// What there is once the dead are recovered.
struct outcome {
  uint64_t bytes;  // allocated
  uint64_t roots;
  uint64_t pins;
  unsigned count;
  shoal_block blocks[OUTCOME_BLOCKS];  // allocated, in the order of their offsets
  uint32_t contents[OUTCOME_BLOCKS];   // of each, as contents.h says
  bool zeroed;                         // blocks said to be all zero must be
  shoal_off words[STAGE_WORDS];
};

/// returns: whether the heap's sums add up, and the blocks have room in *out.
bool outcome_read(const struct stage *stage, struct outcome *out);

/// Whether a plain call that went from `a` to `b` and was cut short may have left `is`: one of the
/// two, with what was in the blocks; where it moves a block, both. What nobody has filled may
/// contain anything, nor need a new block that is to be zero be so unless a word names it.
bool outcome_may_be(const struct outcome *is, const struct outcome *a, const struct outcome *b,
                    bool moves);

/// Frees every block but the words', and trims. returns: whether all is as in a new heap then.
bool outcome_free_all(const struct stage *stage, const struct outcome *is);

/// Whether nothing in the heap contradicts itself; otherwise *finding is the last of what does.
bool stage_is_clean(shoal_heap *heap, const char **finding);

#endif
