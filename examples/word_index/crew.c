// SPDX-License-Identifier: MIT
// The builder's side of the workers: start them, watch them, replace those that die, tell the
// others when one fails. The builder itself takes no file; it only looks every few milliseconds.
//
// A worker has a desk in the heap, by its number (desk.h). Its successor is started only when the
// system has said that it has ended, so nobody else can be at that desk, and no clock decides.
//
// Asked to kill, the builder gives each worker a time to live when it starts it, and ends it then,
// wherever it is. A worker that could do nothing in its time is given twice as much at the next
// attempt, so that the work ends however short the times are.
#include "examples/word_index/crew.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "examples/word_index/desk.h"
#include "examples/word_index/options.h"
#include "examples/word_index/process.h"
#include "examples/word_index/report.h"

enum { LOOK_EVERY_US = 10000, PRINT_EVERY_US = 200000, NUMBER_BYTES = 16 };

/// Workers of one number in a row that ended before they had done anything: that many say that the
/// next will not either.
enum { FRUITLESS_MAX = 20, DOUBLINGS_MAX = 10 };

/// A desk and who sits there. Private to the builder.
struct place {
  struct process process;
  bool runs;
  bool doomed;         ///< Killed by the builder.
  uint64_t kill_us;    ///< When it will be; 0: not at all.
  uint64_t steps;      ///< The desk's, when the worker was started.
  unsigned fruitless;  ///< Workers in a row without a step.
};

/// All of them. Private to the builder.
struct crew {
  const struct index *index;
  struct crew_run *run;
  struct place places[WORKERS_MAX];
  uint64_t seed;  ///< Of what is drawn next.
  uint32_t running;
  bool works;
};

static void stop_crew(struct crew *crew) {
  crew->works = false;
  atomic_store_explicit(&crew->index->rec->stop, 1, memory_order_relaxed);
}

static uint64_t steps_of(const struct crew *crew, uint32_t place) {
  const struct desk_rec *desk = desk_at(crew->index, place + 1);
  return atomic_load_explicit(&desk->steps, memory_order_relaxed);
}

/// Between 0 and 1: the high bits of Knuth's linear congruential generator for MMIX.
static double draw(struct crew *crew) {
  crew->seed = crew->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (double)(crew->seed >> 11) / (double)(UINT64_C(1) << 53);
}

/// Between nothing and twice the average.
static uint64_t draw_life_us(struct crew *crew, unsigned fruitless) {
  unsigned doublings = fruitless < DOUBLINGS_MAX ? fruitless : DOUBLINGS_MAX;
  uint64_t most_us = (crew->run->kill_after_ms * 2000) << doublings;
  return (uint64_t)(draw(crew) * (double)most_us);
}

static void start_worker(struct crew *crew, uint32_t place) {
  struct place *at = &crew->places[place];
  char digits[NUMBER_BYTES];
  (void)snprintf(digits, sizeof digits, "%" PRIu32, place + 1);
  const char *arguments[] = {"word_index", "worker", "--heap", crew->index->name, "--number",
                             digits, NULL};
  at->steps = steps_of(crew, place);
  at->doomed = false;
  int error = process_start_self(arguments, &at->process);
  if (error != 0) {
    report("cannot start worker %" PRIu32 ": %s", place + 1, strerror(error));
    stop_crew(crew);
    return;
  }
  bool kills = crew->run->kill_after_ms != 0;
  at->kill_us = kills ? process_now_us() + draw_life_us(crew, at->fruitless) + 1 : 0;
  at->runs = true;
  crew->running++;
}

/// A worker has ended before all was done: another takes its place, unless that seems in vain.
static void replace_worker(struct crew *crew, uint32_t place, int signal_number) {
  struct place *at = &crew->places[place];
  crew->run->killed++;
  at->fruitless = steps_of(crew, place) == at->steps ? at->fruitless + 1 : 0;
  if (!at->doomed) {
    report("worker %" PRIu32 " was ended by signal %d", place + 1, signal_number);
    if (at->fruitless >= FRUITLESS_MAX) {
      report("%d workers in a row were ended before they had done anything", FRUITLESS_MAX);
      stop_crew(crew);
    }
  }
  if (crew->works) start_worker(crew, place);
}

static void look_after_worker(struct crew *crew, uint32_t place) {
  struct place *at = &crew->places[place];
  int code = 0;
  enum process_state state = process_poll(&at->process, &code);
  if (state == PROCESS_RUNS) return;
  at->runs = false;
  crew->running--;
  if (state == PROCESS_KILLED) {
    replace_worker(crew, place, code);
  } else if (code != EXIT_OK) {
    if (crew->works) report("worker %" PRIu32 " failed", place + 1);
    stop_crew(crew);
  }
}

/// Kills those whose time has come.
/// returns: when to look again.
static uint64_t kill_doomed(struct crew *crew) {
  uint64_t now_us = process_now_us();
  uint64_t next_us = now_us + LOOK_EVERY_US;
  for (uint32_t i = 0; i < crew->run->workers; i++) {
    struct place *at = &crew->places[i];
    if (!at->runs || at->kill_us == 0) continue;
    if (at->kill_us <= now_us && !at->doomed) {
      at->doomed = true;
      process_kill(&at->process);
    }
    // One that was killed just now is gone soon.
    uint64_t look_us = at->doomed ? now_us + LOOK_EVERY_US / 50 : at->kill_us;
    if (look_us < next_us) next_us = look_us;
  }
  return next_us;
}

static void print_progress(const struct index *index, FILE *terminal) {
  uint64_t taken = atomic_load_explicit(&index->rec->next_file, memory_order_relaxed);
  uint64_t bytes = atomic_load_explicit(&index->rec->bytes_done, memory_order_relaxed);
  uint64_t words = atomic_load_explicit(&index->rec->map.words, memory_order_relaxed);
  (void)fprintf(terminal, "\r%" PRIu64 " of %" PRIu64 " files, %" PRIu64 " MiB, %" PRIu64
                " different words ", taken, index->rec->file_count, bytes >> 20, words);
  (void)fflush(terminal);
}

static void look_after(struct crew *crew) {
  FILE *terminal = process_terminal();
  uint64_t print_us = 0;
  while (crew->running > 0) {
    uint64_t next_us = kill_doomed(crew);
    for (uint32_t i = 0; i < crew->run->workers; i++) {
      if (crew->places[i].runs) look_after_worker(crew, i);
    }
    uint64_t now_us = process_now_us();
    if (terminal != NULL && now_us >= print_us) {
      print_progress(crew->index, terminal);
      print_us = now_us + PRINT_EVERY_US;
    }
    if (crew->running > 0 && now_us < next_us) process_sleep_us(next_us - now_us);
  }
  if (terminal != NULL) (void)fprintf(terminal, "\r%79s\r", "");
}

bool crew_run(const struct index *index, struct crew_run *run) {
  struct crew crew = {.index = index, .run = run, .seed = process_now_us(), .works = true};
  for (uint32_t i = 0; i < run->workers && crew.works; i++) start_worker(&crew, i);
  look_after(&crew);
  return crew.works;
}
