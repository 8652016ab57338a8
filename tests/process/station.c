// SPDX-License-Identifier: MIT
#include "tests/process/station.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/root.h>

#include "tests/harness/harness.h"
#include "tests/harness/process.h"

enum { VERB_BYTES = 16 };

bool station_open(struct station *station, const char *name, const char *books, unsigned number) {
  memset(station, 0, sizeof *station);
  shoal_root root = {0};
  EXPECT_OK(shoal_open(name, NULL, &station->heap));
  station->ledger = ledger_open(books, &station->books);
  if (station->heap == NULL || station->ledger == NULL) return false;
  EXPECT_OK(shoal_root_get(station->heap, "ring", &root));
  station->ring = shoal_ptr(station->heap, root.off);
  for (unsigned i = 0; i < STATION_WORKERS; i++) {
    // An actor that was here before goes on where it ended, so that no stamp is given twice.
    uint64_t made = shl_load_acquire_u64(&station->ledger->actors[number + i].made);
    station->actors[i] = (struct actor){.heap = station->heap,
                                        .ledger = station->ledger,
                                        .ring = station->ring,
                                        .order = &station->order,
                                        .number = number + i,
                                        .sequence = made,
                                        .draw = {.state = number + i + made}};
  }
  return station->ring != NULL && crew_start(&station->crew, STATION_WORKERS);
}

void station_close(struct station *station) {
  crew_stop(&station->crew);
  EXPECT_OK(shoal_close(station->heap));
  EXPECT_OK(shoal_close(station->books));
}

// A line on its way into a worker's thread. Private to the process.
struct order {
  struct actor *actor;
  char verb[VERB_BYTES];
  uint64_t count;
};

static void carry_out(void *argument) {
  const struct order *order = argument;
  if (strcmp(order->verb, "feed") == 0) actor_feed(order->actor, order->count);
  if (strcmp(order->verb, "eat") == 0) actor_eat(order->actor, order->count);
  if (strcmp(order->verb, "trade") == 0) actor_trade(order->actor, order->count);
  if (strcmp(order->verb, "clear") == 0) actor_clear(order->actor);
  if (strcmp(order->verb, "sizes") == 0) order->actor->size_most = order->count;
  if (strcmp(order->verb, "budget") == 0) order->actor->budget = order->count;
  if (strcmp(order->verb, "idle") == 0) EXPECT_OK(shoal_thread_idle(order->actor->heap));
}

static void trade_at_once(struct station *station, uint64_t count) {
  struct order orders[STATION_WORKERS];
  for (unsigned i = STATION_WORKERS; i-- > 0;) {
    orders[i] = (struct order){.actor = &station->actors[i], .verb = "trade", .count = count};
    if (i != 0) crew_begin(&station->crew, i, carry_out, &orders[i]);
  }
  carry_out(&orders[0]);
  for (unsigned i = 1; i < STATION_WORKERS; i++) crew_await(&station->crew, i);
}

static bool is_verb(const char *verb) {
  const char *const verbs[] = {"feed",   "eat",  "trade", "clear", "sizes",
                               "budget", "idle", "renew", "both"};
  for (unsigned i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
    if (strcmp(verbs[i], verb) == 0) return true;
  }
  return false;
}

bool station_obey(struct station *station, const char *line) {
  struct order order = {0};
  unsigned long long first = 0, count = 0;
  int read = sscanf(line, "%15s %llu %llu", order.verb, &first, &count);
  bool both = strcmp(order.verb, "both") == 0;
  if (read < 2 || !is_verb(order.verb) || (!both && first >= STATION_WORKERS)) {
    FAIL("a station cannot do \"%s\"", line);
    return false;
  }
  if (both) {
    trade_at_once(station, first);
    return true;
  }
  unsigned worker = (unsigned)first;
  order.actor = &station->actors[worker];
  order.count = count;
  if (strcmp(order.verb, "renew") == 0) {
    crew_renew(&station->crew, worker);
  } else {
    crew_run(&station->crew, worker, carry_out, &order);
  }
  return true;
}

void station_serve(int argc, char **argv) {
  static struct station station;
  char line[TEST_LINE_BYTES];
  if (argc != 3) exit(3);
  if (!station_open(&station, argv[0], argv[1], (unsigned)strtoul(argv[2], NULL, 10))) exit(1);
  test_say("here");
  while (test_hear(line)) {
    if (!station_obey(&station, line)) break;
    test_say("done");
  }
  station_close(&station);
}
