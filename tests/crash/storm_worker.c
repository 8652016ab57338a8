// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "tests/crash/storm_worker.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <shoal/exact.h>

#include "tests/random/draw.h"

enum { KILL_US_MIN = 20, SIZE_MAX_BYTES = 200000, HUGE_BYTES = 3 << 20 };

// One process. Private to it.
struct worker {
  struct storm_board *board;
  struct draw draw;
  shoal_heap *heap;
  shoal_off *words;
};

// The kernel kills at the given time, wherever the process is by then.
static void arm(struct worker *worker) {
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
  uint64_t us = KILL_US_MIN + draw_below(&worker->draw, worker->board->kill_us_max);
  struct itimerspec time = {.it_value = {.tv_sec = (time_t)(us / 1000000),
                                         .tv_nsec = (long)(us % 1000000) * 1000}};
  timer_t timer;
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) _exit(3);
  if (timer_settime(timer, 0, &time, NULL) != 0) _exit(3);
}

static bool is_allowed(shoal_status status) {
  return status == SHOAL_OK || status == SHOAL_E_FULL || status == SHOAL_E_BUSY;
}

static size_t draw_bytes(struct worker *worker) {
  if (draw_below(&worker->draw, 200) == 0) return HUGE_BYTES;
  return (size_t)draw_size(&worker->draw, SIZE_MAX_BYTES);
}

static void touch(struct worker *worker, shoal_off off) {
  if (off != 0) *(volatile char *)shoal_ptr(worker->heap, off) = 1;
}

static shoal_status fill(struct worker *worker, shoal_off *word) {
  shoal_off off = 0;
  size_t bytes = draw_bytes(worker);
  uint64_t way = draw_below(&worker->draw, 10);
  if (way < 7) {
    shoal_status status = shoal_alloc_to(worker->heap, word, bytes, way == 0 ? SHOAL_ZERO : 0);
    touch(worker, *word);
    return status;
  }
  shoal_status status = shoal_reserve(worker->heap, bytes, 0, &off);
  if (status != SHOAL_OK) return status;
  touch(worker, off);
  return way == 7 ? shoal_cancel(worker->heap, off) : shoal_publish(worker->heap, word, off);
}

static shoal_status work_once(struct worker *worker) {
  shoal_off *word = &worker->words[draw_below(&worker->draw, SHELF_WORDS)];
  if (draw_below(&worker->draw, 500) == 0) return shoal_trim(worker->heap, SHOAL_TRIM_ALL);
  if (*word == 0) return fill(worker, word);
  if (draw_chance(&worker->draw, 70)) return shoal_free_from(worker->heap, word);
  return shoal_realloc_to(worker->heap, word, draw_bytes(worker));
}

_Noreturn void storm_work(struct storm_board *board, unsigned seat, unsigned shelf, uint64_t seed,
                          bool doomed) {
  struct worker worker = {.board = board, .draw = {.state = seed}};
  if (doomed) arm(&worker);
  if (shoal_open(board->name, NULL, &worker.heap) != SHOAL_OK) _exit(4);
  // The shelf is an heir's: its words are settled once the dead are.
  if (shoal_reap(worker.heap) != SHOAL_OK) _exit(5);
  worker.words = shelves_find(worker.heap)->words[shelf];
  while (__atomic_load_n(&board->stop, __ATOMIC_ACQUIRE) == 0) {
    if (!is_allowed(work_once(&worker))) _exit(6);
    __atomic_fetch_add(&board->calls[seat], 1, __ATOMIC_RELAXED);
  }
  _exit(shoal_close(worker.heap) == SHOAL_OK ? 0 : 7);
}
