// SPDX-License-Identifier: MIT
// The steps of the model of slabs: each is a function of alloc/, with its accesses in order.
#include "tests/model/slabs_model.h"

namespace model {

void Slabs::Journalise(State &s, int slot, Journal op, int at) {
  s.slot[slot].journal = op;
  s.slot[slot].at = op == kNoJournal ? Byte(0) : Byte(at);
}

bool Slabs::IsOwnSlab(const State &s, int unit, int slot) {
  return s.desc[unit].made != 0 && s.desc[unit].owner == slot && s.desc[unit].back == 0;
}

// Of the blocks of the slab at `first`, those that the slot's record names.
u8 Slabs::Named(const State &s, int slot, int first) const {
  int unit = s.slot[slot].record - 1;
  return unit >= first && unit < first + size_.units ? Byte(1 << (unit - first)) : Byte(0);
}

// A whole word; seeded: its class alone.
void Slabs::Forget(Desc &desc) const {
  if (Is(Bug::stale_descriptor_collected)) {
    desc.made = 0;
  } else {
    desc = Desc{};
  }
}

// Of the slab at t.first, whose owner is t.owner.
bool Slabs::Raise(State &s, Thread &t) {
  BEGIN(4);
  STEP(t.seen = Has(s.dirty, t.first));
  if (t.seen == 0) STEP(Set(s.dirty, t.first));
  STEP(t.seen = s.slot[t.owner].hints);
  if (t.seen == 0) STEP(s.slot[t.owner].hints = 1);
  t.seen = 0;
  END;
}

// Of the slab at t.first; J = COLLECT stands.
bool Slabs::Collect(State &s, Thread &t, int slot) {
  BEGIN(3);
  t.owner = Byte(slot);
  STEP(Clear(s.dirty, t.first));
  STEP(t.bits = s.remote[t.first]);
  if (t.bits != 0) {
    STEP(t.seen = s.desc[t.first].marked);
    for (t.scan = 0; t.scan < 2 && t.seen != 0 && !Is(Bug::records_not_respected); t.scan++) {
      STEP(if ((t.bits & Named(s, t.scan, t.first)) != 0) {
        Drop(t.bits, Named(s, t.scan, t.first));
        t.left = 1;
      });
    }
    t.scan = t.seen = 0;
    if (t.bits != 0) {
      STEP(Add(s.free[t.first], t.bits));
      STEP(Drop(s.remote[t.first], t.bits));
    }
    t.bits = 0;
  }
  if (t.left != 0 || t.op == kRecover) {
    t.left = 0;
    CALL(Raise(s, t));
  }
  t.owner = 0;
  if (s.listed[t.first] == 0) STEP(s.listed[t.first] = 1);
  END;
}

bool Slabs::CollectRuns(State &s, Thread &t) {
  BEGIN(3);
  STEP(t.bits = s.remote_runs);
  if (t.bits != 0) {
    STEP(t.seen = s.marked);
    for (t.scan = 0; t.scan < 2 && t.seen != 0; t.scan++) STEP(Drop(t.bits, Named(s, t.scan, 0)));
    t.scan = t.seen = 0;
  }
  while (t.bits != 0) {
    if (s.kind[Lowest(t.bits)] == kRun) STEP(s.kind[Lowest(t.bits)] = kNoRun);
    STEP(Clear(s.remote_runs, Lowest(t.bits)));
    Clear(t.bits, Lowest(t.bits));
  }
  END;
}

// t.claimed says whether it was taken. J is CHUNK then, and 0 otherwise.
bool Slabs::Claim(State &s, Thread &t, int slot) {
  BEGIN(2);
  t.claimed = 0;
  STEP(t.seen = s.cw);
  if (t.seen != kFree && t.seen != kOpen) {
    t.seen = 0;
    DONE;
  }
  STEP(Journalise(s, slot, kChunk, 0));
  STEP(if (s.cw == t.seen) {
    s.cw = Claimed(slot);
    t.claimed = 1;
  });
  t.seen = 0;
  if (t.claimed == 0) {
    STEP(Journalise(s, slot, kNoJournal, 0));
    DONE;
  }
  CALL(CollectRuns(s, t));
  END;
}

bool Slabs::LetGo(State &s, Thread &t) {
  BEGIN(3);
  t.claimed = 0;
  t.seen = s.kind[0] == kNoRun && s.kind[1] == kNoRun;
  if (t.seen != 0) STEP(s.marked = 0);
  STEP(s.cw = t.seen != 0 ? kFree : kOpen);
  t.seen = 0;
  END;
}

bool Slabs::Settle(State &s, Thread &t, int slot) {
  BEGIN(1);
  while (true) {
    STEP(t.bits = s.remote_runs);
    if (t.bits != 0) {
      STEP(t.seen = s.marked);
      for (t.scan = 0; t.scan < 2 && t.seen != 0; t.scan++) {
        STEP(Drop(t.bits, Named(s, t.scan, 0)));
      }
      t.scan = t.seen = 0;
    }
    if (t.bits == 0) DONE;
    t.bits = 0;
    CALL(Claim(s, t, slot));
    if (t.claimed == 0) DONE;
    CALL(LetGo(s, t));
    STEP(Journalise(s, slot, kNoJournal, 0));
  }
  END;
}

bool Slabs::EndClaim(State &s, Thread &t, int slot) {
  BEGIN(2);
  CALL(LetGo(s, t));
  STEP(Journalise(s, slot, kNoJournal, 0));
  END;
}

bool Slabs::Pop(State &s, Thread &t, int slot) {
  int block = Lowest(s.free[t.first]);
  if (s.holder[t.first + block] != kNobody) return Fail("a block was issued twice");
  Clear(s.free[t.first], block);
  s.holder[t.first + block] = Byte(kHeld + slot);
  return false;
}

bool Slabs::Make(State &s, Thread &t, int slot) {
  BEGIN(0);
  CALL(Claim(s, t, slot));
  if (t.claimed == 0) DONE;
  for (int unit = t.first; unit < t.first + size_.units; unit++) {
    t.seen = Byte(t.seen | s.kind[unit] | (SlabOf(s, unit) >= 0 ? 1 : 0));
  }
  if (t.seen != 0) {
    t.seen = 0;
    CALL(EndClaim(s, t, slot));
    CALL(Settle(s, t, slot));
    DONE;
  }
  if (!Is(Bug::new_slab_without_journal)) STEP(Journalise(s, slot, kNewSlab, t.first));
  if (s.remote[t.first] != 0) return Fail("a free of the slab before is in RB");
  STEP(s.free[t.first] = AllBlocks(); s.listed[t.first] = 0);
  STEP(s.kind[t.first] = kSlab);
  if (size_.units == 2) STEP(s.desc[1] = (Desc{1, Byte(slot), 1, 0}));
  STEP(s.desc[t.first] = (Desc{1, Byte(slot), 0, 0}));
  CALL(LetGo(s, t));
  if (Is(Bug::looked_again_before_journal_ends)) CALL(Settle(s, t, slot));
  STEP(s.listed[t.first] = 1);
  STEP(Journalise(s, slot, kNoJournal, 0));
  CALL(Settle(s, t, slot));
  END;
}

// Of the slab at t.first, under the claim.
bool Slabs::ReleaseSteps(State &s, Thread &t) {
  BEGIN(3);
  if (!Is(Bug::slab_unlinked_after_claim)) STEP(s.listed[t.first] = 0);
  for (t.scan = 0; t.scan < size_.units && !Is(Bug::descriptors_cleared_after_claim); t.scan++) {
    STEP(Forget(s.desc[t.first + t.scan]));
  }
  t.scan = 0;
  for (int unit = t.first; unit < t.first + size_.units; unit++) {
    if (s.holder[unit] != kNobody) return Fail("a slab was released that is in use");
  }
  STEP(s.kind[t.first] = kNoRun);
  END;
}

bool Slabs::Release(State &s, Thread &t, int slot) {
  BEGIN(1);
  STEP(t.seen = s.remote[t.first]);
  if (t.seen != 0) {
    t.seen = 0;
    DONE;
  }
  CALL(Claim(s, t, slot));
  if (t.claimed == 0) DONE;
  if (!Is(Bug::free_slab_without_journal)) STEP(Journalise(s, slot, kFreeSlab, t.first));
  CALL(ReleaseSteps(s, t));
  CALL(LetGo(s, t));
  if (Is(Bug::slab_unlinked_after_claim)) STEP(s.listed[t.first] = 0);
  for (; t.scan < size_.units && Is(Bug::descriptors_cleared_after_claim); t.scan++) {
    STEP(s.desc[t.first + t.scan] = Desc{});
  }
  t.scan = 0;
  STEP(Journalise(s, slot, kNoJournal, 0));
  END;
}

// The free itself, of t.unit: of a run, an own or another's block.
bool Slabs::FreeBlock(State &s, Thread &t, int slot) {
  int bit = t.unit - t.first;
  BEGIN(3);
  if (s.desc[t.unit].made == 0) {
    STEP(Set(s.remote_runs, t.unit); s.holder[t.unit] = kNobody);
    DONE;
  }
  t.first = Byte(t.unit - s.desc[t.unit].back);
  t.owner = s.desc[t.unit].owner;
  if (t.owner == slot) {
    t.owner = 0;
    STEP(Set(s.free[t.first], t.unit - t.first); s.holder[t.unit] = kNobody);
    DONE;
  }
  STEP(Journalise(s, slot, kHint, t.first));
  if (Has(s.remote[t.first], bit)) return Fail("a double free is reported that is none");
  STEP(Set(s.remote[t.first], bit); s.holder[t.unit] = kNobody);
  CALL(Raise(s, t));
  t.owner = 0;
  STEP(Journalise(s, slot, kNoJournal, 0));
  END;
}

bool Slabs::Free(State &s, Thread &t, int slot) {
  Slot &own = s.slot[slot];
  BEGIN(0);
  t.left = s.desc[t.unit].made == 0;  // a run: its chunk is looked at afterwards
  if (t.op == kFreeFrom) {
    t.first = Byte(t.unit - s.desc[t.unit].back);
    if (t.left == 0 && s.desc[t.first].marked == 0) STEP(s.desc[t.first].marked = 1);
    if (t.left != 0 && s.marked == 0) STEP(s.marked = 1);
    STEP(own.record = Byte(t.unit + 1));
    STEP(own.word = 0; s.holder[t.unit] = Byte(kGone + slot));
  }
  CALL(FreeBlock(s, t, slot));
  if (Is(Bug::release_while_record_stands) && t.left == 0 && IsOwnSlab(s, t.first, slot) &&
      s.free[t.first] == AllBlocks()) {
    CALL(Release(s, t, slot));
  }
  if (t.op == kFreeFrom) STEP(own.record = 0);
  t.unit = t.first = 0;
  if (t.left == 0) DONE;
  t.left = 0;
  CALL(Claim(s, t, slot));
  if (t.claimed == 0) DONE;
  CALL(EndClaim(s, t, slot));
  CALL(Settle(s, t, slot));
  END;
}

bool Slabs::TakeRun(State &s, Thread &t, int slot) {
  BEGIN(0);
  CALL(Claim(s, t, slot));
  if (t.claimed == 0) DONE;
  if (s.kind[t.unit] == kNoRun && SlabOf(s, t.unit) < 0) {
    if (!Is(Bug::run_without_journal)) STEP(Journalise(s, slot, kRunTaken, t.unit));
    if (s.holder[t.unit] != kNobody) return Fail("a run was issued over what is live");
    STEP(s.kind[t.unit] = kRun; s.holder[t.unit] = Byte(kTaken + slot));
    STEP(Journalise(s, slot, kChunk, 0); s.holder[t.unit] = Byte(kHeld + slot));
  }
  t.unit = 0;
  CALL(EndClaim(s, t, slot));
  CALL(Settle(s, t, slot));
  END;
}

bool Slabs::DrainOnce(State &s, Thread &t, int slot) {
  BEGIN(0);
  STEP(Journalise(s, slot, kDrain, 0));
  STEP(s.slot[slot].hints = 0);
  for (t.first = 0; t.first < kUnits; t.first++) {
    STEP(t.seen = Has(s.dirty, t.first));
    if (t.seen == 0) continue;
    STEP(t.seen = IsOwnSlab(s, t.first, slot) ||
                  (Is(Bug::stale_descriptor_collected) && s.desc[t.first].owner == slot));
    if (t.seen == 0) continue;
    t.seen = 0;
    STEP(Journalise(s, slot, kCollect, t.first));
    CALL(Collect(s, t, slot));
    STEP(Journalise(s, slot, kDrain, 0));
  }
  LAST(Journalise(s, slot, kNoJournal, 0));
  END;
}

// Rows of the chunk, but for descriptors and what stands in the chunk's own.
void Slabs::GiveRowsBack(State &s) {
  for (int unit = 0; unit < kUnits; unit++) {
    s.kind[unit] = s.free[unit] = s.remote[unit] = s.listed[unit] = 0;
  }
}

bool Slabs::TrimIt(State &s, Thread &t, int slot) {
  BEGIN(0);
  STEP(Journalise(s, slot, kTrim, 0));
  STEP(if (s.cw == kFree) {
    s.cw = Byte(kTrim0 + slot);
    t.claimed = 1;
  });
  if (t.claimed != 0) {
    STEP(GiveRowsBack(s));
    STEP(s.cw = kFree);
  }
  LAST(Journalise(s, slot, kNoJournal, 0));
  END;
}

}  // namespace model
