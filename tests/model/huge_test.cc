// SPDX-License-Identifier: MIT
// Goal: whatever dies, whole chunks are issued once and none is lost, and recovery touches no block
// that was cut from them since. Method: the model of tests/model/huge_model.h.
#include <cstdio>

#include "tests/model/huge_model.h"

namespace model {

bool Huge::IsPart(const State &s, int chunk, int head) const {
  const Word &word = s.cw[chunk];
  if (Is(Bug::parts_named_by_slot)) return word.state == kCont && word.slot == s.cw[head].slot;
  bool resized = word.state == kClaim && word.x == head + 1;
  if (resized && !Is(Bug::free_leaves_what_is_resized)) return true;
  return word.state == kCont && word.x == head;
}

// Whether a chunk behind `head` is on its way into that run, or out of it, by slot `slot`.
bool Huge::IsResized(const State &s, int chunk, int head, int slot) const {
  return IsBy(s, chunk, kClaim, slot) && s.cw[chunk].x == head + 1;
}

void Huge::Journalise(State &s, int slot, Journal op, const Thread &t) {
  Slot &own = s.slot[slot];
  own.journal = op;
  own.head = op == kNoJournal ? Byte(0) : t.head;
  own.count = op == kNoJournal ? Byte(0) : t.count;
}

void Huge::EndRecord(State &s, int slot) {
  s.slot[slot].record = kNoRecord;
  s.slot[slot].block = 0;
}

void Huge::Give(State &s, int head, int count, int holder) {
  for (int chunk = head; chunk < head + count; chunk++) s.holder[chunk] = Byte(holder);
}

// FREE -> CONT, of chunk t.at.
void Huge::TakePart(State &s, Thread &t, int slot) {
  t.failed = s.cw[t.at].state != kFree;
  if (t.failed != 0) return;
  s.cw[t.at] = {kCont, Is(Bug::parts_named_by_slot) ? Byte(slot) : Byte(0), t.head};
}

// Every part of the run, descending, then its head.
bool Huge::LetGo(State &s, Thread &t, int slot) {
  BEGIN(3);
  (void)slot;
  if (Is(Bug::head_let_go_first)) STEP(s.cw[t.head] = {});
  for (t.at = Byte(t.head + t.count - 1); t.at > t.head; t.at--) {
    STEP(if (IsPart(s, t.at, t.head)) s.cw[t.at] = {});
  }
  if (!Is(Bug::head_let_go_first)) STEP(s.cw[t.head] = {});
  t.at = 0;
  END;
}

// By compare and swap: another may have freed or taken it meanwhile.
void Huge::SettleOne(State &s, const Thread &t, int slot) {
  bool mine = IsResized(s, t.at, t.head, slot) || Is(Bug::settled_by_store);
  if (mine) s.cw[t.at] = t.failed != 0 ? Word{kCont, 0, t.head} : Word{};
}

// What slot `slot` was resizing, of the chunks behind t.head and below t.head + t.count: part of
// the run where the head counts it, and free where not.
bool Huge::Settle(State &s, Thread &t, int slot) {
  BEGIN(2);
  for (t.at = Byte(t.head + t.count - 1); t.at > t.head; t.at--) {
    if (!IsResized(s, t.at, t.head, slot)) continue;
    STEP(t.failed = IsHead(s, t.head) && t.at < t.head + s.cw[t.head].x;
         if (Is(Bug::resized_always_let_go)) t.failed = 0);
    STEP(SettleOne(s, t, slot));
    t.failed = 0;
  }
  t.at = t.failed = 0;
  END;
}

// t.failed says whether it was in vain; J is 0 then.
bool Huge::Claim(State &s, Thread &t, int slot) {
  BEGIN(2);
  if (!Is(Bug::claim_without_journal)) STEP(Journalise(s, slot, kHuge, t));
  STEP(t.failed = s.cw[t.head].state != kFree;
       if (t.failed == 0) s.cw[t.head] = {kClaim, Byte(slot), 0});
  if (t.failed == 0) {
    for (t.at = Byte(t.head + 1); t.at < t.head + t.count && t.failed == 0; t.at++) {
      STEP(TakePart(s, t, slot));
    }
    t.at = 0;
    if (t.failed != 0) CALL(LetGo(s, t, slot));
  }
  if (t.failed != 0) STEP(Journalise(s, slot, kNoJournal, t));
  END;
}

bool Huge::Alloc(State &s, Thread &t, int slot) {
  Slot &own = s.slot[slot];
  bool to_word = t.op == kAllocTo;
  BEGIN(0);
  if (to_word && Is(Bug::record_before_head_is_claimed)) {
    STEP(own.record = kToWord; own.block = t.head);
  }
  CALL(Claim(s, t, slot));
  if (t.failed != 0) {
    if (own.record != kNoRecord) STEP(EndRecord(s, slot));
    DONE;
  }
  if (to_word) STEP(own.record = kToWord; own.block = t.head);
  for (int chunk = t.head; chunk < t.head + t.count; chunk++) {
    if (s.holder[chunk] != kNobody) return Fail("a chunk was issued twice");
  }
  STEP(s.cw[t.head] = {kHead, Byte(slot), t.count}; Give(s, t.head, t.count, kTaken + slot));
  STEP(Journalise(s, slot, kNoJournal, t); if (!to_word) Give(s, t.head, t.count, kHeld + slot));
  if (!to_word) DONE;
  STEP(own.word = Byte(t.head + 1); Give(s, t.head, t.count, kInWord + slot));
  LAST(EndRecord(s, slot));
  END;
}

// Of the run at t.head, as slot `slot`. A record of that slot ends before a chunk is let go.
bool Huge::FreeChunks(State &s, Thread &t, int slot) {
  BEGIN(2);
  t.count = s.cw[t.head].x;
  if (!Is(Bug::free_without_journal)) STEP(Journalise(s, slot, kHfree1, t));
  if (!IsHead(s, t.head)) return Fail("a head has changed under its holder");
  STEP(s.cw[t.head] = {kFreeing, Byte(slot), 0}; Give(s, t.head, t.count, kNobody));
  if (s.slot[slot].record != kNoRecord && !Is(Bug::record_outlives_free)) {
    STEP(EndRecord(s, slot));
  }
  if (!Is(Bug::free_without_second_phase)) STEP(Journalise(s, slot, kHfree2, t));
  CALL(LetGo(s, t, slot));
  STEP(Journalise(s, slot, kNoJournal, t));
  END;
}

bool Huge::Free(State &s, Thread &t, int slot) {
  Slot &own = s.slot[slot];
  BEGIN(0);
  if (t.op == kFreeFrom) {
    t.count = s.cw[t.head].x;
    STEP(own.record = kFromWord; own.block = t.head);
    if (!Is(Bug::free_from_journal_after_word)) STEP(Journalise(s, slot, kHfree1, t));
    STEP(own.word = 0; Give(s, t.head, t.count, kGone + slot));
  }
  CALL(FreeChunks(s, t, slot));
  if (own.record != kNoRecord) STEP(EndRecord(s, slot));
  END;
}

// FREE -> CLAIM, of chunk t.at.
void Huge::TakeTail(State &s, Thread &t, int slot) {
  t.failed = s.cw[t.at].state != kFree;
  if (t.failed != 0) return;
  bool nameless = Is(Bug::resizer_not_named);
  s.cw[t.at] = nameless ? Word{kCont, 0, t.head} : Word{kClaim, Byte(slot), Byte(t.head + 1)};
}

bool Huge::Grow(State &s, Thread &t, int slot) {
  BEGIN(0);
  if (!Is(Bug::grow_without_journal)) STEP(Journalise(s, slot, kHgrow, t));
  for (t.at = Byte(t.head + s.cw[t.head].x); t.at < t.head + t.count && t.failed == 0; t.at++) {
    STEP(TakeTail(s, t, slot));
  }
  if (t.failed == 0) {
    for (int chunk = t.head + s.cw[t.head].x; chunk < t.head + t.count; chunk++) {
      if (s.holder[chunk] != kNobody) return Fail("a chunk was issued twice");
    }
    STEP(s.cw[t.head].x = t.count; Give(s, t.head, t.count, kHeld + slot));
  }
  t.failed = 0;
  CALL(Settle(s, t, slot));
  LAST(Journalise(s, slot, kNoJournal, t));
  END;
}

// To one chunk.
bool Huge::Shrink(State &s, Thread &t, int slot) {
  BEGIN(0);
  STEP(Journalise(s, slot, kHgrow, t));
  for (t.at = Byte(t.head + 1); t.at < t.head + t.count; t.at++) {
    if (!Is(Bug::shrink_without_claim)) {
      STEP(s.cw[t.at] = Word{kClaim, Byte(slot), Byte(t.head + 1)});
    }
  }
  if (Is(Bug::shrink_lets_go_before_head)) {
    t.at = Byte(t.head + 1);
    STEP(s.cw[t.at] = {}; s.holder[t.at] = kNobody);
  }
  STEP(Give(s, t.head + 1, t.count - 1, kNobody); s.cw[t.head].x = 1);
  if (Is(Bug::shrink_without_claim)) {
    for (t.at = Byte(t.head + t.count - 1); t.at > t.head; t.at--) STEP(s.cw[t.at] = {});
  }
  CALL(Settle(s, t, slot));
  LAST(Journalise(s, slot, kNoJournal, t));
  END;
}

bool Huge::Step(State &s, int actor) {
  Thread &t = s.thread[actor];
  switch (t.op) {
    case kAlloc:
    case kAllocTo: return Alloc(s, t, actor);
    case kFreeRun:
    case kFreeFrom: return Free(s, t, actor);
    case kGrow: return Grow(s, t, actor);
    case kShrink: return Shrink(s, t, actor);
    default: return Recover(s, t);
  }
}

// What an idle actor may do with the run at `head`, where it has it.
void Huge::IdleHolder(const State &s, int actor, u8 head) {
  State z = s;
  Slot &own = z.slot[actor];
  u8 count = s.cw[head].x;
  if (s.holder[head] == kInWord + actor) {
    Begin(s, actor, {kFreeFrom, head, 0, 0, 0, 0, {}});
    own.word = 0;
    Give(z, head, count, kHeld + actor);
    Put(z);
  }
  if (s.holder[head] != kHeld + actor) return;
  Begin(s, actor, {kFreeRun, head, 0, 0, 0, 0, {}});
  bool larger = size_.resize && head + count < size_.chunks;
  if (larger) Begin(s, actor, {kGrow, head, Byte(size_.chunks - head), 0, 0, 0, {}});
  if (size_.resize && count > 1) Begin(s, actor, {kShrink, head, count, 0, 0, 0, {}});
  Give(z, head, count, kHeld + 1 - actor);
  Put(z);
  if (!size_.records || own.word != 0) return;
  own.word = Byte(head + 1);
  Give(z, head, count, kInWord + actor);
  Put(z);
}

// A run of the dead, who was not freeing it, is whoever's, before he is recovered.
void Huge::Inherit(const State &s, int actor, u8 head) {
  int other = 1 - actor;
  const Slot &of = s.slot[other];
  bool freed = of.journal == kHfree1 && of.head == head;
  if (!Has(s.dead, other) || s.holder[head] != kHeld + other || freed) return;
  State z = s;
  Give(z, head, s.cw[head].x, kHeld + actor);
  Put(z);
}

void Huge::Idle(const State &s, int actor) {
  if (actor == kRecoverer) return BeginRecovery(s, kRecover);
  for (u8 head = 0; head < size_.chunks; head++) {
    State z = s;
    if (IsHead(s, head)) IdleHolder(s, actor, head);
    if (IsHead(s, head)) Inherit(s, actor, head);
    if (IsBy(s, head, kMixed, actor)) {
      z.cw[head] = {};
      z.holder[head] = kNobody;
      Put(z);
    }
    if (s.cw[head].state != kFree) continue;
    if (s.holder[head] != kNobody) Fail("a chunk was issued twice");
    z.cw[head] = {kMixed, Byte(actor), 0};
    z.holder[head] = Byte(kHeld + actor);
    if (size_.records) Put(z);
    for (u8 count = 1; head + count <= size_.chunks; count++) {
      Begin(s, actor, {kAlloc, head, count, 0, 0, 0, {}});
      bool may_link = size_.records && s.slot[actor].word == 0;
      if (may_link) Begin(s, actor, {kAllocTo, head, count, 0, 0, 0, {}});
    }
  }
}

void Huge::Check(const State &s) {
  if (!IsQuiet(s)) return;
  for (int chunk = 0; chunk < size_.chunks;) {
    const Word &word = s.cw[chunk];
    int count = word.state == kHead ? word.x : 1;
    bool settled = word.state == kFree || word.state == kMixed || word.state == kHead;
    if (!settled) return (void)Fail("a chunk is lost: CLAIM, FREEING, or CONT without a head");
    for (int i = chunk; i < chunk + count; i++) {
      bool part = i == chunk || IsPart(s, i, chunk);
      if (!part) Fail("a run is not all there");
      bool is_free = word.state == kFree;
      if (is_free != (s.holder[i] == kNobody))
        Fail(is_free ? "a live chunk is FREE" : "a run is lost");
    }
    chunk += count;
  }
}

void Huge::Print(const State &s) {
  static const char *const states[] = {"FREE", "MIXED", "CLAIM", "HEAD", "CONT", "FREEING"};
  for (int chunk = 0; chunk < size_.chunks; chunk++) {
    const Word &word = s.cw[chunk];
    (void)std::printf("%s(%d,%d) held %d | ", states[word.state], word.slot, word.x,
                      s.holder[chunk]);
  }
  for (const Slot &slot : s.slot) {
    (void)std::printf("J %d(%d,%d) JA %d(%d) word %d | ", slot.journal, slot.head, slot.count,
                      slot.record, slot.block, slot.word);
  }
  (void)std::printf("dead %x |", s.dead);
  PrintThreads(s);
}

static void huge_runs_are_never_doubled_or_lost() {
  Prove(Huge({2, true, true}, Bug::none));
}

static void three_chunks_are_never_doubled_or_lost() {
  Prove(Huge({3, Nightly(), Nightly()}, Bug::none));
}

template <Bug bug>
static void Catches() {
  constexpr bool needs_three = bug == Bug::free_without_second_phase ||
                               bug == Bug::recovery_skips_second_phase ||
                               bug == Bug::parts_named_by_slot;
  Refute(Huge({needs_three ? 3 : 2, true, true}, bug));
}

static const test_entry entries[] = {
    CASE(huge_runs_are_never_doubled_or_lost),
    CASE(three_chunks_are_never_doubled_or_lost),
    CAUGHT(claim_without_journal),
    CAUGHT(free_without_journal),
    CAUGHT(free_without_second_phase),
    CAUGHT(recovery_skips_second_phase),
    CAUGHT(head_let_go_first),
    CAUGHT(parts_named_by_slot),
    CAUGHT(free_from_journal_after_word),
    CAUGHT(free_carried_out_unasked),
    CAUGHT(record_before_head_is_claimed),
    CAUGHT(record_outlives_free),
    CAUGHT(record_outlives_claim),
    CAUGHT(grow_without_journal),
    CAUGHT(shrink_lets_go_before_head),
    CAUGHT(resizer_not_named),
    CAUGHT(free_leaves_what_is_resized),
    CAUGHT(resized_always_let_go),
    CAUGHT(settled_by_store),
    CAUGHT(shrink_without_claim),
};

MODEL_SUITE(huge, entries)

}  // namespace model
