// SPDX-License-Identifier: MIT
// Goal: whoever dies, recovering and tending included, a slot has one holder, and what its owner
// left is settled before anybody goes on with it. Method: the model of tests/model/slots_model.h.
#include <cstdio>

#include "tests/model/slots_model.h"

namespace model {

// What others have read of the owner word is of the past.
void Slots::StoreOwner(State &s, const Thread &by, int slot, int owner) {
  s.slot[slot].owner = Byte(owner);
  s.slot[slot].life = owner == 0 ? Byte(0) : s.life[owner - 1];
  for (Thread &other : s.thread) {
    if (&other != &by && other.slot == slot) other.fresh = 0;
  }
}

void Slots::Hold(State &s, int slot, int actor) {
  Set(s.holds[actor], slot);
}

// A slot that is FREE or an ORPHAN. t.seen says whether it was taken.
bool Slots::Take(State &s, Thread &t, int actor) {
  BEGIN(1);
  STEP(t.seen = s.slot[t.slot].owner; t.fresh = 1);
  if (t.seen != 0) {
    t.seen = t.fresh = 0;
    DONE;
  }
  if (!Is(Bug::thread_kept_by_recoverer)) STEP(s.slot[t.slot].thread = 0);
  STEP(t.seen = t.fresh != 0 || Is(Bug::orphan_taken_without_swap); if (t.seen != 0) {
    StoreOwner(s, t, t.slot, actor + 1);
    Hold(s, t.slot, actor);
  });
  t.fresh = 0;
  END;
}

// After what was left is settled: of the acting slot.
bool Slots::LetGo(State &s, Thread &t, int actor) {
  BEGIN(1);
  STEP(s.slot[t.slot].thread = 0);
  STEP(StoreOwner(s, t, t.slot, 0); Clear(s.holds[actor], t.slot));
  END;
}

bool Slots::Work(State &s, Thread &t) {
  Slot &slot = s.slot[t.slot];
  BEGIN(2);
  STEP(slot.journal = 1);
  STEP(slot.left = Byte(1 - slot.left));
  STEP(slot.right = slot.left);
  STEP(slot.journal = 0);
  END;
}

// The block of the slot acted as into the actor's word.
bool Slots::AllocTo(State &s, Thread &t, int actor) {
  bool elsewhere = Is(Bug::record_in_tenders_slot) && s.own[actor] != 0;
  Slot &slot = s.slot[elsewhere ? s.own[actor] - 1 : t.slot];
  BEGIN(2);
  if (s.slot[t.slot].free == 0 || s.word[actor] != 0) DONE;
  STEP(slot.record = 1; slot.dest = Byte(actor); slot.block = t.slot);
  if (s.place[t.slot] != kFree) return Fail("a block was issued twice");
  STEP(s.slot[t.slot].free = 0; s.place[t.slot] = kFlying);
  STEP(s.word[actor] = Byte(t.slot + 1); s.place[t.slot] = kLinked);
  STEP(slot.record = slot.dest = slot.block = 0);
  END;
}

bool Slots::Tend(State &s, Thread &t, int actor) {
  BEGIN(0);
  CALL(Take(s, t, actor));
  if (t.seen == 0) DONE;
  t.seen = 0;
  if (t.op == kTake) {
    STEP(s.slot[t.slot].thread = Byte(actor + 1));
    s.own[actor] = Byte(t.slot + 1);
    DONE;
  }
  if (t.op == kTend) CALL(Work(s, t));
  if (t.op == kTendTo) CALL(AllocTo(s, t, actor));
  CALL(LetGo(s, t, actor));
  END;
}

// t.gone says whether the slot's owner, t.seen, is dead: the word, the record, the lock, and the
// record again, in that order.
bool Slots::IsDead(State &s, Thread &t) {
  BEGIN(3);
  t.gone = t.life = t.now = 0;
  t.whose = s.slot[t.slot].owner;
  if (t.whose == 0) DONE;
  if (Is(Bug::generation_read_before_word)) STEP(t.now = s.life[t.whose - 1]);
  if (Is(Bug::lock_asked_before_word)) STEP(t.gone = !Has(s.locked, t.whose - 1));
  STEP(t.seen = s.slot[t.slot].owner; t.life = s.slot[t.slot].life; t.fresh = 1);
  if (t.seen == 0 || t.seen != t.whose) {
    t.gone = t.now = t.whose = 0;
    DONE;
  }
  if (!Is(Bug::generation_read_before_word)) STEP(t.now = s.life[t.seen - 1]);
  if (t.now != t.life) t.gone = 1;
  if (t.gone == 0 && !Is(Bug::lock_asked_before_word)) STEP(t.gone = !Has(s.locked, t.seen - 1));
  // The byte may be the successor's by now, whose record says so.
  if (t.gone == 0 && !Is(Bug::record_read_once)) STEP(t.gone = s.life[t.seen - 1] != t.life);
  t.now = t.life = t.whose = 0;
  END;
}

bool Slots::Settle(State &s, Thread &t) {
  Slot &slot = s.slot[t.slot];
  BEGIN(3);
  if (slot.journal != 0) {
    if (Is(Bug::journal_cleared_first)) STEP(slot.journal = 0);
    STEP(slot.right = slot.left);
    if (!Is(Bug::journal_cleared_first)) STEP(slot.journal = 0);
  }
  if (slot.record != 0 && !Is(Bug::record_not_recovered)) {
    STEP(t.seen = s.word[slot.dest]);
    if (t.seen == 0 && s.slot[slot.block].free == 0) {
      if (s.place[slot.block] != kFlying) return Fail("recovery freed a block that is live");
      STEP(s.slot[slot.block].free = 1; s.place[slot.block] = kFree);
    }
    t.seen = 0;
    STEP(slot.record = slot.dest = slot.block = 0);
  }
  END;
}

bool Slots::Recover(State &s, Thread &t, int actor) {
  BEGIN(2);
  CALL(IsDead(s, t));
  t.seen = 0;
  if (t.gone == 0) {
    t.fresh = 0;
    DONE;
  }
  t.gone = 0;
  if (!Is(Bug::thread_kept_by_recoverer)) STEP(s.slot[t.slot].thread = 0);
  STEP(t.gone = t.fresh != 0 || Is(Bug::recovery_without_swap); if (t.gone != 0) {
    StoreOwner(s, t, t.slot, actor + 1);
    Hold(s, t.slot, actor);
  });
  t.fresh = 0;
  if (t.gone != 0) {
    t.gone = 0;
    if (Is(Bug::let_go_before_settled)) STEP(StoreOwner(s, t, t.slot, 0));
    CALL(Settle(s, t));
    CALL(LetGo(s, t, actor));
  }
  END;
}

// Who acts as a slot that is no thread's has noted none in it.
bool Slots::IsUnsettled(const State &s, int slot) {
  const Slot &of = s.slot[slot];
  return (of.journal != 0 || of.record != 0) && of.owner != 0 && of.thread == 0;
}

// Takes what is in a process's word out of it.
void Slots::TakeOut(State &s, int process) {
  if (s.word[process] == 0) return;
  s.place[s.word[process] - 1] = kHeld;
  s.word[process] = 0;
}

// t.wanted is the process whose word it is for.
bool Slots::Reap(State &s, Thread &t, int actor) {
  BEGIN(0);
  if (!Is(Bug::word_taken_without_reap)) {
    for (t.slot = 0; t.slot < size_.slots; t.slot++) {
      CALL(Recover(s, t, actor));
    }
    for (t.slot = 0; t.slot < size_.slots && !Is(Bug::reap_without_settling); t.slot++) {
      STEP(t.seen = IsUnsettled(s, t.slot));
      if (t.seen != 0) DONE;  // a recovery under way elsewhere: not now
    }
  }
  t.slot = 0;
  if (Has(s.heirless, t.wanted)) {
    TakeOut(s, t.wanted);
    Clear(s.heirless, t.wanted);
  }
  END;
}

bool Slots::Step(State &s, int actor) {
  Thread &t = s.thread[actor];
  switch (t.op) {
    case kTake:
    case kTend:
    case kTendTo: return Tend(s, t, actor);
    case kReap: return Reap(s, t, actor);
    default: break;
  }
  BEGIN(0);
  if (t.op == kLeave) {
    s.own[actor] = 0;
    CALL(LetGo(s, t, actor));
  }
  if (t.op == kWork) CALL(Work(s, t));
  if (t.op == kAllocTo) CALL(AllocTo(s, t, actor));
  if (t.op == kRecover) CALL(Recover(s, t, actor));
  if (t.op == kBorn) {
    // Once the byte is taken, the old generation alone says that what names it is dead.
    if (!Is(Bug::byte_taken_before_record)) STEP(s.life[actor]++);
    STEP(Set(s.locked, actor));
    if (Is(Bug::byte_taken_before_record)) STEP(s.life[actor]++);
  }
  END;
}

void Slots::Bury(State &s, int actor) {
  Clear(s.locked, actor);
  Set(s.heirless, actor);
  // A reap that began before this death does not make anybody its heir.
  for (Thread &other : s.thread) {
    if (other.op == kReap && other.wanted == actor) other.wanted = kProcesses;
  }
  s.holds[actor] = s.own[actor] = 0;
}

void Slots::Environment(const State &s) {
  for (int slot = 0; slot < size_.slots; slot++) {
    State z = s;
    z.place[slot] = kFree;
    z.slot[slot].free = 1;
    if (s.place[slot] == kHeld) Put(z);  // whoever has it frees it
  }
  for (int actor = 0; actor < size_.processes; actor++) {
    Thread t{};
    State z = s;
    if (!Has(s.dead, actor)) continue;
    if (s.births[actor] >= size_.births) continue;
    Clear(z.dead, actor);
    z.births[actor]++;
    t.op = kBorn;
    Begin(z, actor, t);
  }
}

void Slots::Idle(const State &s, int actor) {
  if (actor >= size_.processes) return;
  Thread t{};
  bool has_word = !Has(s.heirless, actor);
  if (s.own[actor] != 0) {
    t.slot = Byte(s.own[actor] - 1);
    for (u8 op : {kLeave, kWork, kAllocTo}) {
      t.op = op;
      if (op != kAllocTo || has_word) Begin(s, actor, t);
    }
  }
  for (t.slot = 0; t.slot < size_.slots; t.slot++) {
    u8 owner = s.slot[t.slot].owner;
    for (u8 op : {kTake, kTend, kTendTo, kRecover}) {
      bool may = op == kRecover ? owner != 0 && s.own[actor] != t.slot + 1 : owner == 0;
      if (op == kTake) may = may && s.own[actor] == 0;
      if (op == kTendTo) may = may && has_word;
      t.op = op;
      if (may) Begin(s, actor, t);
    }
  }
  t = Thread{};
  t.op = kReap;
  for (t.wanted = 0; t.wanted < size_.processes; t.wanted++) {
    if (Has(s.heirless, t.wanted)) Begin(s, actor, t);
  }
  State z = s;
  TakeOut(z, actor);
  if (has_word && s.word[actor] != 0) Put(z);
}

void Slots::Check(const State &s) {
  bool quiet = true;
  for (int slot = 0; slot < size_.slots; slot++) {
    const Slot &of = s.slot[slot];
    int holders = 0;
    for (u8 holds : s.holds) holders += Has(holds, slot);
    if (holders > 1) Fail("two living actors hold one slot");
    bool given_back = of.owner == 0 && holders == 0;
    if (given_back && (of.journal != 0 || of.left != of.right)) Fail("a J is left in a free slot");
    if (given_back && of.record != 0) Fail("a JA is left in a free slot");
    quiet = quiet && of.owner == 0;
  }
  for (const Thread &t : s.thread) quiet = quiet && t.op == kIdle;
  for (int slot = 0; slot < size_.slots && quiet; slot++) {
    bool lost = s.place[slot] == kFlying || (s.place[slot] == kFree) != (s.slot[slot].free != 0);
    if (lost) Fail("a block is lost");
  }
}

void Slots::Print(const State &s) {
  for (const Slot &slot : s.slot) {
    (void)std::printf("%d.%d thread %d J %d %d%d JA %d(%d,%d) F %d | ", slot.owner, slot.life,
                      slot.thread, slot.journal, slot.left, slot.right, slot.record, slot.dest,
                      slot.block, slot.free);
  }
  (void)std::printf("words %d%d%d locked %x dead %x heirless %x lives %d%d%d |", s.word[0],
                    s.word[1], s.word[2], s.locked, s.dead, s.heirless, s.life[0], s.life[1],
                    s.life[2]);
  PrintThreads(s);
}

Slots::State Slots::First() {
  State s{};
  for (int slot = 0; slot < size_.slots; slot++) s.slot[slot].free = 1;
  s.locked = Byte((1 << size_.processes) - 1);
  return s;
}

static void a_slot_has_one_holder() {
  Prove(Slots({3, 1, 0}, Bug::none));
  if (Nightly()) Prove(Slots({2, 2, 0}, Bug::none));
}

static void a_slot_has_one_holder_where_processes_are_born_again() {
  Prove(Slots({2, 1, Nightly() ? 2 : 1}, Bug::none));
}

template <Bug bug>
static void Catches() {
  constexpr bool two_slots = bug == Bug::record_in_tenders_slot;
  constexpr bool births = bug == Bug::generation_read_before_word ||
                          bug == Bug::lock_asked_before_word ||
                          bug == Bug::byte_taken_before_record || bug == Bug::record_read_once;
  Refute(Slots({births || two_slots ? 2 : 3, two_slots ? 2 : 1, births ? 1 : 0}, bug));
}

static const test_entry entries[] = {
    CASE(a_slot_has_one_holder),         CASE(a_slot_has_one_holder_where_processes_are_born_again),
    CAUGHT(recovery_without_swap),       CAUGHT(orphan_taken_without_swap),
    CAUGHT(let_go_before_settled),       CAUGHT(journal_cleared_first),
    CAUGHT(record_not_recovered),        CAUGHT(record_in_tenders_slot),
    CAUGHT(generation_read_before_word), CAUGHT(lock_asked_before_word),
    CAUGHT(byte_taken_before_record),    CAUGHT(record_read_once),
    CAUGHT(word_taken_without_reap),     CAUGHT(reap_without_settling),
    CAUGHT(thread_kept_by_recoverer),
};

MODEL_SUITE(slots, entries)

}  // namespace model
