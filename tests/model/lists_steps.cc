// SPDX-License-Identifier: MIT
// The steps of the model of lists: each is a function of alloc/, with its accesses in order.
#include "tests/model/lists_model.h"

namespace model {

void Lists::Journalise(State &s, int slot, Journal op, int at) {
  s.journal[slot] = op;
  s.journal_at[slot] = op == kNoJournal ? Byte(0) : Byte(at);
}

// Of slab t.slab, as all that follows.
bool Lists::Push(State &s, Thread &t) {
  Slab &slab = s.slab[t.slab];
  if (IsMisplaced(s, t.slab)) return Fail("a slab is listed that is not there");
  BEGIN(4);
  if (s.head != t.slab + 1) {
    t.left = s.head;
    if (Is(Bug::push_links_head_first)) STEP(s.head = Byte(t.slab + 1));
    STEP(slab.prev = 0);
    STEP(slab.next = t.left);
    if (t.left != 0) STEP(s.slab[t.left - 1].prev = Byte(t.slab + 1));
    if (!Is(Bug::push_links_head_first)) STEP(s.head = Byte(t.slab + 1));
    t.left = 0;
  }
  STEP(slab.state = kPartial);
  END;
}

bool Lists::Unlink(State &s, Thread &t) {
  Slab &slab = s.slab[t.slab];
  BEGIN(4);
  if (slab.state == kFull) DONE;
  if (slab.prev != 0) {
    STEP(s.slab[slab.prev - 1].next = slab.next);
  } else if (s.head == t.slab + 1) {
    STEP(s.head = slab.next);
  }
  if (slab.next != 0) STEP(s.slab[slab.next - 1].prev = slab.prev);
  STEP(slab.state = kFull);
  END;
}

bool Lists::Raise(State &s, Thread &t) {
  BEGIN(4);
  STEP(t.seen = s.slab[t.slab].dirty);
  if (t.seen == 0) STEP(s.slab[t.slab].dirty = 1);
  STEP(t.seen = Has(s.hints, HintOf(t.slab)));
  if (t.seen == 0) STEP(Set(s.hints, HintOf(t.slab)));
  STEP(t.seen = s.summary);
  if (t.seen == 0) STEP(s.summary = 1);
  t.seen = 0;
  END;
}

// J = COLLECT stands.
bool Lists::Collect(State &s, Thread &t) {
  Slab &slab = s.slab[t.slab];
  BEGIN(3);
  STEP(slab.dirty = 0);
  STEP(t.bits = slab.remote; if (Is(Bug::bits_taken_by_exchange)) slab.remote = 0);
  if ((t.op != kRecover || Is(Bug::double_free_reported_in_redo)) &&
      (t.bits & (slab.free | (s.ref == t.slab + 1 ? s.hand : 0))) != 0) {
    return Fail("a double free is reported that is none");
  }
  if (t.bits != 0) {
    STEP(Add(slab.free, t.bits));
    STEP(Drop(slab.remote, t.bits));
  }
  t.bits = 0;
  STEP(slab.nonempty = slab.free != 0);
  if (t.op == kRecover && !Is(Bug::redo_without_hint)) CALL(Raise(s, t));
  if (slab.state == kFull && slab.nonempty != 0 && !Is(Bug::collection_unlisted)) {
    CALL(Push(s, t));
  }
  END;
}

bool Lists::RunDrain(State &s, Thread &t) {
  BEGIN(2);
  STEP(Journalise(s, 0, kDrain, 0));
  STEP(s.summary = 0);
  STEP(t.left = s.hints);
  t.block = t.left;  // what is left of H: t.left serves the parts
  t.left = 0;
  while (t.block != 0) {
    t.bit = Byte(Lowest(t.block));
    STEP(Journalise(s, 0, kDrain, t.bit));
    STEP(Clear(s.hints, t.bit));
    for (t.slab = Byte(2 * t.bit); t.slab < size_.slabs && HintOf(t.slab) == t.bit; t.slab++) {
      STEP(t.seen = s.slab[t.slab].there != 0 && s.slab[t.slab].dirty != 0);
      if (t.seen == 0) continue;
      t.seen = 0;
      STEP(Journalise(s, 0, kCollect, t.slab));
      CALL(Collect(s, t));
      STEP(Journalise(s, 0, kDrain, t.bit));
    }
    Clear(t.block, t.bit);
  }
  t.slab = t.bit = 0;
  STEP(Journalise(s, 0, kNoJournal, 0));
  END;
}

// A is 0.
bool Lists::Refill(State &s, Thread &t) {
  Slab &slab = s.slab[t.slab];
  if (IsMisplaced(s, t.slab)) return Fail("the hand is filled from a slab that is not there");
  BEGIN(3);
  if (!Is(Bug::refill_without_journal)) STEP(Journalise(s, 0, kRefill, t.slab));
  STEP(s.ref = Byte(t.slab + 1));
  STEP(s.hand = slab.free);
  STEP(slab.free = 0);
  STEP(slab.nonempty = 0);
  STEP(Journalise(s, 0, kNoJournal, 0));
  END;
}

// Stale bits of N are cleared on the way.
bool Lists::RefillFrom(State &s, Thread &t) {
  Slab &slab = s.slab[t.slab];
  BEGIN(2);
  if (slab.nonempty == 0) DONE;
  if (slab.free != 0) {
    CALL(Refill(s, t));
  } else {
    STEP(slab.nonempty = 0);
  }
  END;
}

bool Lists::RefillFromList(State &s, Thread &t) {
  BEGIN(1);
  while (s.head != 0 && s.hand == 0) {
    t.slab = Byte(s.head - 1);
    CALL(RefillFrom(s, t));
    if (s.hand == 0) {
      if (!Is(Bug::unlink_without_journal)) STEP(Journalise(s, 0, kUnlink, t.slab));
      CALL(Unlink(s, t));
      STEP(Journalise(s, 0, kNoJournal, 0));
    }
  }
  END;
}

bool Lists::Pop(State &s, Thread &t) {
  t.block = Byte(Lowest(s.hand));
  t.slab = Byte(s.ref - 1);
  if (s.holder[t.slab][t.block] != kFree || IsMisplaced(s, t.slab)) {
    return Fail("a block was issued twice");
  }
  Clear(s.hand, t.block);
  s.holder[t.slab][t.block] = kOwner;
  return false;
}

// The slow order of an allocation, as far as the slot's own slabs go.
bool Lists::Alloc(State &s, Thread &t) {
  BEGIN(0);
  if (s.hand != 0) return Pop(s, t);
  if (s.ref != 0) {
    t.slab = Byte(s.ref - 1);
    CALL(RefillFrom(s, t));
  }
  if (s.hand == 0) {
    STEP(t.seen = s.summary);
    if (t.seen != 0) {
      t.seen = 0;
      CALL(RunDrain(s, t));
    }
    if (s.ref != 0) {
      t.slab = Byte(s.ref - 1);
      CALL(RefillFrom(s, t));
    }
  }
  if (s.hand == 0) CALL(RefillFromList(s, t));
  if (s.hand != 0) return Pop(s, t);
  END;
}

bool Lists::FreeOwn(State &s, Thread &t) {
  Slab &slab = s.slab[t.slab];
  u8 &holder = s.holder[t.slab][t.block];
  BEGIN(0);
  if (Has(slab.free | slab.remote | (s.ref == t.slab + 1 ? s.hand : 0), t.block)) {
    return Fail("a double free is reported that is none");
  }
  if (slab.free != 0) LAST(Set(slab.free, t.block); holder = kFree);
  if (slab.state == kFull && (s.hand == 0 || Is(Bug::hand_taken_with_blocks))) {
    STEP(s.ref = Byte(t.slab + 1));
    LAST(s.hand = Byte(1 << t.block); holder = kFree);
  }
  if (slab.state == kFull && !Is(Bug::first_free_not_listed)) {
    if (!Is(Bug::relist_without_journal)) STEP(Journalise(s, 0, kRelist, t.slab));
    STEP(slab.nonempty = 1);
    STEP(Set(slab.free, t.block); holder = kFree);
    CALL(Push(s, t));
    LAST(Journalise(s, 0, kNoJournal, 0));
  }
  if (Is(Bug::bits_before_word_is_noted)) STEP(Set(slab.free, t.block); holder = kFree);
  STEP(slab.nonempty = 1);
  if (!Is(Bug::bits_before_word_is_noted)) STEP(Set(slab.free, t.block); holder = kFree);
  END;
}

bool Lists::GiveBack(State &s, Thread &t) {
  BEGIN(0);
  t.slab = Byte(s.ref - 1);
  STEP(Journalise(s, 0, kRefill, t.slab));
  if (s.hand != 0) {
    STEP(s.slab[t.slab].nonempty = 1);
    STEP(Add(s.slab[t.slab].free, s.hand));
    STEP(s.hand = 0);
  }
  STEP(s.ref = 0);
  if (s.slab[t.slab].state == kFull && s.slab[t.slab].nonempty != 0 &&
      !Is(Bug::hand_given_back_unlisted)) {
    CALL(Push(s, t));
  }
  LAST(Journalise(s, 0, kNoJournal, 0));
  END;
}

// Of an empty slab, under its chunk's claim.
bool Lists::Release(State &s, Thread &t) {
  BEGIN(0);
  if (s.ref == t.slab + 1 && !Is(Bug::release_leaves_the_hand)) STEP(s.ref = 0);
  STEP(Journalise(s, 0, kFreeSlab, t.slab));
  CALL(Unlink(s, t));
  STEP(s.slab[t.slab].there = 0);
  LAST(Journalise(s, 0, kNoJournal, 0));
  END;
}

bool Lists::Make(State &s, Thread &t) {
  BEGIN(0);
  if (!Is(Bug::slab_made_without_journal)) STEP(Journalise(s, 0, kNewSlab, t.slab));
  STEP(s.slab[t.slab] = (Slab{1, kFull, 0, 0, 1, AllBlocks(), 0, s.slab[t.slab].dirty}));
  CALL(Push(s, t));
  LAST(Journalise(s, 0, kNoJournal, 0));
  END;
}

bool Lists::FreeOther(State &s, Thread &t) {
  BEGIN(0);
  if (!Is(Bug::remote_free_without_journal)) STEP(Journalise(s, 1, kHint, t.slab));
  STEP(Set(s.slab[t.slab].remote, t.block); s.holder[t.slab][t.block] = kFree);
  CALL(Raise(s, t));
  LAST(Journalise(s, 1, kNoJournal, 0));
  END;
}

bool Lists::RecoverOwner(State &s, Thread &t) {
  Slab &slab = s.slab[t.slab];
  u8 &journal = s.journal[0];
  BEGIN(1);
  if (journal == kRefill || journal == kRelist) {
    if (journal == kRefill && s.hand != 0) {
      STEP(Add(slab.free, s.hand));
      STEP(s.hand = 0);
    }
    STEP(slab.nonempty = slab.free != 0);
    if (slab.state == kFull && slab.nonempty != 0 &&
        !(journal == kRefill && Is(Bug::recovered_refill_unlisted))) {
      CALL(Push(s, t));
    }
  }
  if (journal == kUnlink) CALL(Unlink(s, t));
  if (journal == kCollect) CALL(Collect(s, t));
  if (journal == kDrain) {
    STEP(Set(s.hints, s.journal_at[0]));
    STEP(s.summary = 1);
  }
  if (journal == kFreeSlab && slab.there != 0) {
    CALL(Unlink(s, t));
    STEP(slab.there = 0);
  }
  if (journal == kNewSlab && slab.there != 0) CALL(Push(s, t));
  END;
}

bool Lists::Recover(State &s, Thread &t) {
  BEGIN(0);
  t.slab = s.journal_at[t.victim];
  if (t.victim == 0) CALL(RecoverOwner(s, t));
  if (s.journal[1] == kHint && t.victim == 1 && s.slab[t.slab].there != 0) CALL(Raise(s, t));
  if (s.journal[t.victim] != kNoJournal) STEP(Journalise(s, t.victim, kNoJournal, 0));
  LAST(Clear(s.dead, t.victim));
  END;
}

bool Lists::Step(State &s, int actor) {
  Thread &t = s.thread[actor];
  switch (t.op) {
    case kAlloc: return Alloc(s, t);
    case kFreeOwn: return FreeOwn(s, t);
    case kGiveBack: return GiveBack(s, t);
    case kRelease: return Release(s, t);
    case kMake: return Make(s, t);
    case kFreeOther: return FreeOther(s, t);
    default: return Recover(s, t);
  }
}

}  // namespace model
