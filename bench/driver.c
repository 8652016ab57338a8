// SPDX-License-Identifier: MIT
// The driver of every allocator's binary: opens a heap where the workload does not do so itself,
// keeps to one cpu, runs the one workload named on the command line. It knows the allocator only as
// bench_adapter.

#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bench/adapter.h"
#include "bench/heap_name.h"
#include "bench/host.h"
#include "bench/workload.h"

// A workload that takes longer than this hangs; the comparison then goes on without it.
enum { SECONDS_MAX = 300 };

// Valgrind has no room for a default heap.
static const uint64_t traced_capacity = UINT64_C(1) << 32;

// These open heaps of their own.
static const struct bench_workload *const sharing[] = {
    &bench_handover, &bench_growth, &bench_attach, &bench_image, &bench_recover, &bench_neighbour,
};

// These allocate from one heap that the driver opens.
static const struct bench_workload *const plain[] = {
    &bench_pair, &bench_batch, &bench_churn, &bench_waste,
};

static const struct bench_role *const roles[] = {
    &bench_handover_consumer,  &bench_attach_fill,      &bench_attach_open, &bench_recover_victim,
    &bench_neighbour_survivor, &bench_neighbour_victim,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int run_plain(const struct bench_workload *workload, const struct bench_settings *settings) {
  char name[64];
  bench_heap_name(name, sizeof(name), workload->name);
  struct bench_heap heap = {
      .name = name, .create = 1, .capacity = settings->traced ? traced_capacity : 0};
  bench_pin(0);
  if (bench_adapter.open(&heap) != 0) return -1;
  int result = workload->run(settings);
  bench_adapter.close();
  return result;
}

static int run_workload(const char *name, const struct bench_settings *settings) {
  for (size_t i = 0; i < COUNT(plain); i++) {
    if (strcmp(plain[i]->name, name) == 0) return run_plain(plain[i], settings);
  }
  for (size_t i = 0; i < COUNT(sharing); i++) {
    if (strcmp(sharing[i]->name, name) != 0) continue;
    if (bench_adapter.remove != NULL && bench_adapter.account != NULL) {
      return sharing[i]->run(settings);
    }
    fprintf(stderr, "%s: its heaps cannot be shared, %s needs that\n", bench_adapter.name, name);
    return -1;
  }
  fprintf(stderr, "%s: no workload \"%s\"\n", bench_adapter.name, name);
  return -1;
}

static int run_role(const char *name, char **arguments, int count) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (size_t i = 0; i < COUNT(roles); i++) {
    if (strcmp(roles[i]->name, name) == 0 && roles[i]->arguments == count) {
      return roles[i]->run(arguments);
    }
  }
  fprintf(stderr, "%s: no role \"%s\" with %d arguments\n", bench_adapter.name, name, count);
  return -1;
}

int main(int argc, char **argv) {
  struct bench_settings settings = {
      .quick = argc == 3 && strcmp(argv[2], "--quick") == 0,
      .traced = argc == 3 && strcmp(argv[2], "--traced") == 0,
  };
  alarm(SECONDS_MAX);
  if (argc >= 3 && strcmp(argv[1], "--role") == 0) {
    return run_role(argv[2], argv + 3, argc - 3) == 0 ? 0 : 1;
  }
  if (argc == 2 && strcmp(argv[1], "--version") == 0) {
    puts(bench_adapter.version());
    return 0;
  }
  if (argc == 2 || settings.quick || settings.traced) {
    return run_workload(argv[1], &settings) == 0 ? 0 : 1;
  }
  fprintf(stderr, "usage: %s WORKLOAD [--quick | --traced] | --version\n", argv[0]);
  return 2;
}
