// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_PROCESS_STATION_H
#define SHL_TESTS_PROCESS_STATION_H

#include "tests/process/actor.h"
#include "tests/random/crew.h"

// One process's actors: its main thread and others, told by lines what to do. The test's own
// process is a station like those of its helper processes.

enum { STATION_WORKERS = 2 };

/// Private to the process.
struct station {
  shoal_heap *heap;
  shoal_heap *books;
  struct ledger *ledger;
  struct ring *ring;
  shl_a64 order;     ///< Of its actors.
  struct crew crew;  ///< Worker 0 is the main thread.
  struct actor actors[STATION_WORKERS];
};

/// Opens the heap `name` and the ledger `books`; both exist. The actors are numbered from `number`.
/// returns: whether that worked; fails the test otherwise.
bool station_open(struct station *station, const char *name, const char *books, unsigned number);

/// Lets the threads end and closes both heaps.
void station_close(struct station *station);

/// Does what the line says, in worker W's thread, and waits for it:
///   feed W N, eat W N, trade W N   as actor_feed, actor_eat, actor_trade
///   clear W                        as actor_clear
///   sizes W N, budget W N          the actor's size_most or budget is N bytes from now on
///   idle W                         shoal_thread_idle
///   renew W                        ends the worker's thread and starts another in its place
///   both N                         trade by all workers at once
/// returns: false, and fails the test, where it says nothing of that kind.
bool station_obey(struct station *station, const char *line);

/// The role of a helper process: argv is as station_open's arguments. Says "here", then obeys each
/// line and says "done", until its parent hangs up.
void station_serve(int argc, char **argv);

#endif
