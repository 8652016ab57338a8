// SPDX-License-Identifier: MIT
#include "tests/random/crew.h"

#include <string.h>

#include "tests/harness/harness.h"

static void *work(void *argument) {
  struct crew_worker *worker = argument;
  struct crew *crew = worker->crew;
  pthread_mutex_lock(&crew->mutex);
  while (true) {
    while (worker->task == NULL && !worker->ends) pthread_cond_wait(&crew->changed, &crew->mutex);
    if (worker->ends) break;
    pthread_mutex_unlock(&crew->mutex);
    worker->task(worker->argument);
    pthread_mutex_lock(&crew->mutex);
    worker->task = NULL;
    pthread_cond_broadcast(&crew->changed);
  }
  pthread_mutex_unlock(&crew->mutex);
  return NULL;
}

static bool start_worker(struct crew *crew, unsigned number) {
  struct crew_worker *worker = &crew->workers[number];
  *worker = (struct crew_worker){.crew = crew};
  if (pthread_create(&worker->thread, NULL, work, worker) == 0) return true;
  FAIL("worker %u does not start", number);
  return false;
}

static void end_worker(struct crew *crew, unsigned number) {
  struct crew_worker *worker = &crew->workers[number];
  pthread_mutex_lock(&crew->mutex);
  worker->ends = true;
  pthread_cond_broadcast(&crew->changed);
  pthread_mutex_unlock(&crew->mutex);
  pthread_join(worker->thread, NULL);
}

bool crew_start(struct crew *crew, unsigned count) {
  memset(crew, 0, sizeof *crew);
  pthread_mutex_init(&crew->mutex, NULL);
  pthread_cond_init(&crew->changed, NULL);
  for (crew->count = 1; crew->count < count; crew->count++) {
    if (!start_worker(crew, crew->count)) return false;
  }
  return true;
}

void crew_begin(struct crew *crew, unsigned number, void (*task)(void *argument), void *argument) {
  struct crew_worker *worker = &crew->workers[number];
  pthread_mutex_lock(&crew->mutex);
  worker->argument = argument;
  worker->task = task;
  pthread_cond_broadcast(&crew->changed);
  pthread_mutex_unlock(&crew->mutex);
}

void crew_await(struct crew *crew, unsigned number) {
  const struct crew_worker *worker = &crew->workers[number];
  pthread_mutex_lock(&crew->mutex);
  while (worker->task != NULL) pthread_cond_wait(&crew->changed, &crew->mutex);
  pthread_mutex_unlock(&crew->mutex);
}

void crew_run(struct crew *crew, unsigned number, void (*task)(void *argument), void *argument) {
  if (number == 0) {
    task(argument);
    return;
  }
  crew_begin(crew, number, task, argument);
  crew_await(crew, number);
}

void crew_renew(struct crew *crew, unsigned number) {
  end_worker(crew, number);
  (void)start_worker(crew, number);
}

void crew_stop(struct crew *crew) {
  while (crew->count > 1) end_worker(crew, --crew->count);
  crew->count = 0;
  pthread_cond_destroy(&crew->changed);
  pthread_mutex_destroy(&crew->mutex);
}
