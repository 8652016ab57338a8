// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_PROCESS_STAGE_H
#define SHL_TESTS_PROCESS_STAGE_H

#include "tests/harness/harness.h"
#include "tests/harness/process.h"
#include "tests/process/station.h"

// A heap under test with its ledger and ring, the test's own station, and stations in helper
// processes. Station 0 is the test's own; the suite has ROLE(station_serve).

enum { STAGE_STATIONS = 6 };

/// Private to the process.
struct stage {
  char heap_name[TEST_NAME_BYTES];
  char books_name[TEST_NAME_BYTES];
  struct station here;
  shoal_off ring;
  struct test_child children[STAGE_STATIONS];  ///< Not [0].
};

/// Makes the heap, NAMED, `capacity` bytes, for `threads` threads at once, with its ledger.
/// returns: whether that worked; fails the test otherwise.
bool stage_open(struct stage *stage, uint64_t capacity, unsigned threads);

/// Starts helper process `station`.
bool stage_hire(struct stage *stage, unsigned station);

/// Lets it end. Nothing where it does not run.
void stage_dismiss(struct stage *stage, unsigned station);

/// Tells a station to do something (station_obey), and waits until it has.
__attribute__((format(printf, 3, 4))) void stage_do(struct stage *stage, unsigned station,
                                                    const char *format, ...);

/// Tells a helper station to do something and does not wait; stage_await does.
__attribute__((format(printf, 3, 4))) void stage_begin(struct stage *stage, unsigned station,
                                                       const char *format, ...);
void stage_await(struct stage *stage, unsigned station);

/// Has every thread of every station give its slot back, trims all, and compares heap and ledger:
/// nothing is cached, and nothing lives but what the ledger has and the ring.
void stage_settle(struct stage *stage);

/// Drops what is in the ring, dismisses the helpers, settles: the heap is empty but for the ring.
/// Then that is freed too, nothing is committed, and the heaps are closed.
void stage_close(struct stage *stage);

shoal_heap_stats stage_stats(struct stage *stage);

#endif
