// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "bench/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static void read_line(const char *path, const char *start, char fact[BENCH_FACT_BYTES]) {
  char line[256];
  strcpy(fact, "?");
  FILE *file = fopen(path, "re");
  if (file == NULL) return;
  while (fgets(line, sizeof(line), file) != NULL) {
    if (strncmp(line, start, strlen(start)) != 0) continue;
    const char *value = strstr(line, ": ");
    snprintf(fact, BENCH_FACT_BYTES, "%.*s", BENCH_FACT_BYTES - 1,
             value == NULL ? line : value + 2);
    fact[strcspn(fact, "\n")] = '\0';
    break;
  }
  fclose(file);
}

// The choice in force stands in brackets among the others.
static void read_choice(const char *path, char fact[BENCH_FACT_BYTES]) {
  char choices[BENCH_FACT_BYTES];
  read_line(path, "", choices);
  strcpy(fact, "?");
  sscanf(choices, "%*[^[][%127[^]]", fact);
  if (choices[0] == '[') sscanf(choices, "[%127[^]]", fact);
}

void bench_machine_read(struct bench_machine *machine) {
  time_t now = time(NULL);
  struct tm utc;
  struct utsname names;
  strftime(machine->date, sizeof(machine->date), "%Y-%m-%d %H:%M", gmtime_r(&now, &utc));
  read_line("/proc/cpuinfo", "model name", machine->cpu);
  machine->cpus = sysconf(_SC_NPROCESSORS_ONLN);
  machine->memory_mib = sysconf(_SC_PHYS_PAGES) / 1024 * (sysconf(_SC_PAGESIZE) / 1024);
  uname(&names);
  snprintf(machine->kernel, sizeof(machine->kernel), "%.30s %.90s", names.sysname, names.release);
  read_choice("/sys/kernel/mm/transparent_hugepage/enabled", machine->huge_anonymous);
  read_choice("/sys/kernel/mm/transparent_hugepage/shmem_enabled", machine->huge_shared);
  if (getloadavg(&machine->load, 1) != 1) machine->load = -1;
}
