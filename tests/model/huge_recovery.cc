// SPDX-License-Identifier: MIT
// Recovery in the model of whole chunks, of slot t.victim: alloc/recover.c and handover.c.
#include "tests/model/huge_model.h"

namespace model {

// Whether the run that J = HFREE1 names is its word's yet.
bool Huge::IsKept(const State &s, int slot) const {
  const Slot &of = s.slot[slot];
  bool dies = of.record == kFromWord && of.block == of.head && of.word != 0;
  return dies && !Is(Bug::free_carried_out_unasked);
}

bool Huge::RecoverJournal(State &s, Thread &t) {
  Slot &of = s.slot[t.victim];
  BEGIN(1);
  t.head = of.head;
  t.count = of.count;
  if (of.journal == kHuge && IsBy(s, t.head, kClaim, t.victim)) {
    if (of.record != kNoRecord && !Is(Bug::record_outlives_claim)) STEP(EndRecord(s, t.victim));
    CALL(LetGo(s, t, t.victim));
  } else if (of.journal == kHuge && IsBy(s, t.head, kHead, t.victim) && s.cw[t.head].x == t.count) {
    CALL(FreeChunks(s, t, t.victim));
  } else if (of.journal == kHfree1 && IsHead(s, t.head)) {
    if (!IsKept(s, t.victim)) {
      if (s.holder[t.head] != kHeld + t.victim && s.holder[t.head] != kGone + t.victim &&
          s.holder[t.head] != kTaken + t.victim) {
        return Fail("recovery freed a run that is live");
      }
      CALL(FreeChunks(s, t, t.victim));
    }
  } else if ((of.journal == kHfree1 || of.journal == kHfree2) &&
             IsBy(s, t.head, kFreeing, t.victim)) {
    if (of.record != kNoRecord && !Is(Bug::record_outlives_free)) STEP(EndRecord(s, t.victim));
    if (!Is(Bug::recovery_skips_second_phase)) STEP(Journalise(s, t.victim, kHfree2, t));
    CALL(LetGo(s, t, t.victim));
  } else if (of.journal == kHgrow) {
    CALL(Settle(s, t, t.victim));
  }
  if (of.journal != kNoJournal) STEP(Journalise(s, t.victim, kNoJournal, t));
  t.head = t.count = 0;
  END;
}

// J is 0 by now.
bool Huge::RecoverRecord(State &s, Thread &t) {
  Slot &of = s.slot[t.victim];
  BEGIN(1);
  if (of.word == 0) {
    // What stands at a chunk's start is a block of any kind, and whoever's.
    STEP(t.at = s.cw[of.block].state);
    if (t.at == kMixed) return Fail("recovery freed a block that was cut from the chunk since");
    if (t.at == kHead && of.record == kToWord && s.cw[of.block].slot == t.victim) {
      t.at = 0;
      t.head = of.block;
      if (s.holder[t.head] != kTaken + t.victim) return Fail("recovery freed a run that is live");
      CALL(FreeChunks(s, t, t.victim));
    }
    t.at = t.head = t.count = 0;
  }
  if (of.record != kNoRecord) STEP(EndRecord(s, t.victim));
  END;
}

bool Huge::Recover(State &s, Thread &t) {
  BEGIN(0);
  CALL(RecoverJournal(s, t));
  if (s.slot[t.victim].record != kNoRecord) CALL(RecoverRecord(s, t));
  for (u8 holder : s.holder) {
    bool lost = holder == kTaken + t.victim || holder == kGone + t.victim;
    if (lost) return Fail("a run was lost: its call was cut short");
  }
  LAST(Clear(s.dead, t.victim));
  END;
}

}  // namespace model
