// SPDX-License-Identifier: MIT
// Goal: a process killed for good ahead of any of its accesses in an open, a close or an unlink
// leaves a name that others can use at once, while another process opens and closes it. Method: as
// E1, with the calls of the mapping layer; whoever opens a name afterwards gets a clean heap. When
// the other begins is drawn, anew in each round: once the victim has made so many accesses.
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shoal/heap.h>
#include <shoal/inspect.h>

#include "tests/crash/hang.h"
#include "tests/crash/tier.h"
#include "tests/harness/harness.h"
#include "tests/random/draw.h"
#include "tests/watch/watch.h"

enum { CAPACITY = 8 << 20 };

// What the victim does; `prepare` is not interrupted.
struct errand {
  const char *name;
  void (*prepare)(const char *name);
  void (*run)(const char *name);
  bool held;  // by the one who looks on, who has it open
};

// What the victim lets others see.
struct board {
  uint64_t points;
  unsigned ended;  // well
};

static struct board *board;
static uint64_t kill_at;
static shoal_heap *heap;  // the victim's
static uint64_t hangs;

static bool can_open(const char *name) {
  const shoal_options options = {.size = sizeof options,
                                 .flags = SHOAL_CREATE,
                                 .capacity = CAPACITY,
                                 .max_processes = 6,
                                 .max_threads = 8};
  return shoal_open(name, &options, &heap) == SHOAL_OK;
}

static bool can_use(const char *name) {
  if (!can_open(name)) return false;
  shoal_off off = shoal_alloc(heap, 100, 0);
  return off != 0 && shoal_free_offset(heap, off) == SHOAL_OK;
}

static void open_it(const char *name) {
  if (!can_open(name)) _exit(3);
}

static void use_it(const char *name) {
  if (!can_use(name)) _exit(5);
}

static void close_it(const char *name) {
  (void)name;
  if (shoal_close(heap) != SHOAL_OK) _exit(6);
}

static void unlink_it(const char *name) {
  if (shoal_unlink(name) != SHOAL_OK) _exit(7);
}

static void leave_it(const char *name) {
  (void)name;
}

// Another was killed, with a slot, a slab and a hand: whoever attaches recovers it.
static void leave_dead(const char *name) {
  pid_t dead = fork();
  if (dead == 0) {
    use_it(name);
    (void)kill(getpid(), SIGKILL);
  }
  int status = 0;
  (void)waitpid(dead, &status, 0);
  if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) _exit(8);
}

static const struct errand errands[] = {
    {"create", leave_it, open_it, false},
    {"attach", leave_it, use_it, true},
    {"attach to the dead", leave_dead, open_it, true},
    {"close", use_it, close_it, false},
    {"detach", use_it, close_it, true},
    {"unlink", use_it, unlink_it, false},
};
enum { ERRANDS = sizeof errands / sizeof errands[0] };

static void reach(void *context, const struct watch_access *access) {
  (void)context;
  (void)access;
  if (__atomic_add_fetch(&board->points, 1, __ATOMIC_RELAXED) != kill_at) return;
  (void)kill(getpid(), SIGKILL);
  while (true) (void)pause();
}

static pid_t start_victim(const struct errand *errand, const char *name) {
  pid_t victim = fork();
  if (victim != 0) return victim;
  errand->prepare(name);
  watch_begin(reach, NULL);
  errand->run(name);
  watch_end();
  __atomic_store_n(&board->ended, 1, __ATOMIC_RELAXED);
  _exit(0);
}

// Begins when the victim has come to so many accesses, which it has at the latest when it is dead.
static pid_t start_other(const char *name, uint64_t begin_at) {
  pid_t other = fork();
  if (other != 0) return other;
  while (__atomic_load_n(&board->points, __ATOMIC_RELAXED) < begin_at &&
         __atomic_load_n(&board->ended, __ATOMIC_RELAXED) == 0) {
    (void)sched_yield();
  }
  use_it(name);
  _exit(shoal_close(heap) == SHOAL_OK ? 0 : 4);
}

// Whether whoever comes now opens a clean heap without a block, in which he can allocate, and
// leaves nothing of it.
static bool is_usable(const char *name) {
  if (!can_use(name)) return false;
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_check(heap, NULL, NULL));
  EXPECT_OK(shoal_stats(heap, &stats));
  bool usable = stats.live_blocks == 0 && stats.processes == 1 && stats.thread_slots_dead == 0;
  EXPECT_OK(shoal_close(heap));
  return usable && shoal_unlink(name) == SHOAL_E_NOT_FOUND;
}

// Of one victim, killed at one access.
struct play {
  const struct errand *errand;
  uint64_t seed;  // of the other's; 0: there is none
  uint64_t at;
  uint64_t other_at;
  char name[TEST_NAME_BYTES];
  bool usable;  // afterwards
};

static void look(void *context) {
  struct play *play = context;
  play->usable = is_usable(play->name);
}

static void tell(const struct play *play, const char *what) {
  FAIL("%s, killed at access %llu, another from %llu on, seed %llu: %s", play->errand->name,
       (unsigned long long)play->at, (unsigned long long)play->other_at,
       (unsigned long long)play->seed, what);
  tier_tell_seed_again("kill_name_test", play->errand->name, play->seed);
}

static void tell_of_hang(const struct play *play, const char *who, const struct hang_watch *watch) {
  char text[HANG_TEXT_BYTES];
  char what[HANG_TEXT_BYTES + 16];
  hangs++;
  (void)snprintf(what, sizeof what, "%s %s", who, hang_text(watch, text));
  tell(play, what);
}

// Waits for the ends of victim and other, in any order. returns: whether the victim was killed.
static bool await_both(const struct play *play, pid_t victim, pid_t other) {
  struct hang_watch watches[2] = {hang_watch(victim, NULL), hang_watch(other, NULL)};
  int status[2] = {0};
  while (watches[0].process != 0 || watches[1].process != 0) {
    unsigned i = hang_await(watches, 2, HANG_MS);
    if (watches[i].hung) tell_of_hang(play, i == 0 ? "the victim" : "the other", &watches[i]);
    EXPECT_EQ(watches[i].process, waitpid(watches[i].process, &status[i], 0));
    watches[i] = (struct hang_watch){.process = 0};
  }
  bool killed = WIFSIGNALED(status[0]) && WTERMSIG(status[0]) == SIGKILL;
  if (!killed && status[0] != 0) tell(play, "the victim has failed");
  if (status[1] != 0) tell(play, "the other has failed");
  return killed;
}

// returns: whether the victim was killed rather than done.
static bool act(struct play *play) {
  (void)test_unique_name(play->name);
  kill_at = play->at;
  *board = (struct board){.points = 0};
  if (play->errand->held) use_it(play->name);
  shoal_heap *held = heap;
  pid_t other = play->seed != 0 ? start_other(play->name, play->other_at) : 0;
  bool killed = await_both(play, start_victim(play->errand, play->name), other);
  if (play->errand->held) EXPECT_OK(shoal_close(held));
  struct hang_watch watch = hang_call(look, play, HANG_MS);
  if (watch.hung) {
    tell_of_hang(play, "who comes afterwards", &watch);
    (void)shoal_unlink(play->name);
  }
  if (!watch.hung && !play->usable) tell(play, "the name is not usable");
  return killed;
}

// Accesses of an errand that nobody ends or meets.
static uint64_t points_of(const struct errand *errand) {
  struct play play = {.errand = errand};
  EXPECT(!act(&play));
  return board->points;
}

static struct play play_of(const struct errand *errand, uint64_t at, uint64_t seed) {
  struct draw draw = {.state = seed << 40 ^ (uint64_t)(errand - errands) << 32 ^ at};
  return (struct play){.errand = errand,
                       .at = at,
                       .seed = seed,
                       .other_at = seed == 0 ? 0 : draw_below(&draw, at + 1)};
}

// With another that comes as drawn from `seed`; with 0 without one.
static void kill_everywhere(uint64_t seed) {
  uint64_t kills = 0;
  for (unsigned i = 0; i < ERRANDS; i++) {
    if (!tier_has(errands[i].name)) continue;
    uint64_t all = points_of(&errands[i]);
    for (uint64_t at = 1; at <= all; at++) {
      struct play play = play_of(&errands[i], at, seed);
      kills += act(&play);
    }
  }
  test_count("kills", kills);
  test_count("hangs", hangs);
  hangs = 0;
}

static void a_name_is_usable_after_any_kill(void) {
  if (tier_has_seed(0)) kill_everywhere(0);
}

static void a_name_stays_usable_for_another_meanwhile(void) {
  static const unsigned rounds[] = {[TIER_COMMIT] = 1, [TIER_NIGHTLY] = 100, [TIER_RELEASE] = 1000};
  for (uint64_t seed = 1; seed <= rounds[tier_of_run()]; seed++) {
    if (tier_has_seed(seed)) kill_everywhere(seed);
  }
}

static void share_board(void) {
  board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

SUITE(kill_name, SET_UP(share_board), TEST(a_name_is_usable_after_any_kill),
      TEST(a_name_stays_usable_for_another_meanwhile))
