// SPDX-License-Identifier: MIT
#include "tests/process/stage.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <shoal/root.h>

static bool make_ring(struct stage *stage, shoal_heap *heap) {
  shoal_root root = {.off = shoal_alloc(heap, sizeof(struct ring), SHOAL_ZERO)};
  stage->ring = root.off;
  EXPECT_NE(0, root.off);
  EXPECT_OK(shoal_root_set(heap, "ring", &root));
  return root.off != 0;
}

bool stage_open(struct stage *stage, uint64_t capacity, unsigned threads) {
  memset(stage, 0, sizeof *stage);
  shoal_options options = {.size = sizeof options,
                           .flags = SHOAL_CREATE | SHOAL_EXCLUSIVE,
                           .capacity = capacity,
                           .max_processes = 16,
                           .max_threads = threads};
  shoal_heap *heap = NULL, *books = NULL;
  EXPECT_OK(shoal_open(test_unique_name(stage->heap_name), &options, &heap));
  if (heap == NULL) return false;
  (void)test_unique_name(stage->books_name);
  bool made = ledger_create(stage->books_name, capacity, &books) != NULL && make_ring(stage, heap);
  bool opened = made && station_open(&stage->here, stage->heap_name, stage->books_name, 0);
  // The station has the same handles, counted.
  EXPECT_OK(shoal_close(heap));
  if (books != NULL) EXPECT_OK(shoal_close(books));
  return opened;
}

bool stage_hire(struct stage *stage, unsigned station) {
  char number[16];
  struct test_child *child = &stage->children[station];
  (void)snprintf(number, sizeof number, "%u", station * STATION_WORKERS);
  const char *arguments[] = {stage->heap_name, stage->books_name, number, NULL};
  *child = (struct test_child){0};
  return test_spawn(child, "station_serve", arguments) && test_child_expect(child, "here");
}

void stage_dismiss(struct stage *stage, unsigned station) {
  test_child_finish(&stage->children[station]);
}

void stage_begin(struct stage *stage, unsigned station, const char *format, ...) {
  char line[TEST_LINE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  (void)test_child_send(&stage->children[station], "%s", line);
}

void stage_await(struct stage *stage, unsigned station) {
  (void)test_child_expect(&stage->children[station], "done");
}

void stage_do(struct stage *stage, unsigned station, const char *format, ...) {
  char line[TEST_LINE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (station == 0) {
    (void)station_obey(&stage->here, line);
  } else {
    stage_begin(stage, station, "%s", line);
    stage_await(stage, station);
  }
}

shoal_heap_stats stage_stats(struct stage *stage) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(stage->here.heap, &stats));
  return stats;
}

void stage_settle(struct stage *stage) {
  for (unsigned i = 0; i < STAGE_STATIONS; i++) {
    bool there = i == 0 || stage->children[i].runs;
    for (unsigned w = 0; there && w < STATION_WORKERS; w++) stage_do(stage, i, "idle %u", w);
  }
  EXPECT_OK(shoal_trim(stage->here.heap, SHOAL_TRIM_ALL));
  EXPECT_EQ(0, stage_stats(stage).cached);
  ledger_audit(stage->here.ledger, stage->here.heap, &stage->ring, 1);
}

void stage_close(struct stage *stage) {
  shoal_heap *heap = stage->here.heap;
  stage_do(stage, 0, "clear 0");
  for (unsigned i = 1; i < STAGE_STATIONS; i++) stage_dismiss(stage, i);
  stage_settle(stage);
  struct ledger_sum sum = ledger_sum(stage->here.ledger);
  EXPECT_EQ(sum.made, sum.dropped);
  EXPECT_OK(shoal_free_offset(heap, stage->ring));
  EXPECT_OK(shoal_trim(heap, SHOAL_TRIM_ALL));
  shoal_heap_stats stats = stage_stats(stage);
  EXPECT_EQ(0, stats.live + stats.cached + stats.committed);
  EXPECT_EQ(1, stats.processes);
  EXPECT_EQ(0, stats.thread_slots_dead);
  station_close(&stage->here);
}
