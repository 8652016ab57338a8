// SPDX-License-Identifier: MIT
#include "tests/mapping/doom.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/harness/harness.h"
#include "tests/mapping/fault.h"

bool doom_start(struct test_child *child, const char *role, const struct place *place, uint64_t at,
                int signal_number) {
  char kind[2] = {(char)('0' + place->kind), '\0'}, call[24], with[16];
  (void)snprintf(call, sizeof call, "%llu", (unsigned long long)at);
  (void)snprintf(with, sizeof with, "%d", signal_number);
  const char *arguments[] = {kind, place->name, call, with, NULL};
  *child = (struct test_child){.runs = false};
  return test_spawn(child, role, arguments);
}

bool doom_kill(const char *role, const struct place *place, uint64_t at) {
  struct test_child child;
  if (!doom_start(&child, role, place, at, SIGKILL)) return false;
  int code = test_child_wait(&child);
  if (code != 0 && code != -SIGKILL) FAIL("the doomed process ended with %d", code);
  return code == -SIGKILL;
}

uint64_t doom_step(void) {
  return 4 / test_rounds(4);
}

void doom_begin(int argc, char **argv) {
  if (argc != 4) exit(3);
  struct fault_plan plan = {.call = FAULT_ANY,
                            .at = strtoull(argv[2], NULL, 10),
                            .signal_number = (int)strtol(argv[3], NULL, 10)};
  fault_install();
  fault_arm(&plan);
}

void doom_end(void) {
  fault_disarm();
}
