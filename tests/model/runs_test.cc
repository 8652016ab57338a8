// SPDX-License-Identifier: MIT
// Goal: whatever dies, runs of a chunk are issued once, and none is lost. Method: the
// model of tests/model/runs_model.h.
#include <cstdio>

#include "tests/model/runs_model.h"

namespace model {

u8 Runs::Named(const State &s, int slot, int bits) {
  const Slot &of = s.slot[slot];
  return of.record == kNoRecord ? Byte(0) : Byte(bits & 1 << of.record_page);
}

void Runs::Give(State &s, int page, int length, int holder) {
  for (int i = page; i < page + length; i++) s.holder[i] = Byte(holder);
}

// The first page of `length` free ones, by the bitmap; kPages where there are none.
int Runs::Room(const State &s, int length) {
  for (int page = 0; page + length <= kPages; page++) {
    if ((s.used & Mask(page, length)) == 0) return page;
  }
  return kPages;
}

// Under the claim.
bool Runs::Collect(State &s, Thread &t) {
  BEGIN(3);
  if (Is(Bug::mark_read_before_bits)) STEP(t.seen = s.marked);
  STEP(t.bits = s.remote);
  if (t.bits != 0 && !Is(Bug::records_not_respected)) {
    if (!Is(Bug::mark_read_before_bits)) STEP(t.seen = s.marked);
    if (t.seen != 0) {
      STEP(Drop(t.bits, Named(s, 0, t.bits)));
      STEP(Drop(t.bits, Named(s, 1, t.bits)));
    }
  }
  while (t.bits != 0) {
    t.seen = s.length[Lowest(t.bits)];
    if (Is(Bug::bit_taken_before_run)) STEP(Clear(s.remote, Lowest(t.bits)));
    STEP(s.length[Lowest(t.bits)] = 0);
    if (t.seen != 0) STEP(Drop(s.used, Mask(Lowest(t.bits), t.seen)));
    if (!Is(Bug::bit_taken_before_run)) STEP(Clear(s.remote, Lowest(t.bits)));
    Clear(t.bits, Lowest(t.bits));
  }
  t.seen = 0;
  END;
}

// t.claimed says whether it was taken. J is CHUNK then, and 0 otherwise.
bool Runs::Claim(State &s, Thread &t, int slot) {
  BEGIN(2);
  t.claimed = 0;
  STEP(t.seen = s.cw);
  if (t.seen != kFree && t.seen != kOpen) {
    t.seen = 0;
    DONE;
  }
  STEP(s.slot[slot].journal = kChunk);
  STEP(if (s.cw == t.seen) {
    s.cw = Claimed(slot);
    t.claimed = 1;
  });
  t.seen = 0;
  if (t.claimed == 0) {
    STEP(s.slot[slot].journal = kNoJournal);
    DONE;
  }
  if (Is(Bug::freed_bit_outlives_run) && t.op != kFreeRun && t.op != kFreeFrom) DONE;
  CALL(Collect(s, t));
  END;
}

bool Runs::Release(State &s, Thread &t) {
  BEGIN(3);
  if (s.used == 0 || Is(Bug::mark_cleared_at_each_release)) STEP(s.marked = 0);
  STEP(s.cw = s.used == 0 ? kFree : kOpen);
  t.claimed = 0;
  END;
}

// Collects what was freed while the chunk was claimed.
bool Runs::Settle(State &s, Thread &t, int slot) {
  BEGIN(1);
  while (!Is(Bug::no_look_after_release)) {
    STEP(t.bits = s.remote);
    if (t.bits != 0) STEP(t.seen = s.marked);
    if (t.bits != 0 && t.seen != 0) {
      STEP(Drop(t.bits, Named(s, 0, t.bits)));
      STEP(Drop(t.bits, Named(s, 1, t.bits)));
    }
    t.seen = 0;
    if (t.bits == 0) DONE;
    t.bits = 0;
    CALL(Claim(s, t, slot));
    if (t.claimed == 0) DONE;
    CALL(Release(s, t));
    STEP(s.slot[slot].journal = kNoJournal);
  }
  END;
}

bool Runs::EndClaim(State &s, Thread &t, int slot) {
  BEGIN(2);
  CALL(Release(s, t));
  STEP(s.slot[slot].journal = kNoJournal; s.slot[slot].journal_page = 0);
  END;
}

bool Runs::Alloc(State &s, Thread &t, int slot) {
  Slot &own = s.slot[slot];
  bool to_word = t.op == kAllocTo;
  BEGIN(0);
  CALL(Claim(s, t, slot));
  if (t.claimed == 0) DONE;
  t.page = Byte(Room(s, t.length));
  if (t.page < kPages) {
    if (!Is(Bug::run_without_journal)) STEP(own.journal = kRun; own.journal_page = t.page);
    if (to_word && !Is(Bug::record_without_mark)) STEP(s.marked = 1);
    if (to_word && !Is(Bug::record_after_run)) {
      STEP(own.record = kToWord; own.record_page = t.page);
    }
    for (int page = t.page; page < t.page + t.length; page++) {
      if (s.holder[page] != kNobody) return Fail("a page was issued twice");
    }
    STEP(s.length[t.page] = t.length; Give(s, t.page, t.length, kTaken + slot));
    STEP(Add(s.used, Mask(t.page, t.length)));
    STEP(own.journal = kChunk; own.journal_page = 0;
         if (!to_word) Give(s, t.page, t.length, kHeld + slot));
    if (to_word && Is(Bug::record_after_run)) {
      STEP(own.record = kToWord; own.record_page = t.page);
    }
  }
  CALL(EndClaim(s, t, slot));
  CALL(Settle(s, t, slot));
  if (!to_word || t.page == kPages) DONE;
  STEP(own.word = Byte(t.page + 1); Give(s, t.page, t.length, kInWord + slot));
  LAST(own.record = kNoRecord; own.record_page = 0);
  END;
}

// Free and free_from; then the claim is tried.
bool Runs::Free(State &s, Thread &t, int slot) {
  Slot &own = s.slot[slot];
  BEGIN(0);
  if (t.op == kFreeFrom) {
    if (Is(Bug::word_cleared_before_record)) {
      STEP(own.word = 0; Give(s, t.page, s.length[t.page], kGone + slot));
    }
    if (s.marked == 0 && !Is(Bug::record_without_mark)) STEP(s.marked = 1);
    STEP(own.record = kFromWord; own.record_page = t.page);
    if (!Is(Bug::word_cleared_before_record)) {
      STEP(own.word = 0; Give(s, t.page, s.length[t.page], kGone + slot));
    }
  }
  if (Has(s.remote, t.page)) return Fail("a double free is reported that is none");
  STEP(Set(s.remote, t.page); Give(s, t.page, s.length[t.page], kNobody));
  if (t.op == kFreeFrom) STEP(own.record = kNoRecord; own.record_page = 0);
  t.page = 0;
  CALL(Claim(s, t, slot));
  if (t.claimed == 0) DONE;
  CALL(EndClaim(s, t, slot));
  CALL(Settle(s, t, slot));
  END;
}

bool Runs::Resize(State &s, Thread &t, int slot) {
  BEGIN(0);
  CALL(Claim(s, t, slot));
  if (t.claimed == 0) DONE;
  if (t.length == 2 && !Has(s.used, 1)) {
    if (s.holder[1] != kNobody) return Fail("a page was issued twice");
    STEP(s.length[0] = 2; s.holder[1] = Byte(kHeld + slot));
    STEP(Set(s.used, 1));
  }
  if (t.length == 1) {
    STEP(s.length[0] = 1; s.holder[1] = kNobody);
    STEP(Clear(s.used, 1));
  }
  CALL(EndClaim(s, t, slot));
  CALL(Settle(s, t, slot));
  END;
}

// What a record of the dead names dies, unless it has.
bool Runs::EnsureFree(State &s, Thread &t) {
  const Slot &of = s.slot[t.victim];
  BEGIN(2);
  if (s.length[of.record_page] == 0) DONE;
  STEP(t.bits = s.remote);
  if (!Has(t.bits, of.record_page)) {
    if (s.holder[of.record_page] != kTaken + t.victim &&
        s.holder[of.record_page] != kGone + t.victim) {
      return Fail("recovery freed a run that is live or free");
    }
    STEP(Set(s.remote, of.record_page); Give(s, of.record_page, s.length[of.record_page], kNobody));
  }
  t.bits = 0;
  END;
}

// As the dead slot, whose claim it is.
bool Runs::LetClaimGo(State &s, Thread &t) {
  Slot &of = s.slot[t.victim];
  BEGIN(1);
  if (of.journal != kChunk) STEP(of.journal = kChunk; of.journal_page = 0);
  if (s.cw == Claimed(t.victim)) {
    if (!Is(Bug::bitmap_kept_by_recovery)) {
      STEP(s.used = 0;
           for (int page = 0; page < kPages; page++) { Add(s.used, Mask(page, s.length[page])); });
    }
    if (of.record == kToWord && !Is(Bug::claim_let_go_before_record)) {
      STEP(t.seen = of.word);
      if (t.seen != of.record_page + 1) {
        t.seen = 0;
        CALL(EnsureFree(s, t));
        STEP(of.record = kNoRecord; of.record_page = 0);
      }
      t.seen = 0;
    }
    // A bit may stand whose run is gone from D.
    if (!Is(Bug::freed_bit_outlives_run)) CALL(Collect(s, t));
    CALL(Release(s, t));
  }
  STEP(of.journal = kNoJournal);
  END;
}

bool Runs::Recover(State &s, Thread &t) {
  Slot &of = s.slot[t.victim];
  BEGIN(0);
  if (Is(Bug::claim_let_go_before_journal) && s.cw == Claimed(t.victim)) STEP(s.cw = kOpen);
  if (of.journal == kRun && (s.cw == Claimed(t.victim) || Is(Bug::claim_let_go_before_journal))) {
    t.length = s.length[of.journal_page];
    if (t.length != 0) {
      if (s.holder[of.journal_page] != kTaken + t.victim) return Fail("recovery undid a live run");
      STEP(s.length[of.journal_page] = 0; Give(s, of.journal_page, t.length, kNobody));
      STEP(Drop(s.used, Mask(of.journal_page, t.length)));
      t.length = 0;
    }
  }
  if (of.journal != kNoJournal) {
    CALL(LetClaimGo(s, t));
    CALL(Settle(s, t, t.victim));
  }
  if (of.record != kNoRecord) {
    STEP(t.seen = of.word);
    if (t.seen == 0) CALL(EnsureFree(s, t));
    t.seen = 0;
    STEP(of.record = kNoRecord; of.record_page = 0);
  }
  for (u8 holder : s.holder) {
    bool lost = holder == kTaken + t.victim || holder == kGone + t.victim;
    if (lost) return Fail("a run was lost: its call was cut short");
  }
  LAST(Clear(s.dead, t.victim));
  END;
}

bool Runs::Step(State &s, int actor) {
  Thread &t = s.thread[actor];
  switch (t.op) {
    case kAlloc:
    case kAllocTo: return Alloc(s, t, actor);
    case kFreeRun:
    case kFreeFrom: return Free(s, t, actor);
    case kResize: return Resize(s, t, actor);
    default: return Recover(s, t);
  }
}

void Runs::Idle(const State &s, int actor) {
  if (actor == kRecoverer) return BeginRecovery(s, kRecover);
  for (u8 length = 1; length <= (size_.pairs ? 2 : 1); length++) {
    Begin(s, actor, {kAlloc, 0, length, 0, 0, 0, 0, {}});
    bool may_link = size_.records && s.slot[actor].word == 0;
    if (may_link) Begin(s, actor, {kAllocTo, 0, length, 0, 0, 0, 0, {}});
  }
  for (u8 page = 0; page < kPages; page++) {
    if (s.length[page] == 0) continue;  // no run begins there
    State z = s;
    if (s.holder[page] == kInWord + actor) Begin(s, actor, {kFreeFrom, page, 0, 0, 0, 0, 0, {}});
    if (s.holder[page] != kHeld + actor) continue;
    Begin(s, actor, {kFreeRun, page, 0, 0, 0, 0, 0, {}});
    Give(z, page, s.length[page], kHeld + 1 - actor);
    Put(z);
    z = s;
    z.slot[actor].word = Byte(page + 1);
    Give(z, page, s.length[page], kInWord + actor);
    if (size_.records && s.slot[actor].word == 0) Put(z);
    u8 other = Byte(3 - s.length[page]);
    if (size_.resize && page == 0) Begin(s, actor, {kResize, 0, other, 0, 0, 0, 0, {}});
  }
}

void Runs::Check(const State &s) {
  if (!IsQuiet(s)) return;
  if (s.cw != kFree && s.cw != kOpen) Fail("a claim is left");
  u8 used = 0;
  u8 freed = 0;
  for (int page = 0; page < kPages; page++) {
    Add(used, Mask(page, s.length[page]));
    if (Has(s.remote, page)) Add(freed, Mask(page, s.length[page]));
  }
  if (used != s.used) Fail("the bitmap is not what D says");
  for (int page = 0; page < kPages; page++) {
    bool is_free = !Has(used, page) || Has(freed, page);
    if (is_free != (s.holder[page] == kNobody))
      Fail(is_free ? "a live run is free" : "a run is lost");
  }
  if (s.died == 0 && s.remote != 0) Fail("a run waits in RP, and nobody looks");
}

void Runs::Print(const State &s) {
  (void)std::printf("cw %d D %d%d used %x RP %x cjf %d |", s.cw, s.length[0], s.length[1], s.used,
                    s.remote, s.marked);
  for (const Slot &slot : s.slot) {
    (void)std::printf(" J %d(%d) JA %d(%d) word %d |", slot.journal, slot.journal_page, slot.record,
                      slot.record_page, slot.word);
  }
  (void)std::printf(" held %d %d dead %x |", s.holder[0], s.holder[1], s.dead);
  PrintThreads(s);
}

static void runs_are_never_doubled_or_lost() {
  Prove(Runs({true, false, false}, Bug::none));
}

static void runs_that_grow_and_shrink_are_never_doubled_or_lost() {
  Prove(Runs({Nightly(), true, true}, Bug::none));
}

template <Bug bug>
static void Catches() {
  Refute(Runs({true, true, true}, bug));
}

static const test_entry entries[] = {
    CASE(runs_are_never_doubled_or_lost), CASE(runs_that_grow_and_shrink_are_never_doubled_or_lost),
    CAUGHT(run_without_journal),          CAUGHT(claim_let_go_before_journal),
    CAUGHT(claim_let_go_before_record),   CAUGHT(record_after_run),
    CAUGHT(record_without_mark),          CAUGHT(mark_read_before_bits),
    CAUGHT(mark_cleared_at_each_release), CAUGHT(records_not_respected),
    CAUGHT(bit_taken_before_run),         CAUGHT(freed_bit_outlives_run),
    CAUGHT(bitmap_kept_by_recovery),      CAUGHT(no_look_after_release),
    CAUGHT(word_cleared_before_record),
};

MODEL_SUITE(runs, entries)

}  // namespace model
