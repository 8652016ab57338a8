// SPDX-License-Identifier: MIT
#include "bench/plan.h"

#include <string.h>

const struct bench_plan bench_plans[] = {
    {"pair64", "hot pair: malloc(64), a store, free; one thread",
     {"none", "glibc", "jemalloc", "shoal_private", "shoal_named"}},
    {"batch", "1000 blocks of 16..512 B, then 1000 frees; one thread",
     {"none", "glibc", "jemalloc", "shoal_private", "shoal_named"}},
    {"churn", "100,000 live blocks of 16 B..8 KiB, random replacement; one thread",
     {"none", "glibc", "jemalloc", "shoal_private", "shoal_named"}},
    {"waste", "1,000,000 blocks of 16..512 B: memory over what was asked for",
     {"glibc", "jemalloc", "shoal_private", "shoal_named"}},
    {"handover", "64 B blocks allocated in one process, freed in another", {"shoal_named"}},
    {"growth", "the same with 16..512 B and many more blocks: committed memory", {"shoal_named"}},
    {"attach", "opening a heap of 1,000,000 blocks, and an empty one", {"shoal_named"}},
    {"image", "an empty heap of 4 MiB for 4 processes and 8 threads", {"shoal_named"}},
    {"recover", "recovery of a process killed at work, in heaps of 64 MiB to 16 GiB",
     {"shoal_inside"}},
    {"neighbour", "a process at work while a neighbour is killed 100 times a second",
     {"shoal_named"}},
};

const size_t bench_plan_count = sizeof(bench_plans) / sizeof(bench_plans[0]);

const char *const bench_reference = "jemalloc";

int bench_list_has(const char *list, const char *name) {
  size_t length = strlen(name);
  for (const char *at = list; at != NULL; at = strchr(at, ',')) {
    if (*at == ',') at++;
    if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0')) return 1;
  }
  return list == NULL;
}
