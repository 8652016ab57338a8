// SPDX-License-Identifier: MIT
#include "tests/mapping/race.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <shoal/root.h>

#include "tests/harness/harness.h"

static bool lay_out(struct race *race) {
  struct place where;
  shoal_root root = {.off = 0};
  place_choose(&where, PLACE_NAMED);
  (void)snprintf(race->board_name, sizeof race->board_name, "%s", where.name);
  EXPECT_OK(place_open(&where, SHOAL_CREATE, &race->board_heap));
  if (race->board_heap == NULL) return false;
  root.off = shoal_alloc(race->board_heap, sizeof(struct race_board), SHOAL_ZERO);
  race->board = shoal_ptr(race->board_heap, root.off);
  EXPECT_OK(shoal_root_set(race->board_heap, "board", &root));
  return root.off != 0;
}

bool race_open(struct race *race, enum place_kind kind, uint64_t rounds) {
  *race = (struct race){.rounds = rounds};
  place_choose(&race->place, kind);
  return lay_out(race);
}

bool race_start(struct race *race, struct test_child *child, const char *role, unsigned seat) {
  char kind[2] = {(char)('0' + race->place.kind), '\0'}, number[16], rounds[24];
  (void)snprintf(number, sizeof number, "%u", seat);
  (void)snprintf(rounds, sizeof rounds, "%llu", (unsigned long long)race->rounds);
  const char *arguments[] = {kind, race->place.name, race->board_name, number, rounds, NULL};
  *child = (struct test_child){.runs = false};
  return test_spawn(child, role, arguments);
}

void race_run(struct race *race, const char *role) {
  for (unsigned i = 0; i < RACE_SEATS; i++) {
    if (!race_start(race, &race->children[i], role, i)) return;
  }
  for (unsigned i = 0; i < RACE_SEATS; i++) test_child_finish(&race->children[i]);
}

void race_close(struct race *race) {
  place_clear(&race->place);
  EXPECT_OK(shoal_close(race->board_heap));
}

void racer_enter(struct racer *racer, int argc, char **argv) {
  shoal_root root = {.off = 0};
  if (argc != 5) exit(3);
  *racer = (struct racer){.seat = (unsigned)strtoul(argv[3], NULL, 10),
                          .rounds = strtoull(argv[4], NULL, 10)};
  place_read(&racer->place, argv[0], argv[1]);
  racer->draw.state = racer->seat;
  EXPECT_OK(shoal_open(argv[2], NULL, &racer->board_heap));
  if (racer->board_heap == NULL) exit(1);
  EXPECT_OK(shoal_root_get(racer->board_heap, "board", &root));
  racer->board = shoal_ptr(racer->board_heap, root.off);
  if (racer->board == NULL) exit(1);
}

void racer_leave(struct racer *racer) {
  EXPECT_OK(shoal_close(racer->board_heap));
}

void racer_meet(struct racer *racer) {
  uint64_t arrived = atomic_fetch_add(&racer->board->arrived, 1) + 1;
  uint64_t all = (arrived + RACE_SEATS - 1) / RACE_SEATS * RACE_SEATS;
  while (shl_load_seq_cst_u64(&racer->board->arrived) < all) (void)sched_yield();
}
