// SPDX-License-Identifier: MIT
// Recovery in the model of slabs, of slot t.victim: alloc/recover.c and handover.c.
#include "tests/model/slabs_model.h"

namespace model {

// What a standing record names dies, unless it has.
bool Slabs::EnsureFree(State &s, Thread &t) {
  BEGIN(1);
  t.unit = Byte(s.slot[t.victim].record - 1);
  t.first = Byte(t.unit - s.desc[t.unit].back);
  if (s.desc[t.unit].made != 0) {
    STEP(t.seen = s.remote[t.first]);
    if (s.desc[t.unit].owner == t.victim) t.seen = Byte(t.seen | s.free[t.first]);
    t.seen = Has(t.seen, t.unit - t.first);
  } else {
    STEP(t.seen = Byte(Has(s.remote_runs, t.unit) || s.kind[t.unit] != kRun));
  }
  if (t.seen == 0) {
    if (s.holder[t.unit] != kGone + t.victim) return Fail("recovery freed what is live or free");
    CALL(FreeBlock(s, t, t.victim));
  }
  t.unit = t.first = t.seen = 0;
  END;
}

bool Slabs::LetClaimGo(State &s, Thread &t) {
  BEGIN(2);
  STEP(Journalise(s, t.victim, kChunk, 0));
  if (s.cw == Claimed(t.victim)) {
    CALL(CollectRuns(s, t));
    CALL(LetGo(s, t));
  }
  STEP(Journalise(s, t.victim, kNoJournal, 0));
  END;
}

// J = NEWSLAB or FREESLAB.
bool Slabs::RecoverSlab(State &s, Thread &t) {
  u8 &journal = s.slot[t.victim].journal;
  BEGIN(2);
  if (journal == kNewSlab && Is(Bug::new_slab_taken_for_made) && s.kind[t.first] == kSlab) {
    STEP(s.listed[t.first] = 1);
    DONE;
  }
  if (s.cw != Claimed(t.victim)) {
    if (journal == kNewSlab) STEP(s.listed[t.first] = 1);
    DONE;
  }
  if (journal == kNewSlab) {
    for (t.scan = 0; t.scan < size_.units; t.scan++) STEP(s.desc[t.first + t.scan] = Desc{});
    t.scan = 0;
    STEP(s.kind[t.first] = kNoRun);
  } else {
    CALL(ReleaseSteps(s, t));
  }
  END;
}

bool Slabs::RecoverJournal(State &s, Thread &t) {
  Slot &of = s.slot[t.victim];
  BEGIN(1);
  t.first = of.at;
  if (of.journal == kRunTaken && s.cw == Claimed(t.victim) && s.kind[t.first] == kRun) {
    if (s.holder[t.first] != kTaken + t.victim) return Fail("recovery undid a live run");
    STEP(s.kind[t.first] = kNoRun; s.holder[t.first] = kNobody);
  }
  if (of.journal == kNewSlab || of.journal == kFreeSlab) CALL(RecoverSlab(s, t));
  if (of.journal == kTrim && s.cw == kTrim0 + t.victim) {
    STEP(GiveRowsBack(s));
    STEP(s.cw = kFree);
  }
  if (of.journal == kCollect && IsOwnSlab(s, t.first, t.victim)) CALL(Collect(s, t, t.victim));
  if (of.journal == kDrain) STEP(of.hints = 1);
  if (of.journal == kHint) {
    STEP(t.seen = s.desc[t.first].made; t.owner = s.desc[t.first].owner);
    if (t.seen != 0) CALL(Raise(s, t));
    t.seen = t.owner = 0;
  }
  t.first = 0;
  if (s.cw == Claimed(t.victim)) CALL(LetClaimGo(s, t));
  if (of.journal != kNoJournal) STEP(Journalise(s, t.victim, kNoJournal, 0));
  END;
}

bool Slabs::Recover(State &s, Thread &t) {
  BEGIN(0);
  if (Is(Bug::claim_let_go_first) && s.cw == Claimed(t.victim)) STEP(s.cw = kOpen);
  CALL(RecoverJournal(s, t));
  CALL(Settle(s, t, t.victim));
  if (s.slot[t.victim].record != 0) {
    if (s.slot[t.victim].word == 0) CALL(EnsureFree(s, t));
    STEP(s.slot[t.victim].record = 0);
  }
  for (u8 holder : s.holder) {
    bool lost = holder == kGone + t.victim || holder == kTaken + t.victim;
    if (lost) return Fail("memory was lost: its call was cut short");
  }
  LAST(Clear(s.dead, t.victim));
  END;
}

}  // namespace model
