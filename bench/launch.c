// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "bench/launch.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

// returns: the driver's standard output, or null after a message.
static FILE *start_driver(const char *path, char **argv, pid_t *pid) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    perror("compare: pipe");
    return NULL;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  int error = posix_spawn(pid, path, &actions, NULL, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error == 0) return fdopen(ends[0], "r");
  fprintf(stderr, "compare: %s: %s\n", path, strerror(error));
  close(ends[0]);
  return NULL;
}

static int finish_driver(const char *path, const char *workload, pid_t pid) {
  int status = 0;
  if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
  fprintf(stderr, "compare: %s %s ended with wait status %#x\n", path, workload, (unsigned)status);
  return -1;
}

static int add_line(struct bench_results *results, const char *workload, const char *allocator,
                    const char *line) {
  struct bench_series of = {.workload = workload, .allocator = allocator};
  double value = 0;
  if (sscanf(line, "%47s %15s %lf", of.figure, of.unit, &value) != 3) {
    fprintf(stderr, "compare: %s %s wrote: %s", allocator, workload, line);
    return -1;
  }
  return results == NULL ? 0 : bench_series_add(results, &of, value);
}

int bench_launch_workload(const struct bench_launch *launch, const char *workload,
                          const char *allocator, struct bench_results *results) {
  char path[PATH_BYTES];
  char line[256];
  char name[BENCH_NAME_BYTES];
  char quick[] = "--quick";
  char *argv[] = {path, name, launch->quick ? quick : NULL, NULL};
  pid_t pid;
  snprintf(path, sizeof(path), "%s/%s", launch->folder, allocator);
  snprintf(name, sizeof(name), "%s", workload);
  FILE *output = start_driver(path, argv, &pid);
  if (output == NULL) return -1;
  int result = 0;
  while (fgets(line, sizeof(line), output) != NULL) {
    if (add_line(results, workload, allocator, line) != 0) result = -1;
  }
  fclose(output);
  return finish_driver(path, workload, pid) == 0 ? result : -1;
}

void bench_launch_version(const struct bench_launch *launch, const char *allocator,
                          char version[BENCH_NAME_BYTES]) {
  char path[PATH_BYTES];
  char option[] = "--version";
  char *argv[] = {path, option, NULL};
  pid_t pid;
  strcpy(version, "?");
  snprintf(path, sizeof(path), "%s/%s", launch->folder, allocator);
  FILE *output = start_driver(path, argv, &pid);
  if (output == NULL) return;
  if (fgets(version, BENCH_NAME_BYTES, output) != NULL) version[strcspn(version, "\n")] = '\0';
  fclose(output);
  finish_driver(path, "--version", pid);
}
