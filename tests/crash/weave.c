// SPDX-License-Identifier: MIT
// What is compared is what the callers could see: how many blocks, of how many bytes in all, roots,
// pins and words set there are in the end, and what each call returned. Where the blocks lie may
// differ.
#include "tests/crash/weave.h"

#include <stdlib.h>
#include <string.h>

#include "tests/crash/turns.h"
#include "tests/harness/harness.h"
#include "tests/watch/lie.h"
#include "tests/watch/still.h"
#include "tests/watch/undo.h"

enum { SEEN = 1 << 16, ORDERS_MAX = 512, CAPACITY = 40 << 20, CALLS_MAX = 3 * STAGE_BLOCKS };

// Private to the process.
struct weave {
  const struct weave_plan *plan;
  struct weave_sum *sum;
  struct turns turns;
  struct actor actors[WEAVE_ACTORS];   // as prepared
  struct actor playing[WEAVE_ACTORS];  // in the present play
  struct actor dead[WEAVE_ACTORS];     // one for each act that is about one
  struct undo_mark begin;
  uint64_t sights[ORDERS_MAX];  // what the calls in some order lead to
  unsigned orders;
  uint64_t *seen;
  unsigned changes;  // at most, for now
};

static uint64_t stir(uint64_t sum, uint64_t value) {
  sum = (sum ^ value) * UINT64_C(0x9e3779b97f4a7c15);
  return sum ^ sum >> 29;
}

static unsigned calls_of(const struct weave *weave, unsigned actor) {
  return act_calls(weave->plan->acts[actor], STAGE_BYTES);
}

static uint64_t statuses(const struct weave *weave) {
  uint64_t sum = 1;
  for (unsigned a = 0; a < weave->plan->actors; a++) {
    for (unsigned i = 0; i < calls_of(weave, a); i++) {
      sum = stir(sum, (uint64_t)weave->turns.status[a][i]);
    }
  }
  return sum;
}

// returns: 0 where the heap's sums do not add up.
static uint64_t sight(const struct weave *weave) {
  struct outcome is;
  if (!outcome_read(&weave->turns.stage[0], &is)) return 0;
  uint64_t set = 0;
  for (unsigned i = 0; i < STAGE_WORDS; i++) set += is.words[i] != 0;
  uint64_t bytes = weave->plan->any_bytes ? 0 : is.bytes;
  uint64_t sum = stir(stir(statuses(weave), is.count), bytes);
  return stir(stir(stir(sum, is.roots), is.pins), set);
}

static uint64_t view(void *context, size_t offset, uint64_t value) {
  (void)context;
  (void)offset;
  return value;
}

static void play(struct weave *weave) {
  undo_back_to(weave->begin);
  memcpy(weave->playing, weave->actors, sizeof weave->playing);
  turns_play(&weave->turns);
}

static void fail(struct weave *weave, const char *what) {
  weave->sum->failures++;
  weave->sum->hangs += weave->turns.hung;
  if (weave->plan->quiet) return;
  const struct turns *turns = &weave->turns;
  FAIL("%s | %s | %s, %s: %s; first %u, then ahead of accesses %llu, %llu, %llu",
       turns->act[0]->name, turns->act[1]->name, turns->actors > 2 ? turns->act[2]->name : "-",
       weave->plan->opening->name, what, turns->first,
       (unsigned long long)(turns->changes > 0 ? turns->turn[0].access : 0),
       (unsigned long long)(turns->changes > 1 ? turns->turn[1].access : 0),
       (unsigned long long)(turns->changes > 2 ? turns->turn[2].access : 0));
}

static bool is_new(struct weave *weave) {
  uint64_t sum = stir(undo_sum(weave->begin, view, NULL), statuses(weave));
  if (sum == 0) sum = 1;
  for (uint64_t i = 0; i < 64; i++) {
    uint64_t *entry = &weave->seen[(sum + i) % SEEN];
    if (*entry == sum) return false;
    if (*entry != 0) continue;
    *entry = sum;
    return true;
  }
  return true;
}

// Whether each actor's slot, where he has one, is his, and no other's.
static bool have_seats(const struct weave *weave) {
  for (unsigned a = 0; a < weave->plan->actors; a++) {
    const struct actor *actor = &weave->playing[a];
    if (actor->seat.slot == NULL) continue;
    struct shl_owner_word word = shl_owner_read(actor->heap, (uint32_t)actor->seat.id);
    if (word.state != SHL_OWNER_OWNED || word.process != actor->process) return false;
    for (unsigned b = 0; b < a; b++) {
      if (weave->playing[b].seat.slot == actor->seat.slot) return false;
    }
  }
  return true;
}

// Whether a call has met contents that are not what was put there.
static bool has_met_others(const struct weave *weave) {
  for (unsigned a = 0; a < weave->plan->actors; a++) {
    for (unsigned i = 0; i < calls_of(weave, a); i++) {
      if (weave->turns.status[a][i] == SHOAL_E_CORRUPT) return true;
    }
  }
  return false;
}

static bool is_right(struct weave *weave) {
  const char *finding = "no order of the calls leads there";
  if (weave->turns.hung) {
    fail(weave, "no end");
    return false;
  }
  if (!have_seats(weave)) {
    fail(weave, "somebody's slot is not his any more");
    return false;
  }
  if (has_met_others(weave)) {
    fail(weave, "a block contains something else");
    return false;
  }
  if (!is_new(weave)) return true;
  weave->sum->endings++;
  bool clean = stage_is_clean(weave->turns.heap, &finding);
  uint64_t is = sight(weave);
  bool known = weave->plan->any_end;
  for (unsigned i = 0; i < weave->orders; i++) known = known || weave->sights[i] == is;
  if (clean && is != 0 && known) return true;
  fail(weave, is == 0 ? "the sums do not add up" : finding);
  return false;
}

// One order of the calls: whose each is, ended by who is none.
static void note_order(struct weave *weave, const unsigned *calls) {
  weave->turns.calls = calls;
  play(weave);
  weave->turns.calls = NULL;
  EXPECT(!weave->turns.hung);
  if (weave->orders == ORDERS_MAX) return;
  weave->sights[weave->orders++] = sight(weave);
  weave->sum->orders++;
}

// All orders that go on from `calls`, of which `made` are given, while there is room.
static void note_orders(struct weave *weave, unsigned *calls, unsigned made,
                        unsigned left[WEAVE_ACTORS]) {
  bool any = false;
  for (unsigned a = 0; a < weave->plan->actors && weave->orders < ORDERS_MAX; a++) {
    if (left[a] == 0) continue;
    any = true;
    left[a]--;
    calls[made] = a;
    note_orders(weave, calls, made + 1, left);
    left[a]++;
  }
  if (any) return;
  calls[made] = WEAVE_ACTORS;
  note_order(weave, calls);
}

static bool try_changes(struct weave *weave, unsigned changes, uint64_t stride);

// The turns ahead of `changes` are given: goes through where the next may be, to whom.
static bool try_next(struct weave *weave, unsigned made, uint64_t stride) {
  for (unsigned next = 1; next < weave->plan->actors; next++) {
    bool reached = true;
    for (uint64_t access = made == 0 ? 1 : 2; reached; access += stride) {
      weave->turns.turn[made] = (struct turn){.access = access, .next = next};
      weave->turns.changes = made + 1;
      play(weave);
      weave->sum->schedules++;
      reached = weave->turns.changed == made + 1;
      if (!is_right(weave)) return false;
      if (reached && !try_changes(weave, made + 1, stride)) return false;
    }
  }
  return true;
}

static bool try_changes(struct weave *weave, unsigned changes, uint64_t stride) {
  return changes == weave->changes || try_next(weave, changes, stride);
}

// Each how manieth access is taken, so that no more than plan->schedules come of it.
static uint64_t stride_of(const struct weave *weave, uint64_t longest) {
  uint64_t all = 1;
  for (unsigned i = 0; i < weave->changes; i++) all *= longest;
  uint64_t stride = 1;
  uint64_t count = all;
  while (count > weave->plan->schedules) {
    stride++;
    count = all;
    for (unsigned i = 0; i < weave->changes; i++) count /= stride;
  }
  return stride;
}

static bool weave_from(struct weave *weave, unsigned first) {
  weave->turns.first = first;
  weave->turns.changes = 0;
  play(weave);
  weave->sum->schedules++;
  uint64_t longest = weave->turns.longest;
  bool right = is_right(weave);
  for (unsigned changes = 1; right && changes <= weave->plan->changes; changes++) {
    weave->changes = changes;
    right = try_changes(weave, 0, stride_of(weave, longest));
  }
  return right;
}

static void prepare(struct weave *weave, shoal_heap *heap, unsigned index) {
  const struct weave_plan *plan = weave->plan;
  struct actor *actor = &weave->actors[index];
  struct actor *other = &weave->actors[(index + 1) % plan->actors];
  if (plan->acts[index]->ends_other) other = &weave->dead[index];
  actor_enter(actor);
  struct stage *stage = &weave->turns.stage[index];
  *stage = stage_of(heap, actor, other);
  stage->words += index * (STAGE_WORDS / WEAVE_ACTORS);
  act_open(plan->acts[index], plan->opening, stage);
  actor_leave(actor);
  weave->turns.act[index] = plan->acts[index];
  weave->turns.actor[index] = &weave->playing[index];
}

static void end_other(struct weave *weave, unsigned index) {
  actor_enter(&weave->actors[index]);
  act_end_other(weave->plan->acts[index], &weave->turns.stage[index]);
  actor_leave(&weave->actors[index]);
}

// Processes 1, of this handle, 4 and 5, and a dead one, 3; or all threads of one.
static void set_stage(struct weave *weave, shoal_heap *heap) {
  stage_set(heap);
  shl_seat_return(heap);
  for (unsigned i = 0; i < WEAVE_ACTORS; i++) {
    bool is_here = weave->plan->threads || i == 0;
    weave->actors[i] = is_here ? actor_here(heap) : actor_of(heap, STAGE_DOOMED + i);
    weave->dead[i] = weave->plan->threads ? actor_here(heap) : actor_of(heap, STAGE_DOOMED);
  }
  weave->turns.heap = heap;
  weave->turns.bytes = CAPACITY;
  weave->turns.actors = weave->plan->actors;
  for (unsigned i = 0; i < weave->plan->actors; i++) prepare(weave, heap, i);
  for (unsigned i = 0; i < weave->plan->actors; i++) end_other(weave, i);
  heap->region->is_dead = stage_is_dead;
}

static void note_all_orders(struct weave *weave) {
  if (weave->plan->any_end) return;
  unsigned calls[CALLS_MAX + 1];
  unsigned left[WEAVE_ACTORS] = {0};
  unsigned made = 0;
  for (unsigned a = weave->plan->actors; a > 0; a--) {
    left[a - 1] = calls_of(weave, a - 1);
    for (unsigned i = 0; i < left[a - 1]; i++) calls[made++] = a - 1;
  }
  calls[made] = WEAVE_ACTORS;
  note_order(weave, calls);
  note_orders(weave, calls, 0, left);
}

static bool weave_in(struct weave *weave, shoal_heap *heap) {
  enum lie lie = lie_told();
  lie_tell(LIE_NONE);
  still_begin(NULL);
  set_stage(weave, heap);
  still_end();
  undo_begin(heap->view.base, CAPACITY);
  bool right = turns_begin();
  weave->begin = undo_mark();
  lie_tell(lie);
  note_all_orders(weave);
  for (unsigned first = 0; right && first < weave->plan->actors; first++) {
    right = weave_from(weave, first);
  }
  lie_tell(LIE_NONE);
  undo_back_to(weave->begin);
  turns_end();
  undo_end();
  actor_enter(&weave->actors[0]);
  EXPECT_OK(shoal_close(heap));
  lie_tell(lie);
  return right;
}

bool weave_all(const struct weave_plan *plan, struct weave_sum *sum) {
  struct weave weave = {.plan = plan, .sum = sum};
  weave.seen = calloc(SEEN, sizeof *weave.seen);
  shoal_heap *heap = stage_open(CAPACITY, 8);
  bool right = false;
  if (heap != NULL && weave.seen != NULL) right = weave_in(&weave, heap);
  free(weave.seen);
  return right;
}
