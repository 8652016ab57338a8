// SPDX-License-Identifier: MIT
// Coroutines by ucontext.h. The scheduler is the thread's own context: a coroutine that loses its
// turn, sleeps, or is done goes back to it, and it picks the next.
#define _GNU_SOURCE
#include "tests/crash/turns.h"

#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "tests/harness/harness.h"
#include "tests/watch/lie.h"
#include "tests/watch/still.h"
#include "tests/watch/undo.h"
#include "tests/watch/watch.h"

enum { STACK_BYTES = 256 << 10, SLEEPS_MAX = 20000, ACCESSES_MAX = 1 << 20 };

// The play under way. Private to the process.
static struct {
  struct turns *turns;
  ucontext_t scheduler;
  ucontext_t coroutine[WEAVE_ACTORS];
  bool done[WEAVE_ACTORS];
  unsigned who;       // has the turn
  unsigned next;      // who shall have it
  uint64_t accesses;  // since he has it
  uint64_t all;
  unsigned sleeps;
} play;

static char *stacks;

bool turns_begin(void) {
  stacks = mmap(NULL, WEAVE_ACTORS * STACK_BYTES, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stacks == MAP_FAILED) return false;
  return undo_add_stack(stacks, WEAVE_ACTORS * STACK_BYTES);
}

void turns_end(void) {
  (void)munmap(stacks, WEAVE_ACTORS * STACK_BYTES);
}

static unsigned other_of(unsigned who, unsigned step) {
  unsigned actors = play.turns->actors;
  for (unsigned i = 0; i < actors; i++) {
    unsigned other = (who + step + i) % actors;
    if (!play.done[other] && (other != who || i == actors - 1)) return other;
  }
  return who;
}

static void give_turn(unsigned next) {
  unsigned who = play.who;
  play.next = next;
  (void)swapcontext(&play.coroutine[who], &play.scheduler);
}

static void give_up(void) {
  play.turns->hung = true;
  give_turn(play.who);
}

// Ahead of each access: is the turn over?
static void reach(void *context, const struct watch_access *access) {
  struct turns *turns = context;
  if (access->address - (uintptr_t)turns->heap->view.base >= turns->bytes) return;
  if (++play.all == ACCESSES_MAX) give_up();
  play.accesses++;
  if (turns->calls != NULL || turns->changed == turns->changes) return;
  const struct turn *turn = &turns->turn[turns->changed];
  if (play.accesses != turn->access) return;
  unsigned next = other_of(play.who, turn->next);
  if (next == play.who) return;
  turns->changed++;
  give_turn(next);
}

// Who sleeps waits for another: whose turn it is then is no change of the schedule's.
static void sleep_on(void) {
  if (!watch_is_on()) return;
  if (++play.sleeps == SLEEPS_MAX) give_up();
  unsigned next = other_of(play.who, 1);
  if (next != play.who) give_turn(next);
}

static void act_out(void) {
  unsigned who = play.who;
  struct turns *turns = play.turns;
  struct stage stage = turns->stage[who];
  unsigned calls = act_calls(turns->act[who], stage.bytes);
  for (unsigned i = 0; i < calls; i++) {
    turns->status[who][i] = turns->act[who]->call(&stage, i);
    if (turns->calls != NULL) give_turn(who);
  }
  play.done[who] = true;
  give_turn(other_of(who, 1));
}

static void make(unsigned who) {
  ucontext_t *context = &play.coroutine[who];
  (void)getcontext(context);
  context->uc_stack.ss_sp = stacks + who * STACK_BYTES;
  context->uc_stack.ss_size = STACK_BYTES;
  context->uc_link = NULL;
  makecontext(context, act_out, 0);
  play.done[who] = false;
}

// Whose turn it is next. returns: whether it is anybody's.
static bool pick(const struct turns *turns, unsigned step) {
  if (turns->hung) return false;
  if (turns->calls != NULL) {
    if (turns->calls[step] >= turns->actors) return false;
    play.next = turns->calls[step];
  }
  return !play.done[play.next];
}

void turns_play(struct turns *turns) {
  memset(&play, 0, sizeof play);
  memset(turns->status, 0, sizeof turns->status);
  play.turns = turns;
  play.next = turns->first;
  turns->changed = 0;
  turns->longest = 0;
  turns->hung = false;
  lie_forget();
  for (unsigned i = 0; i < turns->actors; i++) make(i);
  still_begin(sleep_on);
  for (unsigned step = 0; pick(turns, step); step++) {
    play.who = play.next;
    play.accesses = 0;
    actor_enter(turns->actor[play.who]);
    watch_begin(reach, turns);
    (void)swapcontext(&play.scheduler, &play.coroutine[play.who]);
    watch_end();
    actor_leave(turns->actor[play.who]);
    if (play.accesses > turns->longest) turns->longest = play.accesses;
  }
  still_end();
}
