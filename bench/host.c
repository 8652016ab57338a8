// SPDX-License-Identifier: MIT
// What the bench asks of the machine: a cpu, memory of its own, and how much memory is in use.

#define _GNU_SOURCE
#include "bench/host.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/adapter.h"

// A role's process is started by one that keeps to a cpu already, and inherits that: which cpus
// there were before it learns from its environment.
static const char allowed_variable[] = "BENCH_ALLOWED_CPUS";

static void hand_on(const cpu_set_t *allowed) {
  static char list[CPU_SETSIZE * 5];
  size_t used = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET((size_t)cpu, allowed)) continue;
    used += (size_t)snprintf(list + used, sizeof(list) - used, "%d,", cpu);
  }
  setenv(allowed_variable, list, 1);
}

static void read_allowed(cpu_set_t *allowed) {
  const char *list = getenv(allowed_variable);
  CPU_ZERO(allowed);
  if (list == NULL) {
    sched_getaffinity(0, sizeof(*allowed), allowed);
    hand_on(allowed);
    return;
  }
  for (char *end; *list != '\0'; list = *end == ',' ? end + 1 : end) {
    unsigned long cpu = strtoul(list, &end, 10);
    if (end == list) return;
    if (cpu < CPU_SETSIZE) CPU_SET(cpu, allowed);
  }
}

void bench_pin(unsigned index) {
  static cpu_set_t allowed;
  static int known;
  if (!known) read_allowed(&allowed);
  known = 1;
  if ((unsigned)CPU_COUNT(&allowed) <= index) index = 0;
  for (size_t cpu = CPU_SETSIZE; cpu-- > 0;) {
    if (!CPU_ISSET(cpu, &allowed) || index-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof(one), &one);
    return;
  }
}

void *bench_map(size_t bytes) {
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) {
    perror("bench: mmap");
    exit(1);
  }
  return memory;
}

static uint64_t read_anonymous_kib(void) {
  FILE *status = fopen("/proc/self/status", "re");
  unsigned long long kib = 0;
  char line[128];
  if (status == NULL) return 0;
  while (fgets(line, sizeof(line), status) != NULL) {
    if (sscanf(line, "RssAnon: %llu", &kib) == 1) break;
  }
  fclose(status);
  return kib;
}

uint64_t bench_memory_bytes(void) {
  uint64_t bytes = read_anonymous_kib() * 1024;
  if (bench_adapter.descriptor == NULL) return bytes;
  int fd = bench_adapter.descriptor();
  struct stat object;
  if (fd >= 0 && fstat(fd, &object) == 0) bytes += (uint64_t)object.st_blocks * 512;
  if (fd >= 0) close(fd);
  return bytes;
}

void bench_touch(void *block, size_t bytes) {
  volatile char *byte = block;
  for (size_t i = 0; i < bytes; i += 4096) byte[i] = 1;
  byte[bytes - 1] = 1;
}
