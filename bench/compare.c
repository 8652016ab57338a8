// SPDX-License-Identifier: MIT
// The comparison: for every workload, repetition after repetition, each allocator once in its turn
// in a fresh process (A B C A B C), so that whatever slows the machine for a while slows all alike
// and the ratios hold. A first round is thrown away: it leaves the machine's memory and the files
// warm. Prints tables; writes JSON where asked.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/launch.h"
#include "bench/machine.h"
#include "bench/output.h"
#include "bench/plan.h"
#include "bench/series.h"

enum { REPS_DEFAULT = 5, REPS_MIN = 5 };

/// What the command line asked for. Private to the process.
struct request {
  struct bench_launch launch;
  const char *workloads;   ///< Comma-separated; null: all.
  const char *allocators;  ///< The same.
  const char *json;        ///< Null: none.
  int reps;
};

static struct bench_results results;

static int run_plan(const struct request *request, const struct bench_plan *plan) {
  int failures = 0;
  for (int rep = 0; rep <= request->reps; rep++) {
    if (isatty(STDERR_FILENO)) {
      fprintf(stderr, "\r%-10s %d/%d ", plan->workload, rep, request->reps);
    }
    for (int i = 0; plan->allocators[i] != NULL; i++) {
      if (!bench_list_has(request->allocators, plan->allocators[i])) continue;
      struct bench_results *kept = rep == 0 ? NULL : &results;
      if (bench_launch_workload(&request->launch, plan->workload, plan->allocators[i], kept) != 0) {
        failures++;
      }
    }
  }
  if (isatty(STDERR_FILENO)) fprintf(stderr, "\r%-20s\r", "");
  return failures;
}

static int is_workload(const char *name) {
  for (size_t i = 0; i < bench_plan_count; i++) {
    if (strcmp(bench_plans[i].workload, name) == 0) return 1;
  }
  return 0;
}

static int is_allocator(const char *name) {
  for (size_t i = 0; i < bench_plan_count; i++) {
    for (int j = 0; bench_plans[i].allocators[j] != NULL; j++) {
      if (strcmp(bench_plans[i].allocators[j], name) == 0) return 1;
    }
  }
  return 0;
}

// returns: 0 iff each of the comma-separated names is known, otherwise -1 after a message.
static int check_names(const char *list, int (*is_known)(const char *name), const char *kind) {
  char names[1024];
  snprintf(names, sizeof(names), "%s", list == NULL ? "" : list);
  for (char *name = strtok(names, ","); name != NULL; name = strtok(NULL, ",")) {
    if (is_known(name)) continue;
    fprintf(stderr, "compare: no %s \"%s\"; bench/plan.c lists them\n", kind, name);
    return -1;
  }
  return 0;
}

static int parse_value(struct request *request, const char *option, const char *value) {
  if (strcmp(option, "--folder") == 0) {
    request->launch.folder = value;
  } else if (strcmp(option, "--only") == 0) {
    request->workloads = value;
  } else if (strcmp(option, "--allocators") == 0) {
    request->allocators = value;
  } else if (strcmp(option, "--json") == 0) {
    request->json = value;
  } else if (strcmp(option, "--reps") == 0) {
    request->reps = atoi(value);
  } else {
    return -1;
  }
  return 0;
}

static int parse(struct request *request, int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--quick") == 0) {
      request->launch.quick = 1;
    } else if (i + 1 == argc || parse_value(request, argv[i], argv[i + 1]) != 0) {
      return -1;
    } else {
      i++;
    }
  }
  if (request->reps < REPS_MIN || request->reps > BENCH_REPS_MAX) return -1;
  if (request->launch.folder == NULL) return -1;
  if (check_names(request->workloads, is_workload, "workload") != 0) return -1;
  return check_names(request->allocators, is_allocator, "allocator");
}

int main(int argc, char **argv) {
  struct request request = {.reps = REPS_DEFAULT};
  struct bench_machine machine;
  if (parse(&request, argc, argv) != 0) {
    fprintf(stderr, "usage: %s --folder FOLDER [--quick] [--only WORKLOAD,...]\n"
            "  [--allocators NAME,...] [--reps 5..%d] [--json FILE]\n", argv[0], BENCH_REPS_MAX);
    return 2;
  }
  bench_machine_read(&machine);
  printf("%s; %s, %ld cpus, %ld MiB; %s; 2 MiB pages: anonymous %s, shared %s; load %.2f\n",
         machine.date, machine.cpu, machine.cpus, machine.memory_mib, machine.kernel,
         machine.huge_anonymous, machine.huge_shared, machine.load);
  int failures = 0;
  for (size_t i = 0; i < bench_plan_count; i++) {
    if (!bench_list_has(request.workloads, bench_plans[i].workload)) continue;
    failures += run_plan(&request, &bench_plans[i]);
  }
  bench_series_close(&results);
  bench_output_table(&results);
  if (request.json != NULL &&
      bench_output_json(request.json, &machine, &request.launch, &results) != 0) {
    failures++;
  }
  if (failures > 0) fprintf(stderr, "compare: %d runs failed\n", failures);
  return failures == 0 ? 0 : 1;
}
