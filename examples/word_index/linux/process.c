// SPDX-License-Identifier: MIT
// Processes on Linux: posix_spawn of /proc/self/exe, which is this program even if its file has
// been moved meanwhile.
#define _POSIX_C_SOURCE 200809L

#include "examples/word_index/process.h"

#include <sched.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

int process_start_self(const char *const arguments[], struct process *out) {
  // posix_spawn writes to none of them; its type is older than const.
  char *copy[PROCESS_ARGUMENTS_MAX + 1] = {NULL};
  for (size_t i = 0; i < PROCESS_ARGUMENTS_MAX && arguments[i] != NULL; i++) {
    memcpy(&copy[i], &arguments[i], sizeof copy[i]);
  }
  pid_t pid = 0;
  int error = posix_spawn(&pid, "/proc/self/exe", NULL, NULL, copy, environ);
  out->id = pid;
  return error;
}

enum process_state process_poll(const struct process *process, int *code) {
  int status = 0;
  pid_t pid = waitpid((pid_t)process->id, &status, WNOHANG);
  if (pid != (pid_t)process->id) return PROCESS_RUNS;
  *code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
  return WIFEXITED(status) ? PROCESS_EXITED : PROCESS_KILLED;
}

void process_sleep_ms(unsigned milliseconds) {
  struct timespec time = {.tv_sec = milliseconds / 1000,
                          .tv_nsec = (long)(milliseconds % 1000) * 1000000};
  (void)nanosleep(&time, NULL);
}

void process_yield(void) {
  (void)sched_yield();
}

unsigned process_processors(void) {
  long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count < 1 ? 1 : (unsigned)count;
}

FILE *process_terminal(void) {
  if (isatty(STDERR_FILENO) == 1) return stderr;
  return isatty(STDOUT_FILENO) == 1 ? stdout : NULL;
}
