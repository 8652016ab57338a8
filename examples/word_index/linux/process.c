// SPDX-License-Identifier: MIT
// Processes on Linux: posix_spawn of /proc/self/exe, which is this program even if its file has
// been moved meanwhile.
#define _POSIX_C_SOURCE 200809L

#include "examples/word_index/process.h"

#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
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

void process_kill(const struct process *process) {
  (void)kill((pid_t)process->id, SIGKILL);
}

void process_end_with_parent(void) {
  pid_t parent = getppid();
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  // One that ended before the call is not told of any more.
  if (getppid() != parent) (void)raise(SIGKILL);
}

void process_sleep_us(uint64_t microseconds) {
  struct timespec time = {.tv_sec = (time_t)(microseconds / 1000000),
                          .tv_nsec = (long)(microseconds % 1000000) * 1000};
  (void)nanosleep(&time, NULL);
}

uint64_t process_now_us(void) {
  struct timespec time;
  (void)clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
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
