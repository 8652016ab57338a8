// SPDX-License-Identifier: MIT
// Starts this binary again in one of its roles, so that a workload has processes that share nothing
// but what the allocator shares.

#define _GNU_SOURCE
#include "bench/helper.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int bench_helper_start(struct bench_helper *helper, const char *role,
                       const char *const *arguments) {
  char words[BENCH_HELPER_ARGUMENTS + 3][BENCH_HELPER_WORD] = {"bench", "--role"};
  char *argv[BENCH_HELPER_ARGUMENTS + 4] = {words[0], words[1], words[2]};
  snprintf(words[2], BENCH_HELPER_WORD, "%s", role);
  for (int i = 0; i < BENCH_HELPER_ARGUMENTS && arguments[i] != NULL; i++) {
    argv[i + 3] = words[i + 3];
    snprintf(words[i + 3], BENCH_HELPER_WORD, "%s", arguments[i]);
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    perror("bench: pipe");
    return -1;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  int error = posix_spawn(&helper->pid, "/proc/self/exe", &actions, NULL, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error != 0) {
    fprintf(stderr, "bench: cannot start %s: %s\n", role, strerror(error));
    close(ends[0]);
    return -1;
  }
  helper->output = ends[0];
  return 0;
}

int bench_helper_finish(struct bench_helper *helper, char *line) {
  size_t used = 0;
  ssize_t got;
  while ((got = read(helper->output, line + used, BENCH_HELPER_LINE - 1 - used)) > 0) {
    used += (size_t)got;
  }
  line[used] = '\0';
  close(helper->output);
  int status = 0;
  if (waitpid(helper->pid, &status, 0) == helper->pid && WIFEXITED(status) &&
      WEXITSTATUS(status) == 0) {
    return 0;
  }
  fprintf(stderr, "bench: helper %ld ended with wait status %#x\n", (long)helper->pid,
          (unsigned)status);
  return -1;
}

void bench_heap_name(char *name, size_t bytes, const char *tag) {
  snprintf(name, bytes, "bench-%ld-%s", (long)getpid(), tag);
}
