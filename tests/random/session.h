// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_RANDOM_SESSION_H
#define SHL_TESTS_RANDOM_SESSION_H

#include "tests/random/crew.h"
#include "tests/random/draw.h"
#include "tests/random/model.h"

// A random session: operations drawn from a seed, done by a crew's workers one at a time, each
// followed by an audit of the heap against the model.

/// What to play. Private to the process, constant.
struct session_setup {
  shoal_kind kind;
  uint64_t capacity;   ///< Of the heap, bytes.
  uint64_t size_most;  ///< Of a request, bytes.
  unsigned workers;    ///< 1 to CREW_MAX.
  unsigned steps;
  bool full;  ///< No phase of small blocks, and none that mostly frees.
};

/// How a block is asked for.
enum request_call { REQUEST_ALLOC, REQUEST_MALLOC, REQUEST_CALLOC, REQUEST_ALIGNED };

/// A request for a block. Private to the process.
struct request {
  enum request_call call;
  uint64_t bytes;
  uint64_t alignment;
  unsigned flags;  ///< Of REQUEST_ALLOC.
};

/// Private to the process.
struct session {
  const struct session_setup *setup;
  shoal_heap *heap;
  struct model *model;
  struct crew crew;
  struct draw draw;
  unsigned worker;        ///< Who does the current operation.
  uint64_t size_most;     ///< In the current phase; it changes every few hundred steps.
  unsigned grow_percent;  ///< How many of the allocations and frees are allocations, likewise.
  bool refused;           ///< The operation was a request that the heap refused: `refusal`.
  struct request refusal;
  uint64_t granted_count;
  uint64_t refused_count;
};

/// Plays one session in a new heap, empties the heap at the end and closes it. Fails the test at
/// the first difference and tells step and operation.
/// returns: what was granted and refused, in `*session`.
void session_play(struct session *session, const struct session_setup *setup, uint64_t seed);

/// Draws an operation and does it as worker session->worker, in that worker's thread.
/// returns: its name.
const char *session_operate(struct session *session);

/// Does the request and takes note of the block or of the refusal.
void session_request(struct session *session, const struct request *request);

/// Frees block `index` of the model.
void session_free(struct session *session, uint64_t index);

#endif
