// SPDX-License-Identifier: MIT
// Goal: whatever dies in a drain, no block waits that no hint leads to. Method: the model of
// tests/model/drain_model.h.
#include <cstdio>

#include "tests/model/drain_model.h"

namespace model {

bool Drain::IsHinted(const State &s, int slab) const {
  return Has(s.dirty, slab) && Has(s.hints, BitOf(slab)) && s.summary != 0;
}

void Drain::Journalise(State &s, int slot, Journal op, int at) {
  s.journal[slot] = op;
  s.journal_at[slot] = op == kNoJournal ? Byte(0) : Byte(at);
}

bool Drain::Take(State &s, Thread &t) {
  BEGIN(0);
  if (s.holder[t.slab] != kFree) return Fail("a block was issued twice");
  LAST(Clear(s.free, t.slab); s.holder[t.slab] = kOwner);
  END;
}

// Of slab t.slab.
bool Drain::Raise(State &s, Thread &t) {
  BEGIN(3);
  STEP(t.seen = Has(s.dirty, t.slab));
  if (t.seen == 0) STEP(Set(s.dirty, t.slab));
  STEP(t.seen = Has(s.hints, BitOf(t.slab)));
  if (t.seen == 0) STEP(Set(s.hints, BitOf(t.slab)));
  STEP(t.seen = s.summary);
  if (t.seen == 0) STEP(s.summary = 1);
  t.seen = 0;
  END;
}

// Of bit t.bit.
bool Drain::Restore(State &s, Thread &t) {
  BEGIN(2);
  STEP(Set(s.hints, t.bit));
  if (!Is(Bug::recovery_restores_bit_alone)) STEP(s.summary = 1);
  END;
}

// Of slab t.slab; J = COLLECT stands.
bool Drain::Collect(State &s, Thread &t) {
  BEGIN(3);
  STEP(Clear(s.dirty, t.slab));
  STEP(t.bits = Byte(s.remote & 1 << t.slab));
  if (t.bits != 0) {
    STEP(Add(s.free, t.bits));
    STEP(Drop(s.remote, t.bits));
  }
  t.bits = 0;
  END;
}

bool Drain::DrainSlab(State &s, Thread &t) {
  BEGIN(2);
  STEP(t.seen = Has(s.dirty, t.slab) && Has(s.live, t.slab));
  if (t.seen == 0) DONE;
  // What waits for nothing but its chunk is passed by.
  t.seen = Has(s.free, t.slab) && !Has(s.remote, t.slab);
  if (t.seen != 0) STEP(t.seen = Has(s.claimed, t.slab));
  if (t.seen != 0) {
    t.seen = 0;
    t.passed = 1;
    DONE;
  }
  STEP(Journalise(s, 0, kCollect, t.slab));
  CALL(Collect(s, t));
  STEP(Journalise(s, 0, Is(Bug::collection_ends_journal) ? kNoJournal : kDrain, t.bit));
  t.collected++;
  if (Has(s.free, t.slab)) Set(t.emptied, t.slab);
  END;
}

// Of bit t.bit of H.
bool Drain::DrainChunks(State &s, Thread &t) {
  BEGIN(1);
  if (!Is(Bug::drain_without_journal)) STEP(Journalise(s, 0, kDrain, t.bit));
  if (!Is(Bug::bit_cleared_after_chunks)) STEP(Clear(s.hints, t.bit));
  t.passed = 0;
  for (t.slab = t.bit; t.slab < size_.slabs && !IsDone(t); t.slab = Byte(t.slab + 2)) {
    CALL(DrainSlab(s, t));
    if (Is(Bug::one_chunk_of_a_bit)) t.slab = Byte(t.slab + 2);
  }
  t.slab = 0;
  if (Is(Bug::bit_cleared_after_chunks)) STEP(Clear(s.hints, t.bit));
  if ((IsDone(t) && !Is(Bug::bound_reached_without_hint)) ||
      (t.passed != 0 && !Is(Bug::passed_by_without_bit))) {
    CALL(Restore(s, t));
  }
  t.passed = 0;
  END;
}

// Releases empty slab t.slab, or leaves it a hint, without a journal: no block waits.
bool Drain::Examine(State &s, Thread &t) {
  BEGIN(1);
  if (!Has(s.free, t.slab) || !size_.releases) DONE;
  STEP(t.seen = Has(s.claimed, t.slab); if (t.seen != 0) Set(s.refused, t.slab); else {
    if (s.holder[t.slab] != kFree) return Fail("a slab was released that is in use");
    Clear(s.live, t.slab);
    Clear(s.free, t.slab);
    Clear(s.refused, t.slab);
  });
  if (t.seen != 0 && !Is(Bug::refused_without_hint)) CALL(Raise(s, t));
  t.seen = 0;
  END;
}

bool Drain::DrainOnce(State &s, Thread &t) {
  BEGIN(0);
  if (!Is(Bug::drain_without_journal)) STEP(Journalise(s, 0, kDrain, 0));
  if (Is(Bug::word_read_before_summary_cleared)) STEP(t.left = s.hints);
  if (!Is(Bug::hints_cleared_from_below)) STEP(s.summary = 0);
  if (!Is(Bug::word_read_before_summary_cleared)) STEP(t.left = s.hints);
  for (; t.left != 0 && !IsDone(t); Clear(t.left, Lowest(t.left))) {
    t.bit = Byte(Lowest(t.left));
    CALL(DrainChunks(s, t));
  }
  if (t.left != 0 && !Is(Bug::bound_reached_without_hint)) STEP(s.summary = 1);
  if (Is(Bug::hints_cleared_from_below)) STEP(s.summary = 0);
  t.left = t.bit = t.collected = 0;
  STEP(Journalise(s, 0, kNoJournal, 0));
  while (t.emptied != 0) {
    t.slab = Byte(Lowest(t.emptied));
    CALL(Examine(s, t));
    Clear(t.emptied, t.slab);
  }
  END;
}

bool Drain::RemoteFree(State &s, Thread &t) {
  BEGIN(0);
  STEP(Journalise(s, 1, kHint, t.slab));
  STEP(Set(s.remote, t.slab); s.holder[t.slab] = kFree);
  CALL(Raise(s, t));
  LAST(Journalise(s, 1, kNoJournal, 0));
  END;
}

bool Drain::Recover(State &s, Thread &t) {
  u8 &journal = s.journal[t.victim];
  BEGIN(0);
  t.slab = t.bit = s.journal_at[t.victim];
  if (journal == kHint) CALL(Raise(s, t));
  if (journal == kCollect) {
    t.bit = 0;
    CALL(Collect(s, t));
    if (!Is(Bug::redo_without_hint)) CALL(Raise(s, t));
  }
  if (journal == kDrain) CALL(Restore(s, t));
  if (journal != kNoJournal) STEP(Journalise(s, t.victim, kNoJournal, 0));
  LAST(Clear(s.dead, t.victim));
  END;
}

bool Drain::Step(State &s, int actor) {
  Thread &t = s.thread[actor];
  switch (t.op) {
    case kTake: return Take(s, t);
    case kDrainOnce: return DrainOnce(s, t);
    case kRemoteFree: return RemoteFree(s, t);
    default: return Recover(s, t);
  }
}

void Drain::Idle(const State &s, int actor) {
  if (actor == kRecoverer) return BeginRecovery(s, kRecover);
  Thread t{};
  t.op = kDrainOnce;
  if (actor == 0 && s.summary != 0) Begin(s, actor, t);
  for (t.slab = 0; t.slab < size_.slabs; t.slab++) {
    t.op = actor == 0 ? kTake : kRemoteFree;
    bool may = actor == 0 ? Has(s.free, t.slab) : s.holder[t.slab] == kFreer;
    if (may) Begin(s, actor, t);
    State z = s;
    z.holder[t.slab] = kFreer;
    if (actor == 0 && s.holder[t.slab] == kOwner) Put(z);
    z = s;
    Set(z.live, t.slab);
    Set(z.free, t.slab);
    if (actor == 0 && !Has(s.live, t.slab) && !Has(s.claimed, t.slab)) Put(z);
  }
}

// Others claim the first chunk, and let it go.
void Drain::Environment(const State &s) {
  State z = s;
  z.claimed = Byte(1 - s.claimed);
  if (size_.releases) Put(z);
}

// Whether the owner alone collects all that waits.
bool Drain::DrainsAll(State s) {
  s.claimed = 0;
  for (int round = 0; round < 4 * kSlabs && s.summary != 0; round++) {
    Thread t{};
    t.op = kDrainOnce;
    if (!RunAlone(s, 0, t)) return false;
  }
  return s.remote == 0 && s.summary == 0;
}

void Drain::Check(const State &s) {
  if (!IsQuiet(s)) return;
  for (int slab = 0; slab < size_.slabs; slab++) {
    bool is_free = Has(s.free, slab) || Has(s.remote, slab) || !Has(s.live, slab);
    if (is_free != (s.holder[slab] == kFree)) Fail("a block is lost, or free while it is live");
    bool waits = Has(s.remote, slab) || (s.died == 0 && Has(s.refused, slab) && Has(s.free, slab));
    if (waits && !IsHinted(s, slab)) Fail("a slab waits, and no hint leads to it");
  }
  if (!DrainsAll(s)) Fail("drains do not come to an end, or not to every block");
}

void Drain::Print(const State &s) {
  (void)std::printf("HS %d H %x cd %x RB %x F %x live %x claimed %x held %d%d%d | ", s.summary,
                    s.hints, s.dirty, s.remote, s.free, s.live, s.claimed, s.holder[0], s.holder[1],
                    s.holder[2]);
  (void)std::printf("J %d(%d) %d(%d) dead %x |", s.journal[0], s.journal_at[0], s.journal[1],
                    s.journal_at[1], s.dead);
  PrintThreads(s);
}

Drain::State Drain::First() {
  State s{};
  for (u8 &holder : s.holder) holder = kFree;
  s.free = s.live = Byte((1 << size_.slabs) - 1);
  return s;
}

static void what_waits_is_hinted_over_several_chunks() {
  Prove(Drain({3, 1, false, Nightly()}, Bug::none));
}

static void an_empty_slab_is_hinted_until_its_chunk_is_free() {
  Prove(Drain({2, Nightly() ? 1 : 2, true, Nightly()}, Bug::none));
}

template <Bug bug>
static void Catches() {
  constexpr bool releases = bug == Bug::passed_by_without_bit || bug == Bug::refused_without_hint;
  constexpr int bound = bug == Bug::bound_reached_without_hint ? 1 : 2;
  Refute(Drain({releases ? 2 : 3, bound, releases, true}, bug));
}

static const test_entry entries[] = {
    CASE(what_waits_is_hinted_over_several_chunks),
    CASE(an_empty_slab_is_hinted_until_its_chunk_is_free),
    CAUGHT(drain_without_journal),
    CAUGHT(collection_ends_journal),
    CAUGHT(hints_cleared_from_below),
    CAUGHT(word_read_before_summary_cleared),
    CAUGHT(bit_cleared_after_chunks),
    CAUGHT(one_chunk_of_a_bit),
    CAUGHT(bound_reached_without_hint),
    CAUGHT(passed_by_without_bit),
    CAUGHT(redo_without_hint),
    CAUGHT(recovery_restores_bit_alone),
    CAUGHT(refused_without_hint),
};

MODEL_SUITE(drain, entries)

}  // namespace model
