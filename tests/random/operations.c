// SPDX-License-Identifier: MIT
// The operations of a random session: each draws its arguments, calls the heap, and tells the
// model.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <shoal/root.h>

#include "tests/harness/harness.h"
#include "tests/random/pattern.h"
#include "tests/random/session.h"

enum { ALIGNMENT_BITS_MAX = 21, ROOT_TYPE = 77, CALLOC_COUNT_MAX = 8 };

static uint64_t draw_alignment(struct session *session) {
  // Most alignments asked for are small; each further doubling is half as likely.
  uint64_t bits = draw_bits(&session->draw);
  unsigned exponent = 4;
  while (exponent < ALIGNMENT_BITS_MAX && (bits & 3) != 0) {
    bits >>= 2;
    exponent++;
  }
  return UINT64_C(1) << exponent;
}

static struct request draw_request(struct session *session) {
  struct draw *draw = &session->draw;
  struct request request = {.bytes = draw_size(draw, session->size_most), .alignment = 16};
  uint64_t kind = draw_below(draw, 10);
  if (kind < 3) request.call = REQUEST_MALLOC;
  if (kind == 3) request.call = REQUEST_CALLOC;
  if (kind == 4) request.call = REQUEST_ALIGNED;
  bool plain = request.call == REQUEST_ALLOC;
  if (plain && draw_chance(draw, 30)) request.flags |= SHOAL_ZERO;
  if (plain && draw_chance(draw, 15)) request.flags |= SHOAL_NO_GROW;
  bool aligned = request.call == REQUEST_ALIGNED || (plain && draw_chance(draw, 25));
  if (!aligned) return request;
  request.alignment = draw_alignment(session);
  if (plain) request.flags |= SHOAL_ALIGN(request.alignment);
  return request;
}

static shoal_off call(shoal_heap *heap, const struct request *request) {
  size_t bytes = (size_t)request->bytes;
  switch (request->call) {
    case REQUEST_ALLOC: return shoal_alloc(heap, bytes, request->flags);
    case REQUEST_MALLOC: return shoal_offset(heap, shoal_malloc(heap, bytes));
    case REQUEST_CALLOC: {
      size_t count = bytes % CALLOC_COUNT_MAX + 1;
      if (bytes % count != 0) count = 1;
      return shoal_offset(heap, shoal_calloc(heap, count, bytes / count));
    }
    case REQUEST_ALIGNED:
      return shoal_offset(heap, shoal_aligned_alloc(heap, (size_t)request->alignment, bytes));
  }
  return 0;
}

void session_request(struct session *session, const struct request *request) {
  errno = 0;
  shoal_off off = call(session->heap, request);
  if (off == 0) {
    EXPECT_EQ(ENOMEM, errno);
    session->refused = true;
    session->refusal = *request;
    session->refused_count++;
    return;
  }
  session->granted_count++;
  bool zero = request->call == REQUEST_CALLOC || (request->flags & SHOAL_ZERO) != 0;
  uint64_t byte = request->bytes;
  if (zero) byte = pattern_nonzero(shoal_ptr(session->heap, off), request->bytes);
  EXPECT_EQ(request->bytes, byte);
  (void)model_add(session->model, off, request->bytes, request->alignment);
}

static void allocate(struct session *session) {
  if (session->model->count == MODEL_BLOCKS_MAX) return;
  struct request request = draw_request(session);
  session_request(session, &request);
}

void session_free(struct session *session, uint64_t index) {
  struct model_block block = model_take(session->model, index);
  if (draw_chance(&session->draw, 50)) {
    shoal_free(session->heap, shoal_ptr(session->heap, block.off));
  } else {
    EXPECT_OK(shoal_free_offset(session->heap, block.off));
  }
}

static uint64_t draw_block(struct session *session) {
  return draw_below(&session->draw, session->model->count);
}

static void release(struct session *session) {
  if (session->model->count != 0) session_free(session, draw_block(session));
}

static void grow_or_shrink(struct session *session) {
  if (draw_chance(&session->draw, session->grow_percent)) {
    allocate(session);
  } else {
    release(session);
  }
}

// Half of the new sizes are near the old one, where blocks are resized in place.
static uint64_t draw_new_size(struct session *session, uint64_t bytes) {
  struct draw *draw = &session->draw;
  if (draw_chance(draw, 50)) return draw_size(draw, session->size_most);
  uint64_t size = draw_chance(draw, 50) ? bytes + draw_size(draw, bytes) : draw_below(draw, bytes);
  return size <= session->setup->size_most ? size : session->setup->size_most;
}

static void resize(struct session *session) {
  struct model *model = session->model;
  if (model->count == 0) return;
  struct model_block block = model_take(model, draw_block(session));
  uint64_t bytes = draw_new_size(session, block.bytes);
  errno = 0;
  char *start = shoal_realloc(session->heap, shoal_ptr(session->heap, block.off), (size_t)bytes);
  if (start == NULL) {
    EXPECT_EQ(ENOMEM, errno);
    model_put_back(model, &block);
    session->refused_count++;
    return;
  }
  uint64_t kept = bytes < block.bytes ? bytes : block.bytes;
  EXPECT_EQ(kept, pattern_differs(start, kept, block.mark));
  (void)model_add(model, shoal_offset(session->heap, start), bytes, 16);
  session->granted_count++;
}

static void measure(struct session *session) {
  const struct model *model = session->model;
  if (model->count == 0) return;
  const struct model_block *block = &model->blocks[draw_block(session)];
  const void *start = shoal_ptr(session->heap, block->off);
  EXPECT_EQ(block->bytes, shoal_usable_size(session->heap, start));
}

static void do_nothing(struct session *session) {
  shoal_free(session->heap, NULL);
  EXPECT_OK(shoal_free_offset(session->heap, 0));
  EXPECT_EQ(0, shoal_usable_size(session->heap, NULL));
}

static void trim(struct session *session) {
  EXPECT_OK(shoal_trim(session->heap, SHOAL_TRIM_CHUNKS));
}

static void trim_all(struct session *session) {
  EXPECT_OK(shoal_trim(session->heap, SHOAL_TRIM_ALL));
}

static void idle(struct session *session) {
  EXPECT_OK(shoal_thread_idle(session->heap));
}

static void change_root(struct session *session) {
  uint64_t which = draw_below(&session->draw, MODEL_ROOTS);
  shoal_off *expected = &session->model->roots[which];
  char name[16];
  (void)snprintf(name, sizeof name, "root-%u", (unsigned)which);
  shoal_root root = {.off = draw_bits(&session->draw) | 1, .type_id = ROOT_TYPE};
  uint64_t kind = draw_below(&session->draw, 3);
  if (kind == 0) {
    EXPECT_OK(shoal_root_set(session->heap, name, &root));
    *expected = root.off;
  } else if (kind == 1) {
    EXPECT_STATUS(*expected != 0 ? SHOAL_OK : SHOAL_E_NOT_FOUND,
                  shoal_root_remove(session->heap, name));
    *expected = 0;
  } else if (*expected == 0) {
    EXPECT_STATUS(SHOAL_E_NOT_FOUND, shoal_root_get(session->heap, name, &root));
  } else {
    EXPECT_OK(shoal_root_get(session->heap, name, &root));
    EXPECT_EQ(*expected, root.off);
    EXPECT_EQ(ROOT_TYPE, root.type_id);
  }
}

static void change_pin(struct session *session) {
  struct model *model = session->model;
  shoal_pin_id *pin = &model->pins[draw_below(&session->draw, MODEL_PINS)];
  if (*pin != 0) {
    EXPECT_OK(shoal_unpin(session->heap, *pin));
    EXPECT_STATUS(SHOAL_E_ARGUMENT, shoal_unpin(session->heap, *pin));
    *pin = 0;
    return;
  }
  if (model->count == 0) return;
  const struct model_block *block = &model->blocks[draw_block(session)];
  uint64_t from = draw_below(&session->draw, block->bytes);
  uint64_t len = 1 + draw_below(&session->draw, block->bytes - from);
  EXPECT_OK(shoal_pin(session->heap, block->off + from, (size_t)len, pin));
  EXPECT_NE(0, *pin);
}

static const struct operation {
  const char *name;
  unsigned weight;
  void (*run)(struct session *session);
} operations[] = {
    {"allocate or free", 160, grow_or_shrink},
    {"realloc", 20, resize},
    {"usable_size", 6, measure},
    {"nulls", 1, do_nothing},
    {"trim", 2, trim},
    {"trim all", 2, trim_all},
    {"thread_idle", 3, idle},
    {"a root", 3, change_root},
    {"a pin", 3, change_pin},
};

enum { OPERATIONS = sizeof operations / sizeof operations[0] };

const char *session_operate(struct session *session) {
  uint64_t weights = 0;
  for (unsigned i = 0; i < OPERATIONS; i++) weights += operations[i].weight;
  uint64_t at = draw_below(&session->draw, weights);
  unsigned i = 0;
  while (at >= operations[i].weight) at -= operations[i++].weight;
  operations[i].run(session);
  return operations[i].name;
}
