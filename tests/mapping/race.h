// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MAPPING_RACE_H
#define SHL_TESTS_MAPPING_RACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "tests/harness/process.h"
#include "tests/mapping/place.h"
#include "tests/random/draw.h"

// Helper processes that do something to one place at once. They meet at a board: a block of a heap
// of its own, which all see.

enum { RACE_SEATS = 4 };

/// In shared memory. What a racer met in a round.
struct race_seat {
  shl_a64 status;
  shl_a64 created;
  shl_a64 uuid;      // of the region it is surely attached to at the moment; 0: of none
  shl_a64 made;      // regions it was told to have created, in all rounds
  shl_a64 unlinked;  // names it was told to have removed
  uint64_t pad[3];
};

/// In shared memory.
struct race_board {
  shl_a64 arrived;  // at barriers, in all
  shl_a64 over;     // the test has seen enough
  uint64_t pad[6];
  struct race_seat seats[RACE_SEATS];
};

/// In the test: a race with its board. Private to the process.
struct race {
  struct place place;
  char board_name[PLACE_NAME_BYTES];
  shoal_heap *board_heap;
  struct race_board *board;
  uint64_t rounds;
  struct test_child children[RACE_SEATS];
};

/// Chooses a place and lays out the board.
bool race_open(struct race *race, enum place_kind kind, uint64_t rounds);

/// Starts `role` in a seat. A racer beyond the seats only runs, and must not meet the others.
bool race_start(struct race *race, struct test_child *child, const char *role, unsigned seat);

/// Starts `role` in all seats, and waits until all have ended well.
void race_run(struct race *race, const char *role);

/// Removes what there is of the place, and the board.
void race_close(struct race *race);

/// In a role. Private to the process.
struct racer {
  struct place place;
  shoal_heap *board_heap;
  struct race_board *board;
  unsigned seat;
  uint64_t rounds;
  struct draw draw;
};

/// In a role: finds the board. Ends the process where there is none.
void racer_enter(struct racer *racer, int argc, char **argv);

void racer_leave(struct racer *racer);

/// Waits for all seats.
void racer_meet(struct racer *racer);

#endif
