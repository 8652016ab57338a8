// SPDX-License-Identifier: MIT
// Everything happens in one heap of this process alone, played by actors, and is put back from the
// logs of undo.h. Regions are told apart by a sum over what differs from the one before the act.
//
// The dead are processes 3 and, while it recovers, 2: once dead that is called 3 as well.
#include "tests/crash/die.h"

#include <setjmp.h>
#include <stdlib.h>

#include "tests/harness/harness.h"
#include "tests/watch/lie.h"
#include "tests/watch/still.h"
#include "tests/watch/undo.h"
#include "tests/watch/watch.h"

enum { SEEN = 1 << 18, CAPACITY = 16 << 20, POINTS_MAX = 1 << 18, TAKEN = 3 };

// How an actor's work ended.
enum end { END_LIVES, END_DIES, END_HANGS };

// One act in one opening. Private to the process.
struct death {
  const struct die_plan *plan;
  struct die_sum *sum;
  unsigned calls;          // of the act
  struct stage stage;      // as prepared
  struct actor actor;      // who plays, and dies
  struct actor other;      // a thread of the same process
  struct actor next;       // who recovers, and dies
  struct actor last;       // who recovers, and lives
  struct actor busy;       // who lives all the while
  shoal_off taken[TAKEN];  // what he has allocated
  unsigned taken_count;
  struct undo_mark begin;
  struct outcome *outcomes;  // after each number of calls
  uint64_t *seen;            // sums of regions recovered from
  uint64_t *ended;           // sums of regions after recovery
  uint64_t seen_count;
  uint64_t point;    // accesses so far
  uint64_t die_at;   // 0: not
  unsigned done;     // calls that had returned at the death
  uint64_t died_at;  // of the act
  enum end end;
  jmp_buf out;
};

static void leave(struct death *death, enum end end) {
  death->end = end;
  longjmp(death->out, 1);
}

static void reach(void *context, const struct watch_access *access) {
  struct death *death = context;
  if (access->address - (uintptr_t)death->stage.heap->view.base >= CAPACITY) return;
  if (++death->point == death->die_at) leave(death, END_DIES);
  if (death->point == POINTS_MAX) leave(death, END_HANGS);
}

// Does something, watched, as somebody, who dies ahead of access `die_at`; who lives has the seat
// that he came to afterwards.
static enum end let_do(struct death *death, struct actor *actor, void (*work)(struct death *death),
                       uint64_t die_at) {
  struct undo_mark mark = undo_mark();
  death->point = 0;
  death->die_at = die_at;
  death->end = END_LIVES;
  lie_forget();
  actor_enter(actor);
  if (setjmp(death->out) == 0) {
    watch_begin(reach, death);
    work(death);
  }
  watch_end();
  if (death->end != END_LIVES) undo_own_back_to(mark);
  struct actor was = *actor;
  actor_leave(actor);
  if (death->end != END_LIVES) *actor = was;
  return death->end;
}

static void play(struct death *death) {
  struct stage stage = death->stage;
  for (unsigned i = 0; i < death->calls; i++) {
    death->done = i;
    (void)death->plan->act->call(&stage, i);
  }
  death->done = death->calls;
}

static void reap(struct death *death) {
  (void)shoal_reap(death->stage.heap);
}

// returns: whether `sum` was met before in this table; from now on it was.
static bool is_met(uint64_t *table, uint64_t sum) {
  if (sum == 0) sum = 1;
  for (uint64_t i = sum % SEEN;; i = (i + 1) % SEEN) {
    if (table[i] == sum) return true;
    if (table[i] != 0) continue;
    table[i] = sum;
    return false;
  }
}

static bool is_in(uintptr_t word, const void *rows, size_t count, size_t stride) {
  uintptr_t place = word - (uintptr_t)rows;
  return place < count * stride && place % stride == 0;
}

// Generations and counts differ with each recovery and mean nothing to the next: of an owner word,
// and of a root's version, everything but that.
static uint64_t view(void *context, size_t offset, uint64_t value) {
  const shoal_heap *heap = context;
  uintptr_t word = (uintptr_t)heap->view.base + offset;
  if (word == (uintptr_t)&heap->words->deaths) return 0;
  if (is_in(word, shl_owner_row(heap, 1), heap->slot_count, sizeof(struct shl_owner_rec))) {
    return value & ((UINT64_C(1) << 40) - 1);
  }
  if (is_in(word, heap->roots, heap->root_count, sizeof(struct shl_root_rec))) {
    return value & ((UINT64_C(1) << 17) - 1);
  }
  return value;
}

// A sum that tells the region from others, made of the one that it had at the mark: what is added
// since is small, what the act has stored before may be much.
static uint64_t sum_since(const struct death *death, struct undo_mark mark, uint64_t sum) {
  return sum + undo_sum(mark, view, death->stage.heap);
}

static bool fail(struct death *death, const char *what, const struct outcome *is) {
  const struct outcome *before = &death->outcomes[death->done];
  death->sum->failures++;
  if (is != NULL && is->bytes > before->bytes) {
    death->sum->lost_bytes += is->bytes - before->bytes;
  }
  if (is != NULL && is->bytes < before->bytes) {
    death->sum->doubled_bytes += before->bytes - is->bytes;
  }
  if (death->plan->quiet) return false;
  FAIL(
      "%s, %s, blocks of %zu bytes, death at access %llu, after %u calls: %s; %llu bytes in %u "
      "blocks, before the call %llu in %u",
      death->plan->act->name, death->plan->opening->name, death->plan->bytes,
      (unsigned long long)death->died_at, death->done, what,
      (unsigned long long)(is != NULL ? is->bytes : 0), is != NULL ? is->count : 0,
      (unsigned long long)before->bytes, before->count);
  return false;
}

// Takes what the living one has allocated out of what there is. returns: whether it was there.
static bool can_leave_out(const struct death *death, struct outcome *is) {
  unsigned found = 0;
  unsigned kept = 0;
  for (unsigned i = 0; i < is->count; i++) {
    bool is_taken = false;
    for (unsigned t = 0; t < death->taken_count; t++) {
      is_taken = is_taken || is->blocks[i].off == death->taken[t];
    }
    found += is_taken;
    if (is_taken) is->bytes -= is->blocks[i].bytes;
    if (is_taken) continue;
    is->contents[kept] = is->contents[i];
    is->blocks[kept++] = is->blocks[i];
  }
  is->count = kept;
  return found == death->taken_count;
}

// The region is recovered: it must say what it would after a death before the call or after it.
static bool is_right(struct death *death) {
  const char *finding = "neither done nor undone";
  struct outcome is;
  bool clean = stage_is_clean(death->stage.heap, &finding);
  bool adds_up = outcome_read(&death->stage, &is);
  if (!can_leave_out(death, &is)) return fail(death, "a living process's block is free", &is);
  const struct act *act = death->plan->act;
  const struct outcome *before = &death->outcomes[death->done];
  const struct outcome *after = before + (death->done < death->calls);
  bool whole = outcome_may_be(&is, before, after, act->moves);
  return (clean && adds_up && whole) || fail(death, finding, &is);
}

// `sum`: the region's, as it is.
static bool is_ending_right(struct death *death, enum end end, uint64_t sum) {
  death->sum->hangs += end == END_HANGS;
  if (end == END_HANGS) return fail(death, "a recovery has no end", NULL);
  if (is_met(death->ended, sum)) return true;
  death->sum->endings++;
  return is_right(death);
}

// The dead are all alike: what the recoverer held is the first one's again.
static void bury(shoal_heap *heap) {
  uint32_t high = shl_slot_high_water(heap);
  for (uint32_t id = 1; id <= high; id++) {
    struct shl_owner_word word = shl_owner_read(heap, id);
    if (word.state != SHL_OWNER_OWNED || word.process != STAGE_NEIGHBOUR) continue;
    word.process = STAGE_DOOMED;
    undo_store((uint64_t *)(uintptr_t)&shl_owner_row(heap, id)->word, shl_owner_encode(word));
  }
}

// The largest runs, so that a chunk that has come free is cut, without need to look for the dead.
static void take_runs(struct death *death) {
  for (unsigned i = 0; i < TAKEN; i++) {
    shoal_off off = shoal_alloc(death->stage.heap, 1 << 20, 0);
    if (off != 0) death->taken[death->taken_count++] = off;
  }
}

static bool is_recoverable(struct death *death, uint64_t sum);

// The same after a living process has taken what it could get. As it was afterwards.
static bool is_recoverable_later(struct death *death, uint64_t sum) {
  if (!death->plan->busy || death->taken_count != 0) return true;
  struct undo_mark mark = undo_mark();
  struct actor actor = death->busy;
  bool hangs = let_do(death, &actor, take_runs, 0) == END_HANGS;
  sum = sum_since(death, mark, sum);
  bool right = hangs ? fail(death, "the living wait", NULL) : is_recoverable(death, sum);
  undo_back_to(mark);
  death->taken_count = 0;
  return right;
}

// From the region as it is on, of that sum: recovered, and all deaths in that recovery. As it was
// afterwards.
static bool is_recoverable(struct death *death, uint64_t sum) {
  if (is_met(death->seen, sum)) return true;
  if (++death->seen_count > SEEN / 2) return fail(death, "deaths without end", NULL);
  death->sum->images++;
  struct undo_mark mark = undo_mark();
  enum end end = let_do(death, &death->last, reap, 0);
  bool right = is_ending_right(death, end, sum_since(death, mark, sum));
  undo_back_to(mark);
  right = right && is_recoverable_later(death, sum);
  end = END_DIES;
  for (uint64_t at = 1; right && end == END_DIES; at++) {
    end = let_do(death, &death->next, reap, at);
    if (end == END_DIES) {
      death->sum->deaths_in_recovery++;
      bury(death->stage.heap);
      right = is_recoverable(death, sum_since(death, mark, sum));
    } else {
      right = is_ending_right(death, end, sum_since(death, mark, sum));
    }
    undo_back_to(mark);
  }
  return right;
}

static void call_next(struct death *death) {
  EXPECT_OK(death->plan->act->call(&death->stage, death->done));
}

// What a death between two calls leaves.
static void note_outcomes(struct death *death) {
  struct stage stage = death->stage;
  struct actor actor = death->actor;
  for (unsigned i = 0; i <= death->calls; i++) {
    struct undo_mark mark = undo_mark();
    EXPECT_EQ(END_LIVES, let_do(death, &death->last, reap, 0));
    EXPECT(outcome_read(&death->stage, &death->outcomes[i]));
    undo_back_to(mark);
    death->done = i;
    if (i == death->calls) break;
    EXPECT_EQ(END_LIVES, let_do(death, &death->actor, call_next, 0));
  }
  EXPECT(act_is_as_named(death->plan->act, &death->stage));
  undo_back_to(death->begin);
  death->stage = stage;
  death->actor = actor;
}

static bool die_in_each_call(struct death *death) {
  bool right = true;
  enum end end = END_DIES;
  for (uint64_t at = 1; right && end == END_DIES; at++) {
    struct actor actor = death->actor;
    end = let_do(death, &actor, play, at);
    death->died_at = at;
    death->sum->points += end == END_DIES;
    death->sum->hangs += end == END_HANGS;
    // The same region means another thing after another number of calls.
    uint64_t sum = sum_since(death, death->begin, death->done);
    right = end == END_HANGS ? fail(death, "a call has no end", NULL) : is_recoverable(death, sum);
    undo_back_to(death->begin);
  }
  EXPECT_LT(1, death->died_at);  // an act of no access shows nothing
  return right;
}

static void set_stage(struct death *death, shoal_heap *heap) {
  stage_set(heap);
  shl_seat_return(heap);
  death->last = actor_here(heap);
  death->busy = actor_here(heap);
  death->next = actor_of(heap, STAGE_NEIGHBOUR);
  death->actor = actor_of(heap, STAGE_DOOMED);
  death->other = actor_of(heap, STAGE_DOOMED);
  if (death->plan->act->ends_other) death->other.generation++;  // dead before
  actor_enter(&death->actor);
  death->stage = stage_of(heap, &death->actor, &death->other);
  death->stage.bytes = death->plan->bytes;
  act_open(death->plan->act, death->plan->opening, &death->stage);
  act_end_other(death->plan->act, &death->stage);
  heap->region->is_dead = stage_is_dead;
  actor_leave(&death->actor);
}

// A seeded bug is there from when everything is prepared: in what is expected, too, as a bug is.
static bool die_in(struct death *death, shoal_heap *heap) {
  enum lie lie = lie_told();
  lie_tell(LIE_NONE);
  still_begin(NULL);
  set_stage(death, heap);
  undo_begin(heap->view.base, CAPACITY);
  lie_tell(lie);
  note_outcomes(death);
  bool right = die_in_each_call(death);
  lie_tell(LIE_NONE);
  undo_end();
  still_end();
  actor_enter(&death->last);
  EXPECT_OK(shoal_close(heap));
  lie_tell(lie);
  return right;
}

bool die_everywhere(const struct die_plan *plan, struct die_sum *sum) {
  struct death death = {.plan = plan, .sum = sum, .calls = act_calls(plan->act, plan->bytes)};
  bool right = false;
  death.outcomes = calloc(death.calls + 1, sizeof *death.outcomes);
  death.seen = calloc(SEEN, sizeof *death.seen);
  death.ended = calloc(SEEN, sizeof *death.ended);
  shoal_heap *heap = stage_open(CAPACITY, 4);
  if (heap != NULL && death.outcomes != NULL && death.seen != NULL && death.ended != NULL) {
    right = die_in(&death, heap);
  } else {
    FAIL("no heap to die in");
  }
  free(death.outcomes);
  free(death.seen);
  free(death.ended);
  return right;
}
