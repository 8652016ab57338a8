// SPDX-License-Identifier: MIT
// Goal: whatever dies while slabs are made and released, no memory is issued twice or lost, and no
// late hint does harm. Method: the model of tests/model/slabs_model.h.
#include <cstdio>

#include "tests/model/slabs_model.h"

namespace model {

bool Slabs::Step(State &s, int actor) {
  Thread &t = s.thread[actor];
  switch (t.op) {
    case kPop: return Pop(s, t, actor);
    case kMake: return Make(s, t, actor);
    case kFreeIt:
    case kFreeFrom: return Free(s, t, actor);
    case kTakeRun: return TakeRun(s, t, actor);
    case kDrainOnce: return DrainOnce(s, t, actor);
    case kTrimIt: return TrimIt(s, t, actor);
    case kRecover: return Recover(s, t);
    default: break;
  }
  BEGIN(0);
  CALL(Release(s, t, actor));
  CALL(Settle(s, t, actor));
  END;
}

void Slabs::IdleUnit(const State &s, int actor, u8 unit) {
  Thread t{};
  State z = s;
  t.unit = unit;
  t.op = kFreeFrom;
  if (s.holder[unit] == kInWord + actor) Begin(s, actor, t);
  if (s.holder[unit] == kHeld + actor) {
    t.op = kFreeIt;
    Begin(s, actor, t);
    z.holder[unit] = Byte(kHeld + 1 - actor);
    Put(z);
    z.holder[unit] = Byte(kInWord + actor);
    z.slot[actor].word = Byte(unit + 1);
    if (size_.records && s.slot[actor].word == 0) Put(z);
  }
  t.op = kTakeRun;
  if (size_.runs) Begin(s, actor, t);
  t.unit = 0;
  t.first = unit;
  // A list is its slot's own: no descriptor is asked.
  bool own = s.listed[unit] != 0 && s.desc[unit].owner == actor;
  t.op = kPop;
  if (own && s.free[unit] != 0) Begin(s, actor, t);
  t.op = kRelease;
  if (own && s.free[unit] == AllBlocks() && s.desc[unit].made != 0) Begin(s, actor, t);
  t.op = kMake;
  if (!own && unit + size_.units <= kUnits) Begin(s, actor, t);
}

void Slabs::Idle(const State &s, int actor) {
  if (actor == kRecoverer) return BeginRecovery(s, kRecover);
  Thread t{};
  for (u8 unit = 0; unit < kUnits; unit++) IdleUnit(s, actor, unit);
  t.op = kDrainOnce;
  if (s.slot[actor].hints != 0) Begin(s, actor, t);
  t.op = kTrimIt;
  if (size_.trims && s.cw == kFree) Begin(s, actor, t);
}

// The first unit of the slab that D has at a unit; -1: none.
int Slabs::SlabOf(const State &s, int unit) const {
  if (s.kind[unit] == kSlab) return unit;
  return size_.units == 2 && unit == 1 && s.kind[0] == kSlab ? 0 : -1;
}

void Slabs::CheckUnit(const State &s, int unit) {
  int first = SlabOf(s, unit);
  bool is_free = s.kind[unit] == kNoRun || Has(s.remote_runs, unit);
  if (first >= 0) {
    is_free = Has(s.free[first] | s.remote[first], unit - first);
    if (s.desc[unit].made == 0) Fail("a slab has no descriptor");
    if (s.listed[first] == 0) Fail("a slab is not listed");
    if ((s.free[first] & s.remote[first]) != 0) Fail("a block is in two free sets");
    bool hinted = Has(s.dirty, first) && s.slot[s.desc[first].owner].hints != 0;
    if (s.remote[first] != 0 && !hinted) Fail("a block waits, and no hint leads to it");
  } else {
    if (s.desc[unit].made != 0) Fail("there is a descriptor, and no slab");
    if (s.listed[unit] != 0) Fail("what is no slab is listed");
  }
  if (is_free != (s.holder[unit] == kNobody)) Fail(is_free ? "what is live is free" : "it is lost");
}

void Slabs::Check(const State &s) {
  for (int unit = 0; unit < kUnits; unit++) {
    if (s.holder[unit] < kHeld || s.holder[unit] >= kGone) continue;
    int first = SlabOf(s, unit);
    bool right = s.kind[unit] == kRun && s.desc[unit].made == 0 && !Has(s.remote_runs, unit);
    if (first >= 0) {
      right = s.desc[unit].made != 0 && s.desc[unit].back == unit - first &&
              !Has(s.free[first] | s.remote[first], unit - first);
    }
    if (!right) Fail("what is live is marked free, or as something else");
  }
  if (!IsQuiet(s)) return;
  if (s.cw != kFree && s.cw != kOpen) Fail("a claim is left");
  for (int unit = 0; unit < kUnits; unit++) CheckUnit(s, unit);
}

void Slabs::Print(const State &s) {
  (void)std::printf("cw %d RP %x cd %x cjf %d | ", s.cw, s.remote_runs, s.dirty, s.marked);
  for (int unit = 0; unit < kUnits; unit++) {
    const Desc &desc = s.desc[unit];
    (void)std::printf("D %d desc %d.%d.%d.%d F%x RB%x listed %d held %d | ", s.kind[unit],
                      desc.made, desc.owner, desc.back, desc.marked, s.free[unit], s.remote[unit],
                      s.listed[unit], s.holder[unit]);
  }
  for (const Slot &slot : s.slot) {
    (void)std::printf("J %d(%d) JA %d word %d H %d | ", slot.journal, slot.at, slot.record,
                      slot.word, slot.hints);
  }
  (void)std::printf("dead %x |", s.dead);
  PrintThreads(s);
}

static void a_slab_beside_runs_loses_and_doubles_nothing() {
  Prove(Slabs({2, true, Nightly(), false}, Bug::none));
  if (Nightly()) Prove(Slabs({1, false, false, true}, Bug::none));
}

static void slabs_under_records_and_trims_lose_and_double_nothing() {
  Prove(Slabs({2, false, true, true}, Bug::none));
}

template <Bug bug>
static void Catches() {
  constexpr bool apart = bug == Bug::looked_again_before_journal_ends;
  constexpr bool records = bug == Bug::records_not_respected ||
                           bug == Bug::release_while_record_stands;
  Refute(Slabs({apart ? 1 : 2, true, records, false}, bug));
}

static const test_entry entries[] = {
    CASE(a_slab_beside_runs_loses_and_doubles_nothing),
    CASE(slabs_under_records_and_trims_lose_and_double_nothing),

    CAUGHT(new_slab_without_journal),
    CAUGHT(new_slab_taken_for_made),
    CAUGHT(free_slab_without_journal),
    CAUGHT(slab_unlinked_after_claim),
    CAUGHT(descriptors_cleared_after_claim),
    CAUGHT(stale_descriptor_collected),
    CAUGHT(claim_let_go_first),
    CAUGHT(records_not_respected),
    CAUGHT(release_while_record_stands),
    CAUGHT(looked_again_before_journal_ends),
    CAUGHT(run_without_journal),
};

MODEL_SUITE(slabs, entries)

}  // namespace model
