// SPDX-License-Identifier: MIT
// The builder's side of the workers: start them, watch them, tell the others when one fails. The
// builder itself takes no file; it only looks every few milliseconds.
#include "examples/word_index/crew.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "examples/word_index/options.h"
#include "examples/word_index/process.h"
#include "examples/word_index/report.h"

enum { LOOK_EVERY_MS = 10, PRINT_EVERY_LOOKS = 20, NUMBER_BYTES = 16 };

/// The workers that run. Private to the builder.
struct crew {
  struct process processes[WORKERS_MAX];
  uint32_t numbers[WORKERS_MAX];  ///< Of the worker at the same place.
  uint32_t running;
  bool works;
};

static void stop_crew(const struct index *index, struct crew *crew) {
  crew->works = false;
  atomic_store_explicit(&index->rec->stop, 1, memory_order_relaxed);
}

static bool start_worker(const struct index *index, uint32_t number, struct process *out) {
  char digits[NUMBER_BYTES];
  (void)snprintf(digits, sizeof digits, "%" PRIu32, number);
  const char *arguments[] = {"word_index", "worker", "--heap", index->name, "--number", digits,
                             NULL};
  int error = process_start_self(arguments, out);
  if (error != 0) report("cannot start worker %" PRIu32 ": %s", number, strerror(error));
  return error == 0;
}

static void start_crew(const struct index *index, uint32_t workers, struct crew *crew) {
  for (uint32_t i = 0; i < workers && crew->works; i++) {
    crew->numbers[i] = i + 1;
    if (start_worker(index, i + 1, &crew->processes[i])) {
      crew->running++;
    } else {
      stop_crew(index, crew);
    }
  }
}

/// Takes those that have ended off the crew.
static void look_after(const struct index *index, struct crew *crew) {
  for (uint32_t i = crew->running; i-- > 0;) {
    int code = 0;
    enum process_state state = process_poll(&crew->processes[i], &code);
    if (state == PROCESS_RUNS) continue;
    if (state == PROCESS_KILLED) {
      report("worker %" PRIu32 " was ended by signal %d", crew->numbers[i], code);
    } else if (code != EXIT_OK && crew->works) {
      report("worker %" PRIu32 " failed", crew->numbers[i]);
    }
    if (state == PROCESS_KILLED || code != EXIT_OK) stop_crew(index, crew);
    crew->running--;
    crew->processes[i] = crew->processes[crew->running];
    crew->numbers[i] = crew->numbers[crew->running];
  }
}

static void print_progress(const struct index *index, FILE *terminal) {
  uint64_t taken = atomic_load_explicit(&index->rec->next_file, memory_order_relaxed);
  uint64_t bytes = atomic_load_explicit(&index->rec->bytes_done, memory_order_relaxed);
  uint64_t words = atomic_load_explicit(&index->rec->map.words, memory_order_relaxed);
  (void)fprintf(terminal, "\r%" PRIu64 " of %" PRIu64 " files, %" PRIu64 " MiB, %" PRIu64
                " different words ", taken, index->rec->file_count, bytes >> 20, words);
  (void)fflush(terminal);
}

bool crew_run(const struct index *index, uint32_t workers) {
  struct crew crew = {.works = true};
  FILE *terminal = process_terminal();
  start_crew(index, workers, &crew);
  for (unsigned looks = 0; crew.running > 0; looks++) {
    look_after(index, &crew);
    if (terminal != NULL && looks % PRINT_EVERY_LOOKS == 0) print_progress(index, terminal);
    if (crew.running > 0) process_sleep_ms(LOOK_EVERY_MS);
  }
  if (terminal != NULL) (void)fprintf(terminal, "\r%79s\r", "");
  return crew.works;
}
