// SPDX-License-Identifier: MIT
// Goal: whatever dies in a trim or a pin, no page is used that is gone, no pinned page goes, and no
// old bytes are taken for zero. Method: the model of tests/model/trim_model.h.
#include <cstdio>

#include "tests/model/trim_model.h"

namespace model {

// The recoverer of before is dead when another has begun.
bool Trim::IsDead(const State &s, int process) const {
  if (Is(Bug::living_pin_ignored)) return true;
  return process == kRecoverer ? s.thread[kRecoverer].op == kIdle : Has(s.dead, process);
}

bool Trim::TouchMeta(const State &s) {
  return s.meta_backed == 0 && Fail("a page was read that is not there");
}

// Under the claim.
bool Trim::Back(State &s, Thread &t) {
  BEGIN(1);
  if (s.meta == 0) {
    STEP(s.meta_backed = 1);
    STEP(s.meta = 1);
  }
  if (s.committed == 0) {
    if (Is(Bug::marked_before_backed)) STEP(s.committed = 1);
    STEP(if (s.backed == 0) s.clean = 1; s.backed = 1);
    if (!Is(Bug::marked_before_backed)) STEP(s.committed = 1);
    if (s.stale == 0 || Is(Bug::old_bytes_forgotten_by_redo)) {
      if (TouchMeta(s)) return true;
      STEP(s.zero = 1);
    }
  }
  END;
}

bool Trim::Take(State &s, Thread &t, int slot) {
  BEGIN(0);
  STEP(s.journal[slot] = kChunk);
  STEP(if (s.cw == kFree) s.cw = Claimed(slot); t.seen = s.cw == Claimed(slot));
  if (t.seen != 0) {
    CALL(Back(s, t));
    if (TouchMeta(s)) return true;
    if (s.zero != 0 && s.clean == 0) return Fail("old bytes were issued as zero");
    STEP(s.held = Byte(slot + 1));
    if (!Is(Bug::zero_kept_when_issued)) STEP(s.zero = 0);
    STEP(s.cw = kUsed; s.clean = 0);
  }
  LAST(s.journal[slot] = kNoJournal);
  END;
}

bool Trim::Give(State &s, Thread &t, int slot) {
  BEGIN(0);
  STEP(s.journal[slot] = kChunk);
  STEP(s.cw = Claimed(slot); s.held = 0);
  STEP(s.cw = kFree);
  LAST(s.journal[slot] = kNoJournal);
  END;
}

bool Trim::LookAtPins(State &s, Thread &t) {
  BEGIN(2);
  t.pinned = 0;
  STEP(t.seen = s.pin);
  if (t.seen >= kPinned && t.seen < kChanging) {
    STEP(t.pinned = s.pin_covers);
    if (t.pinned != 0) STEP(t.pinned = !IsDead(s, t.seen - kPinned));
  }
  t.seen = 0;
  END;
}

bool Trim::GiveBack(State &s, Thread &t) {
  BEGIN(2);
  t.seen = s.committed;
  if (s.meta != 0) {
    if (TouchMeta(s)) return true;
    STEP(s.zero = 0);
  }
  if (!Is(Bug::bits_cleared_after_pages)) {
    if (!Is(Bug::old_bytes_forgotten_by_redo)) STEP(s.stale = 1);
    STEP(s.committed = 0);
    STEP(s.meta = 0);
  }
  if (t.refused != 0) {
    if (!Is(Bug::kept_pages_taken_for_gone)) STEP(s.committed = t.seen);
    if (Is(Bug::kept_pages_taken_for_gone)) STEP(s.stale = 0);
  } else {
    for (int actor = 0; actor < 2; actor++) {
      bool pinned = s.granted[actor] != 0 && !Has(s.dead, actor);
      if (pinned) return Fail("pinned pages were given back");
    }
    STEP(s.backed = s.clean = 0);
    if (s.stale != 0) STEP(s.stale = 0);
    STEP(s.meta_backed = s.zero = 0);
  }
  if (Is(Bug::bits_cleared_after_pages)) {
    STEP(s.committed = 0);
    STEP(s.meta = 0);
  }
  t.seen = 0;
  END;
}

bool Trim::TrimSteps(State &s, Thread &t) {
  bool unasked = Is(Bug::redo_without_pins) && t.op == kRecover;
  BEGIN(1);
  if (!unasked && !Is(Bug::pins_read_before_swap)) CALL(LookAtPins(s, t));
  if (t.pinned == 0) CALL(GiveBack(s, t));
  t.pinned = 0;
  STEP(s.cw = kFree);
  END;
}

bool Trim::TrimIt(State &s, Thread &t, int slot) {
  BEGIN(0);
  if (Is(Bug::pins_read_before_swap)) CALL(LookAtPins(s, t));
  if (!Is(Bug::trim_without_journal)) STEP(s.journal[slot] = kTrim);
  STEP(if (s.cw == kFree) s.cw = Trimming(slot); t.seen = s.cw == Trimming(slot));
  if (t.seen != 0) CALL(TrimSteps(s, t));
  LAST(s.journal[slot] = kNoJournal);
  END;
}

// What others mean to compare with is of the past: an op never comes back, since it counts its uses
// and names its process's generation.
void Trim::StorePin(State &s, const Thread &by, int op) {
  s.pin = Byte(op);
  for (Thread &other : s.thread) {
    if (&other != &by && other.expected != 0) other.expected = kPast;
  }
}

// Empties the record whose op t.expected is, unless another does.
bool Trim::Release(State &s, Thread &t, int process) {
  BEGIN(2);
  STEP(t.seen = s.pin == t.expected; t.expected = 0;
       if (t.seen != 0) StorePin(s, t, kChanging + process));
  if (t.seen != 0) {
    STEP(s.pin_covers = 0);
    STEP(StorePin(s, t, kNoPin));
  }
  t.seen = 0;
  END;
}

bool Trim::Pin(State &s, Thread &t, int process) {
  BEGIN(0);
  STEP(t.seen = s.pin == kNoPin; if (t.seen != 0) StorePin(s, t, kChanging + process));
  if (t.seen == 0) {
    STEP(t.expected = t.seen = s.pin);
    if (t.seen == kNoPin) DONE;
    STEP(t.pinned = IsDead(s, (t.seen - kPinned) % 3));
    if (t.pinned != 0) CALL(Release(s, t, process));
    DONE;
  }
  t.seen = 0;
  if (Is(Bug::pin_looks_before_it_stands)) STEP(t.pinned = HoldsMemory(s));
  if (!Is(Bug::pin_names_chunk_last)) STEP(s.pin_covers = 1);
  STEP(StorePin(s, t, kPinned + process));
  if (!Is(Bug::pin_looks_before_it_stands)) STEP(t.pinned = HoldsMemory(s));
  if (Is(Bug::pin_names_chunk_last)) STEP(s.pin_covers = 1);
  if (Is(Bug::pin_without_look)) t.pinned = 1;
  if (t.pinned == 0) {
    t.expected = Byte(kPinned + process);
    CALL(Release(s, t, process));
    DONE;
  }
  s.granted[process] = 1;
  END;
}

bool Trim::Unpin(State &s, Thread &t, int process) {
  BEGIN(0);
  s.granted[process] = 0;
  t.expected = Byte(kPinned + process);
  CALL(Release(s, t, process));
  END;
}

bool Trim::Recover(State &s, Thread &t) {
  u8 &journal = s.journal[t.victim];
  BEGIN(0);
  if (journal == kTrim && s.cw == Trimming(t.victim)) CALL(TrimSteps(s, t));
  if (journal == kChunk && s.cw == Claimed(t.victim)) {
    if (s.held == t.victim + 1) s.held = 0;  // the run is taken back: nobody has it
    STEP(s.cw = kFree);
  }
  if (journal != kNoJournal) STEP(journal = kNoJournal);
  s.granted[t.victim] = 0;
  STEP(t.expected = t.seen = s.pin);
  if (t.seen == kPinned + t.victim || t.seen == kChanging + t.victim ||
      t.seen == kChanging + kRecoverer) {
    CALL(Release(s, t, kRecoverer));
  }
  t.seen = t.expected = 0;
  LAST(Clear(s.dead, t.victim));
  END;
}

bool Trim::Step(State &s, int actor) {
  Thread &t = s.thread[actor];
  switch (t.op) {
    case kTake: return Take(s, t, actor);
    case kGive: return Give(s, t, actor);
    case kTrimIt: return TrimIt(s, t, actor);
    case kPin: return Pin(s, t, actor);
    case kUnpin: return Unpin(s, t, actor);
    default: return Recover(s, t);
  }
}

void Trim::Idle(const State &s, int actor) {
  if (actor == kRecoverer) {
    for (u8 victim = 0; victim < 2; victim++) {
      if (!Has(s.dead, victim)) continue;
      for (u8 refused = 0; refused < 2; refused++) {
        Begin(s, actor, {kRecover, refused, 0, 0, 0, victim, {}});
      }
    }
    return;
  }
  if (s.cw == kFree) {
    Begin(s, actor, {kTake, 0, 0, 0, 0, 0, {}});
    Begin(s, actor, {kTrimIt, 0, 0, 0, 0, 0, {}});
    Begin(s, actor, {kTrimIt, 1, 0, 0, 0, 0, {}});
  }
  if (s.cw == kUsed && s.held == actor + 1) Begin(s, actor, {kGive, 0, 0, 0, 0, 0, {}});
  if (s.granted[actor] != 0) {
    Begin(s, actor, {kUnpin, 0, 0, 0, 0, 0, {}});
  } else if (s.held != 0) {
    Begin(s, actor, {kPin, 0, 0, 0, 0, 0, {}});
  }
}

void Trim::Check(const State &s) {
  if (s.cw == kUsed && s.backed == 0) Fail("a chunk is used whose pages are gone");
  if (s.committed != 0 && s.backed == 0) Fail("pages are said to be backed that are gone");
  if (!IsQuiet(s)) return;
  if (s.cw != kFree && s.cw != kUsed) Fail("a chunk is left claimed, or in TRIM");
  if ((s.cw == kUsed) != (s.held != 0)) Fail("a chunk is lost");
}

void Trim::Print(const State &s) {
  (void)std::printf(
      "cw %d held %d committed %d meta %d zero %d stale %d | is backed %d clean %d meta %d | ",
      s.cw, s.held, s.committed, s.meta, s.zero, s.stale, s.backed, s.clean, s.meta_backed);
  (void)std::printf("pin %d covers %d granted %d%d | J %d %d dead %x |", s.pin, s.pin_covers,
                    s.granted[0], s.granted[1], s.journal[0], s.journal[1], s.dead);
  PrintThreads(s);
}

static void pages_are_there_when_they_are_used_or_pinned() {
  Prove(Trim(Bug::none));
}

template <Bug bug>
static void Catches() {
  Refute(Trim(bug));
}

static const test_entry entries[] = {
    CASE(pages_are_there_when_they_are_used_or_pinned),
    CAUGHT(trim_without_journal),
    CAUGHT(bits_cleared_after_pages),
    CAUGHT(kept_pages_taken_for_gone),
    CAUGHT(old_bytes_forgotten_by_redo),
    CAUGHT(pins_read_before_swap),
    CAUGHT(redo_without_pins),
    CAUGHT(pin_without_look),
    CAUGHT(pin_looks_before_it_stands),
    CAUGHT(pin_names_chunk_last),
    CAUGHT(living_pin_ignored),
    CAUGHT(marked_before_backed),
    CAUGHT(zero_kept_when_issued),
};

MODEL_SUITE(trim, entries)

}  // namespace model
