// SPDX-License-Identifier: MIT
#include "tests/process/ledger.h"

#include <stddef.h>

#include <shoal/root.h>

#include "tests/harness/harness.h"

static struct ledger *find(shoal_heap *heap) {
  shoal_root root;
  if (shoal_root_get(heap, "ledger", &root) != SHOAL_OK) return NULL;
  return shoal_ptr(heap, root.off);
}

struct ledger *ledger_create(const char *name, uint64_t capacity, shoal_heap **out) {
  uint64_t places = capacity / LEDGER_PLACE_BYTES;
  uint64_t bytes = sizeof(struct ledger) + places * sizeof(shl_a64);
  shoal_options options = {.size = sizeof options,
                           .flags = SHOAL_CREATE | SHOAL_EXCLUSIVE,
                           .capacity = bytes + (16 << 20),
                           .max_processes = 64,
                           .max_threads = 128};
  EXPECT_OK(shoal_open(name, &options, out));
  if (*out == NULL) return NULL;
  shoal_root root = {.off = shoal_alloc(*out, bytes, SHOAL_ZERO)};
  EXPECT_NE(0, root.off);
  struct ledger *ledger = shoal_ptr(*out, root.off);
  if (ledger != NULL) ledger->places = places;
  EXPECT_OK(shoal_root_set(*out, "ledger", &root));
  return ledger;
}

struct ledger *ledger_open(const char *name, shoal_heap **out) {
  EXPECT_OK(shoal_open(name, NULL, out));
  struct ledger *ledger = *out != NULL ? find(*out) : NULL;
  if (ledger == NULL) FAIL("no ledger in %s", name);
  return ledger;
}

shl_a64 *ledger_holder(struct ledger *ledger, shoal_off off) {
  uint64_t place = off / LEDGER_PLACE_BYTES;
  if (off % LEDGER_PLACE_BYTES != 0 || place >= ledger->places) return NULL;
  return &ledger->holders[place];
}

struct ledger_sum ledger_sum(const struct ledger *ledger) {
  struct ledger_sum sum = {0};
  for (unsigned i = 0; i < LEDGER_ACTORS; i++) {
    const struct ledger_actor *actor = &ledger->actors[i];
    sum.made += shl_load_acquire_u64(&actor->made);
    sum.dropped += shl_load_acquire_u64(&actor->dropped);
    sum.held_bytes += shl_load_acquire_u64(&actor->made_bytes);
    sum.held_bytes -= shl_load_acquire_u64(&actor->dropped_bytes);
  }
  return sum;
}

// A walk under comparison. Private to the process.
struct audit {
  struct ledger *ledger;
  const shoal_off *own;
  unsigned own_count;
  uint64_t held_count;
  uint64_t own_bytes;
};

static int compare(void *context, const shoal_block *block) {
  struct audit *audit = context;
  for (unsigned i = 0; i < audit->own_count; i++) {
    if (audit->own[i] != block->off) continue;
    audit->own_bytes += block->bytes;
    return 0;
  }
  const shl_a64 *holder = ledger_holder(audit->ledger, block->off);
  if (holder != NULL && shl_load_acquire_u64(holder) != 0) {
    audit->held_count++;
    return 0;
  }
  FAIL("nobody holds the block of %llu bytes at 0x%llx", (unsigned long long)block->bytes,
       (unsigned long long)block->off);
  return 0;
}

// Held places below `end` bytes.
static uint64_t count_held(const struct ledger *ledger, uint64_t end) {
  uint64_t count = 0;
  for (uint64_t i = 0; i < ledger->places && i < end / LEDGER_PLACE_BYTES; i++) {
    count += shl_load_relaxed_u64(&ledger->holders[i]) != 0 ? 1 : 0;
  }
  return count;
}

static void report(void *context, shoal_off off, const char *text) {
  (void)context;
  FAIL("the check says of 0x%llx: %s", (unsigned long long)off, text);
}

void ledger_audit(struct ledger *ledger, shoal_heap *heap, const shoal_off *own,
                  unsigned own_count) {
  struct audit audit = {.ledger = ledger, .own = own, .own_count = own_count};
  shoal_heap_stats stats = {.size = sizeof stats};
  struct ledger_sum sum = ledger_sum(ledger);
  EXPECT_OK(shoal_check(heap, report, NULL));
  EXPECT_OK(shoal_walk(heap, compare, &audit));
  EXPECT_OK(shoal_stats(heap, &stats));
  EXPECT_EQ(sum.made - sum.dropped, audit.held_count);
  EXPECT_EQ(sum.made - sum.dropped, count_held(ledger, stats.chunks_high_water << 21));
  EXPECT_EQ(sum.held_bytes + audit.own_bytes, stats.live);
  EXPECT_EQ(sum.made - sum.dropped + own_count, stats.live_blocks);
  EXPECT_EQ(stats.capacity,
            stats.metadata + stats.live + stats.cached + stats.free + stats.uncommitted);
}
