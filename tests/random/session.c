// SPDX-License-Identifier: MIT
// Plays random sessions. After each operation the heap is compared with the model; after each
// refusal a block of the refused kind is freed and the same request must be granted.
#include "tests/random/session.h"

#include <string.h>

#include "alloc/class.h"
#include "base/align.h"
#include "tests/harness/harness.h"

enum { PHASE_STEPS = 150, VERIFY_STEPS = 64, RUN_MAX_BYTES = 1 << 20 };

// One operation on its way into a worker's thread. Private to the process.
struct turn {
  struct session *session;
  const char *name;
  uint64_t index;
};

static void operate(void *argument) {
  struct turn *turn = argument;
  turn->name = session_operate(turn->session);
}

static void free_one(void *argument) {
  struct turn *turn = argument;
  session_free(turn->session, turn->index);
}

static void go_idle(void *argument) {
  const struct turn *turn = argument;
  EXPECT_OK(shoal_thread_idle(turn->session->heap));
}

static void request_again(void *argument) {
  const struct turn *turn = argument;
  struct request request = turn->session->refusal;
  session_request(turn->session, &request);
}

enum block_kind { KIND_SLAB, KIND_RUN, KIND_HUGE };

static enum block_kind kind_of(uint64_t asked, uint64_t alignment) {
  if (asked <= SHL_CLASS_MAX_BYTES && alignment <= SHL_PAGE_BYTES) return KIND_SLAB;
  return asked <= RUN_MAX_BYTES && alignment <= RUN_MAX_BYTES ? KIND_RUN : KIND_HUGE;
}

// Whether the place of `block` serves the request.
static bool serves(const struct request *request, const struct model_block *block) {
  enum block_kind kind = kind_of(request->bytes, request->alignment);
  if (kind != kind_of(block->asked, block->alignment)) return false;
  if (kind == KIND_SLAB) {
    unsigned wanted = shl_class_of_aligned((size_t)request->bytes, (size_t)request->alignment);
    return block->bytes == shl_classes[wanted].bytes;
  }
  uint64_t step = kind == KIND_RUN ? SHL_PAGE_BYTES : SHL_CHUNK_BYTES;
  uint64_t room = shl_align_up(block->bytes, step);
  return room >= shl_align_up(request->bytes, step) && block->off % request->alignment == 0;
}

// A request was refused. Where a live block has the place for it, that block is freed by anyone,
// and the refused worker must get what it asked for; the others give back their slots first, since
// what was freed into a live thread's slab is that thread's.
static void expect_room_after_a_free(struct session *session) {
  struct turn turn = {.session = session};
  const struct model *model = session->model;
  unsigned refused = session->worker;
  while (turn.index < model->count && !serves(&session->refusal, &model->blocks[turn.index])) {
    turn.index++;
  }
  session->refused = false;
  if (turn.index == model->count || (session->refusal.flags & SHOAL_NO_GROW) != 0) return;
  unsigned freer = (unsigned)draw_below(&session->draw, session->setup->workers);
  crew_run(&session->crew, freer, free_one, &turn);
  for (unsigned i = 0; i < session->setup->workers; i++) {
    if (i != refused) crew_run(&session->crew, i, go_idle, &turn);
  }
  crew_run(&session->crew, refused, request_again, &turn);
  if (session->refused) {
    FAIL("a request for %llu bytes aligned to %llu is still refused, though its like was freed",
         (unsigned long long)session->refusal.bytes,
         (unsigned long long)session->refusal.alignment);
  }
  session->refused = false;
}

static void choose_phase(struct session *session) {
  static const uint64_t sizes[] = {64, 1024, 40000, 300000, UINT64_MAX};
  static const unsigned percents[] = {35, 50, 55, 65, 80};
  enum { CHOICES = 5, FULL_FROM = 2 };
  uint64_t from = session->setup->full ? FULL_FROM : 0;
  uint64_t most = sizes[from + draw_below(&session->draw, CHOICES - from)];
  session->size_most = most < session->setup->size_most ? most : session->setup->size_most;
  session->grow_percent = percents[from + draw_below(&session->draw, CHOICES - from)];
}

static void step(struct session *session, unsigned number) {
  if (number % PHASE_STEPS == 0) choose_phase(session);
  struct turn turn = {.session = session};
  session->worker = (unsigned)draw_below(&session->draw, session->setup->workers);
  session->refused = false;
  if (session->worker != 0 && draw_chance(&session->draw, 1)) {
    turn.name = "thread exit";
    crew_renew(&session->crew, session->worker);
  } else {
    crew_run(&session->crew, session->worker, operate, &turn);
  }
  if (number % VERIFY_STEPS == 0) model_verify(session->model);
  model_audit(session->model);
  if (session->refused) {
    expect_room_after_a_free(session);
    model_audit(session->model);
  }
  if (test_has_failed())
    FAIL("that was step %u, worker %u: %s", number, session->worker, turn.name);
}

static void drop_records(struct session *session) {
  struct model *model = session->model;
  for (unsigned i = 0; i < MODEL_PINS; i++) {
    if (model->pins[i] != 0) EXPECT_OK(shoal_unpin(session->heap, model->pins[i]));
    model->pins[i] = 0;
  }
}

static void empty_heap(struct session *session) {
  struct turn turn = {.session = session};
  while (session->model->count != 0) {
    turn.index = draw_below(&session->draw, session->model->count);
    unsigned worker = (unsigned)draw_below(&session->draw, session->setup->workers);
    crew_run(&session->crew, worker, free_one, &turn);
  }
  drop_records(session);
  model_audit(session->model);
  for (unsigned i = 0; i < session->setup->workers; i++) {
    crew_run(&session->crew, i, go_idle, &turn);
  }
  EXPECT_OK(shoal_trim(session->heap, SHOAL_TRIM_ALL));
  model_audit_empty(session->model);
}

static shoal_heap *open_heap(const struct session_setup *setup) {
  char name[TEST_NAME_BYTES];
  shoal_heap *heap = NULL;
  shoal_options options = {.size = sizeof options,
                           .kind = setup->kind,
                           .flags = SHOAL_CREATE,
                           .capacity = setup->capacity,
                           .max_processes = 4,
                           .max_threads = 16};
  bool named = setup->kind == SHOAL_KIND_NAMED;
  EXPECT_OK(shoal_open(named ? test_unique_name(name) : NULL, &options, &heap));
  return heap;
}

void session_play(struct session *session, const struct session_setup *setup, uint64_t seed) {
  static struct model model;
  *session = (struct session){.setup = setup, .model = &model, .draw = {.state = seed}};
  session->heap = open_heap(setup);
  if (session->heap == NULL) return;
  model_begin(&model, session->heap);
  if (crew_start(&session->crew, setup->workers)) {
    for (unsigned i = 0; i < setup->steps && !test_has_failed(); i++) step(session, i);
    if (!test_has_failed()) empty_heap(session);
  }
  crew_stop(&session->crew);
  EXPECT_OK(shoal_close(session->heap));
}
