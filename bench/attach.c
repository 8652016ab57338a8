// SPDX-License-Identifier: MIT
// Attach: the time to open a heap left by a process that ended, and the first allocation after it,
// each in a process of its own; an empty heap and one that holds 1,000,000 blocks take turns.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/block.h"
#include "bench/heap_name.h"
#include "bench/host.h"
#include "bench/median.h"
#include "bench/passes.h"
#include "bench/random.h"
#include "bench/report.h"
#include "bench/role_process.h"
#include "bench/workload.h"

enum { OPENS_MAX = 101, SIZE_MIN = 16, SIZE_MAX_BYTES = 512 };

/// A heap and how long its opens took. Private to the process.
struct subject {
  const char *blocks;  ///< What it holds.
  char heap_name[64];
  double open_ns[OPENS_MAX];
  double first_ns[OPENS_MAX];
};

static struct subject empty = {.blocks = "0"};
static struct subject full = {.blocks = "1000000"};

static int fill(char **arguments) {
  struct bench_heap heap = {.name = arguments[0], .create = 1, .persist = 1};
  uint64_t count = strtoull(arguments[1], NULL, 10);
  uint64_t state = 0x853c49e6748fea9bU;
  if (bench_adapter.open(&heap) != 0) return -1;
  for (uint64_t i = 0; i < count; i++) {
    bench_take(SIZE_MIN + bench_random_below(&state, SIZE_MAX_BYTES - SIZE_MIN + 1));
  }
  bench_adapter.close();
  return 0;
}

static int open_once(char **arguments) {
  struct bench_heap heap = {.name = arguments[0]};
  bench_pin(0);
  uint64_t begin_ns = bench_now_ns();
  if (bench_adapter.open(&heap) != 0) return -1;
  uint64_t open_ns = bench_now_ns();
  void *block = bench_take(64);
  uint64_t first_ns = bench_now_ns();
  bench_adapter.release(block);
  bench_adapter.close();
  printf("%" PRIu64 " %" PRIu64 "\n", open_ns - begin_ns, first_ns - open_ns);
  return 0;
}

static int run_role(const struct bench_role *role, const char *const *arguments, char *line) {
  struct bench_role_process process;
  if (bench_role_start(&process, role->name, arguments) != 0) return -1;
  return bench_role_finish(&process, line);
}

static int make_heap(struct subject *subject, const char *tag) {
  char line[BENCH_ROLE_LINE];
  bench_heap_name(subject->heap_name, sizeof(subject->heap_name), tag);
  const char *arguments[] = {subject->heap_name, subject->blocks, NULL};
  return run_role(&bench_attach_fill, arguments, line);
}

static int time_open(struct subject *subject, int index) {
  char line[BENCH_ROLE_LINE];
  const char *arguments[] = {subject->heap_name, NULL};
  if (run_role(&bench_attach_open, arguments, line) != 0) return -1;
  if (sscanf(line, "%lf %lf", &subject->open_ns[index], &subject->first_ns[index]) == 2) return 0;
  fprintf(stderr, "bench: an opener wrote \"%s\"\n", line);
  return -1;
}

static int time_opens(int opens) {
  for (int i = 0; i < opens; i++) {
    if (time_open(&empty, i) != 0 || time_open(&full, i) != 0) return -1;
  }
  double empty_ns = bench_median(empty.open_ns, (size_t)opens);
  double full_ns = bench_median(full.open_ns, (size_t)opens);
  bench_report(BENCH_TIME, "ns", full_ns);
  bench_report("empty", "ns", empty_ns);
  bench_report("full_over_empty", "ratio", full_ns / empty_ns);
  bench_report("first_block_empty", "ns", bench_median(empty.first_ns, (size_t)opens));
  bench_report("first_block_full", "ns", bench_median(full.first_ns, (size_t)opens));
  return 0;
}

static int run(const struct bench_settings *settings) {
  if (make_heap(&empty, "empty") != 0) return -1;
  int result = make_heap(&full, "full");
  // An odd count has a middle.
  if (result == 0) result = time_opens((int)bench_ops(settings, OPENS_MAX) | 1);
  if (bench_adapter.remove(full.heap_name) != 0) result = -1;
  if (bench_adapter.remove(empty.heap_name) != 0) result = -1;
  return result;
}

const struct bench_workload bench_attach = {.name = "attach", .run = run};
const struct bench_role bench_attach_fill = {.name = "attach_fill", .arguments = 2, .run = fill};
const struct bench_role bench_attach_open = {
    .name = "attach_open", .arguments = 1, .run = open_once};
