// SPDX-License-Identifier: MIT
#include "tests/process/actor.h"

#include "tests/harness/harness.h"
#include "tests/process/stamp.h"
#include "tests/random/pattern.h"

enum { SMALL_MOST = 600, LARGE_MOST = 300000, STAMP_BYTES = sizeof(uint64_t) };

static struct ledger_actor *books(const struct actor *actor) {
  return &actor->ledger->actors[actor->number];
}

static void add(shl_a64 *word, uint64_t value) {
  shl_store_release_u64(word, shl_load_relaxed_u64(word) + value);
}

static uint64_t swap(shl_a64 *word, uint64_t value) {
  return atomic_exchange_explicit(word, value, memory_order_acq_rel);
}

// Before a block is let go: what was done with it is before what others will do.
static void let_go(const struct actor *actor) {
  if (actor->order != NULL) {
    (void)atomic_fetch_add_explicit(actor->order, 1, memory_order_acq_rel);
  }
}

// When a block has been got. Pairs with let_go.
static void have(const struct actor *actor) {
  if (actor->order != NULL) (void)shl_load_acquire_u64(actor->order);
}

static void complain(const struct actor *actor, const struct parcel *parcel, const char *text,
                     uint64_t found) {
  FAIL("actor %u, block of %llu bytes at 0x%llx stamped 0x%llx: %s (0x%llx)", actor->number,
       (unsigned long long)parcel->bytes, (unsigned long long)parcel->off,
       (unsigned long long)parcel->stamp, text, (unsigned long long)found);
}

bool actor_make(struct actor *actor, uint64_t size, struct parcel *out) {
  *out = (struct parcel){.off = shoal_alloc(actor->heap, size, 0),
                         .stamp = stamp_live(actor->number, ++actor->sequence)};
  if (out->off == 0) {
    actor->refused_count++;
    if (actor->budget == 0)
      FAIL("actor %u gets no %llu bytes", actor->number, (unsigned long long)size);
    return false;
  }
  have(actor);
  char *start = shoal_ptr(actor->heap, out->off);
  out->bytes = shoal_usable_size(actor->heap, start);
  shl_a64 *holder = ledger_holder(actor->ledger, out->off);
  uint64_t found = holder != NULL ? swap(holder, out->stamp) : UINT64_MAX;
  if (found != 0)
    complain(actor, out, "given, though the ledger says that another holds it", found);
  found = swap((shl_a64 *)(void *)start, out->stamp);
  if (stamp_is_live(found)) complain(actor, out, "given with another's stamp in it", found);
  pattern_fill(start + STAMP_BYTES, out->bytes - STAMP_BYTES, out->stamp);
  add(&books(actor)->made_bytes, out->bytes);
  add(&books(actor)->made, 1);
  let_go(actor);
  return true;
}

void actor_drop(struct actor *actor, const struct parcel *parcel) {
  have(actor);
  char *start = shoal_ptr(actor->heap, parcel->off);
  uint64_t rest = parcel->bytes - STAMP_BYTES;
  uint64_t found = pattern_differs(start + STAMP_BYTES, rest, parcel->stamp);
  if (found != rest) complain(actor, parcel, "its payload has changed", found);
  found = swap((shl_a64 *)(void *)start, stamp_free(parcel->stamp));
  if (found != parcel->stamp) complain(actor, parcel, "another stamp is in it", found);
  shl_a64 *holder = ledger_holder(actor->ledger, parcel->off);
  found = holder != NULL ? swap(holder, 0) : UINT64_MAX;
  if (found != parcel->stamp)
    complain(actor, parcel, "the ledger says that another holds it", found);
  add(&books(actor)->dropped_bytes, parcel->bytes);
  add(&books(actor)->dropped, 1);
  let_go(actor);
  shoal_status status = shoal_free_offset(actor->heap, parcel->off);
  if (status != SHOAL_OK) complain(actor, parcel, shoal_status_text(status), status);
}

static uint64_t draw_wish(struct actor *actor) {
  uint64_t most = draw_chance(&actor->draw, 4) ? LARGE_MOST : SMALL_MOST;
  if (actor->size_most != 0) most = actor->size_most - STAMP_BYTES;
  return draw_size(&actor->draw, most) + STAMP_BYTES;
}

void actor_feed(struct actor *actor, uint64_t count) {
  struct parcel parcel;
  for (uint64_t i = 0; i < count; i++) {
    if (!actor_make(actor, draw_wish(actor), &parcel)) return;
    if (ring_wait_put(actor->ring, &parcel)) continue;
    FAIL("actor %u: nobody takes its blocks", actor->number);
    return;
  }
}

void actor_eat(struct actor *actor, uint64_t count) {
  struct parcel parcel;
  for (uint64_t i = 0; i < count; i++) {
    if (!ring_wait_take(actor->ring, &parcel)) {
      FAIL("actor %u: nobody makes blocks", actor->number);
      return;
    }
    actor_drop(actor, &parcel);
  }
}

static void make_and_hand_on(struct actor *actor) {
  struct parcel parcel;
  if (!actor_make(actor, draw_wish(actor), &parcel)) return;
  if (draw_chance(&actor->draw, 70) && ring_put(actor->ring, &parcel)) return;
  uint64_t place = draw_below(&actor->draw, ACTOR_KEEPS);
  if (place < actor->kept_count) {
    actor_drop(actor, &actor->kept[place]);
    actor->kept[place] = parcel;
  } else {
    actor->kept[actor->kept_count++] = parcel;
  }
}

static void take_and_drop(struct actor *actor) {
  struct parcel parcel;
  if (ring_take(actor->ring, &parcel)) {
    actor_drop(actor, &parcel);
  } else if (actor->kept_count != 0) {
    actor_drop(actor, &actor->kept[--actor->kept_count]);
  }
}

static bool may_make(const struct actor *actor) {
  return actor->budget == 0 || ledger_sum(actor->ledger).held_bytes < actor->budget;
}

void actor_trade(struct actor *actor, uint64_t count) {
  uint64_t refused_count = actor->refused_count;
  for (uint64_t i = 0; i < count; i++) {
    uint64_t move = draw_below(&actor->draw, 1000);
    bool makes = move < 500 && may_make(actor);
    if (makes) make_and_hand_on(actor);
    if (!makes && move < 996) take_and_drop(actor);
    if (move == 996) EXPECT_OK(shoal_trim(actor->heap, SHOAL_TRIM_ALL));
    if (move > 996) EXPECT_OK(shoal_thread_idle(actor->heap));
  }
  while (actor->kept_count != 0) actor_drop(actor, &actor->kept[--actor->kept_count]);
  EXPECT_LE((actor->refused_count - refused_count) * 20, count);
}

void actor_clear(struct actor *actor) {
  struct parcel parcel;
  while (ring_take(actor->ring, &parcel)) actor_drop(actor, &parcel);
}
