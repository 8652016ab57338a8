// SPDX-License-Identifier: MIT
// Starts this binary again in one of its roles, so that a workload has processes that share nothing
// but what the allocator shares.

#define _GNU_SOURCE
#include "bench/role_process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int bench_role_start(struct bench_role_process *process, const char *role,
                     const char *const *arguments) {
  char words[BENCH_ROLE_ARGUMENTS + 3][BENCH_ROLE_WORD] = {"bench", "--role"};
  char *argv[BENCH_ROLE_ARGUMENTS + 4] = {words[0], words[1], words[2]};
  snprintf(words[2], BENCH_ROLE_WORD, "%s", role);
  for (int i = 0; i < BENCH_ROLE_ARGUMENTS && arguments[i] != NULL; i++) {
    argv[i + 3] = words[i + 3];
    snprintf(words[i + 3], BENCH_ROLE_WORD, "%s", arguments[i]);
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    perror("bench: pipe");
    return -1;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  int error = posix_spawn(&process->pid, "/proc/self/exe", &actions, NULL, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error != 0) {
    fprintf(stderr, "bench: cannot start %s: %s\n", role, strerror(error));
    close(ends[0]);
    return -1;
  }
  process->output = ends[0];
  return 0;
}

static int tell_end(const struct bench_role_process *process, int status) {
  fprintf(stderr, "bench: role process %ld ended with wait status %#x\n", (long)process->pid,
          (unsigned)status);
  return -1;
}

int bench_role_finish(struct bench_role_process *process, char *line) {
  size_t used = 0;
  ssize_t got;
  while ((got = read(process->output, line + used, BENCH_ROLE_LINE - 1 - used)) > 0) {
    used += (size_t)got;
  }
  line[used] = '\0';
  close(process->output);
  int status = 0;
  if (waitpid(process->pid, &status, 0) == process->pid && WIFEXITED(status) &&
      WEXITSTATUS(status) == 0) {
    return 0;
  }
  return tell_end(process, status);
}

int bench_role_await_kill(struct bench_role_process *process) {
  int status = 0;
  close(process->output);
  pid_t ended = waitpid(process->pid, &status, 0);
  bool killed = ended == process->pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  return killed ? 0 : tell_end(process, status);
}
