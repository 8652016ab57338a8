// SPDX-License-Identifier: MIT
// The victim is a forked child that attaches for itself; a recoverer is one, too, which attaches
// first and forks its victim. They write how far they came on a board that all see. What the heap
// was before is kept as a copy of its metadata, put back while nobody but the one who looks is
// attached.
#define _GNU_SOURCE
#include "tests/crash/kill.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/departed.h"
#include "tests/crash/hang.h"
#include "tests/harness/harness.h"
#include "tests/watch/lie.h"
#include "tests/watch/watch.h"

enum { CAPACITY = 16 << 20, CALLS_ALL = 1 << 20 };

// Shared with the victim and its recoverer.
struct board {
  uint64_t points;
  uint64_t recovery_points;
  uint64_t looks;  // of a recoverer at his victim
  uint64_t hangs;  // of that one
  unsigned done;   // calls that have returned
  pid_t victim;    // of a recoverer
};

// One act in one opening. Private to the process.
struct killing {
  const struct kill_plan *plan;
  struct kill_sum *sum;
  unsigned calls;  // of the act
  char name[TEST_NAME_BYTES];
  struct stage stage;  // its salt: of the victim of now
  struct board *board;
  struct outcome *outcomes;  // after each number of calls
  char *metadata;            // as it was
  size_t metadata_bytes;
  uint64_t kill_at;
  uint64_t kill_recoverer_at;  // 0: not, or there is none
  uintptr_t slots;             // his thread slots' pages
  size_t slots_bytes;
  uintptr_t read_journal;  // by him; 0: none since his last store
  bool stuck;              // a call of this process hung: the heap is of no more use
};

static void die(void) {
  (void)kill(getpid(), SIGKILL);
  while (true) (void)pause();
}

static void reach(void *context, const struct watch_access *access) {
  struct killing *killing = context;
  (void)access;
  if (++killing->board->points == killing->kill_at) die();
}

// Who has departed is noticed in the act, and not before.
static void set_stage(const struct killing *killing, struct stage *stage) {
  struct shl_region *region = stage->heap->region;
  shl_is_dead *is_dead = region->is_dead;
  region->is_dead = stage_nobody_is_dead;
  stage->bytes = killing->plan->bytes;
  stage->salt = killing->stage.salt;
  act_open(killing->plan->act, killing->plan->opening, stage);
  act_end_other(killing->plan->act, stage);
  region->is_dead = is_dead;
}

// The victim: dies ahead of access `kill_at` of the act, or, with 0, after `calls` of its calls.
// Ends otherwise where a call fails or that access is not reached.
static _Noreturn void be_killed(struct killing *killing, unsigned calls, enum lie lie) {
  shoal_heap *heap = NULL;
  bool was_well = !test_has_failed();
  const struct act *act = killing->plan->act;
  if (shoal_open(killing->name, NULL, &heap) != SHOAL_OK) _exit(3);
  struct actor actor = actor_here(heap);
  struct actor other = act->ends_other ? departed_actor(heap, killing->name) : actor_here(heap);
  struct stage stage = stage_of(heap, &actor, &other);
  set_stage(killing, &stage);
  lie_tell(lie);
  watch_begin(reach, killing);
  for (unsigned i = 0; i < killing->calls && i < calls; i++) {
    if (act->call(&stage, i) != SHOAL_OK && lie == LIE_NONE) _exit(5);
    killing->board->done = i + 1;
  }
  watch_end();
  bool all = calls >= killing->calls;
  if (all && lie == LIE_NONE && !act_is_as_named(act, &stage)) _exit(6);
  if ((was_well && test_has_failed()) || killing->kill_at != 0) _exit(4);
  die();
  _exit(4);
}

static void note_hang(struct killing *killing, const char *who, const struct hang_watch *watch) {
  char text[HANG_TEXT_BYTES];
  killing->sum->hangs++;
  killing->sum->failures++;
  if (killing->plan->quiet) return;
  FAIL("%s, %s, blocks of %zu bytes, at access %llu, of recovery %llu: %s %s",
       killing->plan->act->name, killing->plan->opening->name, killing->plan->bytes,
       (unsigned long long)killing->kill_at, (unsigned long long)killing->kill_recoverer_at, who,
       hang_text(watch, text));
}

// What this process does in the heap itself.
struct task {
  struct killing *killing;
  bool (*run)(struct killing *killing);
  bool done;
};

static void run_task(void *context) {
  struct task *task = context;
  task->done = task->run(task->killing);
}

// returns: whether it did not hang, and what it says.
static bool is_done(struct killing *killing, bool (*run)(struct killing *killing)) {
  struct task task = {.killing = killing, .run = run};
  struct hang_watch watch = hang_call(run_task, &task, HANG_MS);
  if (watch.hung) note_hang(killing, "who looks on", &watch);
  killing->stuck = watch.hung;
  return !watch.hung && task.done;
}

static bool recover(struct killing *killing) {
  return shoal_reap(killing->stage.heap) == SHOAL_OK;
}

// Waits for the end of a process, and leaves it a zombie. returns: whether it ended so: CLD_KILLED,
// by itself, or CLD_EXITED and well.
static bool ends_so(struct killing *killing, struct hang_watch watch, int code) {
  siginfo_t ended = {.si_pid = 0};
  (void)hang_await(&watch, 1, HANG_MS);
  if (watch.hung) note_hang(killing, "the one to be killed", &watch);
  return !watch.hung && waitid(P_PID, (id_t)watch.process, &ended, WEXITED | WNOWAIT) == 0 &&
         ended.si_code == code && ended.si_status == (code == CLD_KILLED ? SIGKILL : 0);
}

static bool start_victim(struct killing *killing, uint64_t kill_at, unsigned calls) {
  enum lie lie = lie_told();
  killing->kill_at = kill_at;
  killing->stage.salt++;
  *killing->board = (struct board){.done = 0};
  lie_tell(LIE_NONE);
  pid_t victim = fork();
  if (victim == 0) be_killed(killing, calls, lie);
  lie_tell(lie);
  if (victim < 0) return false;
  bool killed = ends_so(killing, hang_watch(victim, NULL), CLD_KILLED) && is_done(killing, recover);
  (void)waitpid(victim, NULL, 0);
  return killed;
}

static void put_back(struct killing *killing) {
  if (killing->stuck) return;
  shl_seat_return(killing->stage.heap);
  memcpy(killing->stage.heap->view.base, killing->metadata, killing->metadata_bytes);
  memset(killing->stage.words, 0, STAGE_WORDS * sizeof *killing->stage.words);
}

static bool fail(struct killing *killing, const char *what, const struct outcome *is) {
  const struct outcome *before = &killing->outcomes[killing->board->done];
  killing->sum->failures++;
  if (is->bytes > before->bytes) killing->sum->lost_bytes += is->bytes - before->bytes;
  if (is->bytes < before->bytes) killing->sum->doubled_bytes += before->bytes - is->bytes;
  if (killing->plan->quiet) return false;
  FAIL(
      "%s, %s, blocks of %zu bytes, killed at access %llu, in recovery at %llu, after %u calls: "
      "%s; %llu bytes in %u blocks, before the call %llu in %u",
      killing->plan->act->name, killing->plan->opening->name, killing->plan->bytes,
      (unsigned long long)killing->kill_at, (unsigned long long)killing->kill_recoverer_at,
      killing->board->done, what, (unsigned long long)is->bytes, is->count,
      (unsigned long long)before->bytes, before->count);
  return false;
}

// The dead one is recovered: it must say what it would after a death before the call or after it.
static bool is_right(struct killing *killing) {
  const char *finding = "neither done nor undone";
  struct outcome is;
  const struct act *act = killing->plan->act;
  const struct outcome *before = &killing->outcomes[killing->board->done];
  const struct outcome *after = before + (killing->board->done < killing->calls);
  bool clean = stage_is_clean(killing->stage.heap, &finding);
  bool adds_up = outcome_read(&killing->stage, &is);
  bool whole = outcome_may_be(&is, before, after, act->moves);
  if (!clean || !adds_up || !whole) return fail(killing, finding, &is);
  return outcome_free_all(&killing->stage, &is) || fail(killing, "not all could be freed", &is);
}

// KILL_FORGETS_JOURNAL: J that he has read is cleared ahead of his next store.
static void forget_journal(struct killing *killing, const struct watch_access *access) {
  if (access->kind != WATCH_LOAD) {
    if (killing->read_journal != 0) *(volatile uint64_t *)killing->read_journal = 0;
    killing->read_journal = 0;
    return;
  }
  uintptr_t place = access->address - killing->slots;
  if (place >= killing->slots_bytes) return;
  bool is_journal = place % sizeof(struct shl_slot_rec) == offsetof(struct shl_slot_rec, journal);
  if (is_journal) killing->read_journal = access->address;
}

static void reach_in_recovery(void *context, const struct watch_access *access) {
  struct killing *killing = context;
  if (++killing->board->recovery_points == killing->kill_recoverer_at) die();
  if (killing->plan->bug == KILL_FORGETS_JOURNAL) forget_journal(killing, access);
}

// What a recoverer counts is his own: that his victim hung stands on the board.
static bool can_outlive(struct killing *killing, pid_t victim) {
  struct hang_watch watch = hang_watch(victim, NULL);
  uint64_t hangs = killing->sum->hangs;
  watch.looks = &killing->board->looks;
  bool killed = ends_so(killing, watch, CLD_KILLED);
  killing->board->hangs = killing->sum->hangs - hangs;
  return killed;
}

// A recoverer: dies ahead of access `kill_recoverer_at` of his recovery of a victim that died at
// `kill_at`.
static _Noreturn void be_killed_recovering(struct killing *killing, enum lie lie) {
  shoal_heap *heap = NULL;
  if (shoal_open(killing->name, NULL, &heap) != SHOAL_OK) _exit(3);
  pid_t victim = fork();
  if (victim == 0) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    be_killed(killing, CALLS_ALL, lie);
  }
  killing->board->victim = victim;
  if (victim < 0 || !can_outlive(killing, victim)) _exit(4);
  killing->slots = (uintptr_t)shl_slot_page(heap, 1);
  killing->slots_bytes = heap->slot_count * sizeof(struct shl_slot_rec);
  if (killing->plan->bug == KILL_SKIPS_HAND) lie_tell(LIE_HAND_SKIPPED);
  watch_begin(reach_in_recovery, killing);
  shoal_status status = shoal_reap(heap);
  watch_end();
  _exit(status == SHOAL_OK ? 0 : 5);
}

static bool start_recoverer(struct killing *killing, uint64_t kill_at, uint64_t recoverer_at) {
  enum lie lie = lie_told();
  killing->kill_at = kill_at;
  killing->kill_recoverer_at = recoverer_at;
  killing->stage.salt++;
  *killing->board = (struct board){.done = 0};
  lie_tell(LIE_NONE);
  pid_t recoverer = fork();
  if (recoverer == 0) be_killed_recovering(killing, lie);
  lie_tell(lie);
  if (recoverer < 0) return false;
  struct hang_watch watch = hang_watch(recoverer, &killing->board->looks);
  bool ended = ends_so(killing, watch, recoverer_at == 0 ? CLD_EXITED : CLD_KILLED) &&
               is_done(killing, recover);
  killing->sum->hangs += killing->board->hangs;
  killing->sum->failures += killing->board->hangs;
  (void)waitpid(recoverer, NULL, 0);
  if (killing->board->victim > 0) (void)waitpid(killing->board->victim, NULL, 0);
  return ended;
}

static bool note_outcomes(struct killing *killing) {
  bool noted = true;
  for (unsigned i = 0; noted && i <= killing->calls; i++) {
    noted = start_victim(killing, 0, i) && outcome_read(&killing->stage, &killing->outcomes[i]);
    put_back(killing);
  }
  return noted;
}

// A process that was to be killed did not come to it, or failed.
static bool miss(const struct killing *killing) {
  if (killing->plan->quiet) return false;
  FAIL("%s, %s, blocks of %zu bytes: no kill at access %llu, in recovery at %llu",
       killing->plan->act->name, killing->plan->opening->name, killing->plan->bytes,
       (unsigned long long)killing->kill_at, (unsigned long long)killing->kill_recoverer_at);
  return false;
}

static bool kill_at_each_access(struct killing *killing) {
  uint64_t points = killing->board->points;
  killing->sum->points += points;
  for (uint64_t at = 1; at <= points; at++) {
    bool killed = start_victim(killing, at, CALLS_ALL);
    killing->sum->kills += killed;
    if (!killed) return miss(killing);
    if (!is_done(killing, is_right)) return false;
    put_back(killing);
  }
  return true;
}

// Of a victim that died at access `at`: first lets a recoverer end, then kills others.
static bool kill_recoverers_of(struct killing *killing, uint64_t at) {
  uint64_t points = 0;
  for (uint64_t i = 0; i <= points; i += killing->plan->step) {
    bool ended = start_recoverer(killing, at, i);
    if (i == 0) points = killing->board->recovery_points;
    killing->sum->kills_in_recovery += ended && i > 0;
    if (!ended) return miss(killing);
    if (!is_done(killing, is_right)) return false;
    put_back(killing);
  }
  return true;
}

static bool kill_each_recoverer(struct killing *killing) {
  uint64_t points = killing->board->points;
  uint64_t count = killing->plan->recoveries < points ? killing->plan->recoveries : points;
  for (uint64_t i = 0; i < count; i++) {
    if (!kill_recoverers_of(killing, 1 + (2 * i + 1) * points / (2 * count))) return false;
  }
  return true;
}

static shoal_heap *open_heap(struct killing *killing) {
  shoal_heap *heap = NULL;
  shoal_options options = {.size = sizeof options,
                           .flags = SHOAL_CREATE | SHOAL_EXCLUSIVE,
                           .capacity = CAPACITY,
                           .max_processes = 4,
                           .max_threads = 8,
                           .max_roots = 8,
                           .max_pins = 4};
  EXPECT_OK(shoal_open(test_unique_name(killing->name), &options, &heap));
  return heap;
}

static bool kill_in(struct killing *killing, shoal_heap *heap,
                    bool (*kill_all)(struct killing *killing)) {
  struct actor actor = actor_here(heap);
  stage_set(heap);
  shl_seat_return(heap);
  killing->stage = stage_of(heap, &actor, &actor);
  killing->metadata_bytes = heap->region->header.metadata_bytes;
  killing->metadata = malloc(killing->metadata_bytes);
  if (killing->metadata == NULL) return false;
  memcpy(killing->metadata, heap->view.base, killing->metadata_bytes);
  bool noted = note_outcomes(killing);
  if (!noted) FAIL("%s, %s: no outcome", killing->plan->act->name, killing->plan->opening->name);
  bool right = noted && kill_all(killing);
  put_back(killing);
  free(killing->metadata);
  return right;
}

static bool play(struct killing *killing, bool (*kill_all)(struct killing *killing)) {
  bool right = false;
  killing->board =
      mmap(NULL, sizeof *killing->board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  killing->outcomes = calloc(killing->calls + 1, sizeof *killing->outcomes);
  shoal_heap *heap = open_heap(killing);
  if (heap != NULL && killing->board != MAP_FAILED && killing->outcomes != NULL) {
    right = kill_in(killing, heap, kill_all);
  }
  free(killing->outcomes);
  (void)munmap(killing->board, sizeof *killing->board);
  if (heap != NULL) EXPECT_OK(killing->stuck ? shoal_unlink(killing->name) : shoal_close(heap));
  return right;
}

bool kill_everywhere(const struct kill_plan *plan, struct kill_sum *sum) {
  struct killing killing = {.plan = plan, .sum = sum, .calls = act_calls(plan->act, plan->bytes)};
  return play(&killing, kill_at_each_access);
}

bool kill_recoverers(const struct kill_plan *plan, struct kill_sum *sum) {
  struct killing killing = {.plan = plan, .sum = sum, .calls = act_calls(plan->act, plan->bytes)};
  (void)prctl(PR_SET_CHILD_SUBREAPER, 1);  // a dead recoverer's victim is ours to wait for
  bool right = play(&killing, kill_each_recoverer);
  (void)prctl(PR_SET_CHILD_SUBREAPER, 0);
  return right;
}
