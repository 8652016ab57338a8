// SPDX-License-Identifier: MIT
// Goal: whatever dies, a name has one root at most, and a root and its block come and go together.
// Method: the model of tests/model/roots_model.h.
#include <cstdio>

#include "tests/model/roots_model.h"

namespace model {

// What others have read of the record's version is of the past.
void Roots::StoreVersion(State &s, const Thread &by, int index, int owner) {
  s.record[index].owner = Byte(owner);
  for (Thread &other : s.thread) {
    if (&other != &by) Clear(other.fresh, index);
  }
}

// Whether the slot's owner is dead, and nobody acts as it. 255: a record of nobody's.
bool Roots::IsGone(const State &s, int slot) {
  if (slot == 255) return false;
  const Thread &recoverer = s.thread[kRecoverer];
  return Has(s.dead, slot) && !(recoverer.op == kRecover && recoverer.victim == slot);
}

void Roots::Forget(Thread &t) {
  t.at = t.found = t.rival = t.available = t.busy = t.seen = 0;
}

// Of record t.at; t.seen becomes 1 where the probe ends.
bool Roots::ProbeRecord(State &s, Thread &t) {
  const Record &record = s.record[t.at];
  BEGIN(3);
  STEP(t.seen = record.owner; Set(t.fresh, t.at));
  if (t.seen != 0 && t.busy == 0) t.busy = Byte(t.at + 1);
  // From here on bit 7 of t.seen says that it was busy, the rest is the hash.
  STEP(t.seen = Byte((t.seen != 0 ? 128 : 0) | record.hash));
  if (t.seen <= kRemoved && t.available == 0) t.available = Byte(t.at + 1);
  if ((t.seen & 127) != t.name) {
    t.seen = t.seen == kUnused;
    DONE;
  }
  STEP(if (record.check != 0 && record.name == t.name) t.found = Byte(t.at + 1));
  if (t.found == 0 && t.seen >= 128) {
    STEP(if (record.name == t.name && t.rival == 0) t.rival = Byte(t.at + 1));
  }
  t.seen = t.found != 0;
  END;
}

// Looks for t.name, but at t.own.
bool Roots::Probe(State &s, Thread &t) {
  BEGIN(2);
  Forget(t);
  for (; t.at < kRecords && t.seen == 0; t.at++) {
    if (t.at + 1 != t.own) CALL(ProbeRecord(s, t));
  }
  t.at = t.seen = 0;
  END;
}

// t.seen says whether the record is held.
bool Roots::Take(State &s, Thread &t, int slot, int index) {
  BEGIN(2);
  if (!Is(Bug::change_without_journal)) STEP(s.slot[slot].journal = Byte(index + 1));
  STEP(t.seen = Has(t.fresh, index) && s.record[index].owner == 0;
       if (t.seen != 0) StoreVersion(s, t, index, slot + 1));
  t.fresh = 0;
  if (t.seen == 0) STEP(s.slot[slot].journal = 0);
  END;
}

bool Roots::Empty(State &s, Thread &t, int index) {
  Record &record = s.record[index];
  BEGIN(3);
  if (record.check != 0) {
    if (Is(Bug::removal_hides_hash_first)) STEP(record.hash = kRemoved);
    STEP(if (record.block != 0) s.place[record.block - 1] = kHeld; record.check = 0);
  }
  STEP(record.hash = Is(Bug::emptied_record_never_used) ? kUnused : kRemoved);
  STEP(record.block = 0);
  STEP(record.name = kUnused);
  END;
}

bool Roots::End(State &s, Thread &t, int slot, int index) {
  BEGIN(3);
  STEP(StoreVersion(s, t, index, 0));
  STEP(s.slot[slot].journal = 0);
  END;
}

bool Roots::Fill(State &s, Thread &t) {
  Record &record = s.record[t.own - 1];
  BEGIN(2);
  STEP(record.generation = Byte(record.generation % 3 + 1));
  if (Is(Bug::check_before_name)) STEP(record.check = record.generation);
  STEP(record.name = t.name);
  if (!Is(Bug::hash_stored_after_probe)) STEP(record.hash = t.name);
  END;
}

// t.seen says whether the record that is held may be committed.
bool Roots::Wins(State &s, Thread &t) {
  BEGIN(1);
  if (Is(Bug::no_second_probe)) {
    t.seen = 1;
    DONE;
  }
  do {
    CALL(Probe(s, t));
    if (t.rival > t.own) STEP(t.seen = IsGone(s, Byte(s.record[t.rival - 1].owner - 1)));
  } while (t.found == 0 && t.rival > t.own && t.seen == 0 && t.patient != 0);
  t.seen = t.found == 0 && t.rival == 0;
  if (Is(Bug::later_creator_stays) && t.found == 0 && t.rival < t.own) t.seen = 1;
  END;
}

// JA = PUBLISH: the record's check is the caller's word, the cell holds the block.
bool Roots::Publish(State &s, Thread &t, int slot) {
  Record &record = s.record[t.own - 1];
  Slot &own = s.slot[slot];
  BEGIN(2);
  STEP(own.cell = 1; s.place[slot] = kReserved);
  STEP(record.block = Byte(slot + 1));
  STEP(own.published = 1; own.check = record.generation; own.record = Byte(t.own - 1));
  STEP(record.check = record.generation; s.place[slot] = kRooted);
  if (!Is(Bug::cell_kept_by_publication)) STEP(own.cell = 0);
  STEP(own.published = own.check = own.record = 0);
  END;
}

bool Roots::Commit(State &s, Thread &t, int slot) {
  BEGIN(1);
  if (t.op == kSet) STEP(s.record[t.own - 1].check = s.record[t.own - 1].generation);
  if (t.op == kBuild) CALL(Publish(s, t, slot));
  CALL(End(s, t, slot, t.own - 1));
  END;
}

// Of a record that is taken from the slot of the dead: as t's own change.
bool Roots::TakeOver(State &s, Thread &t, int slot) {
  BEGIN(2);
  STEP(s.slot[slot].journal = t.at);
  STEP(t.seen = Has(t.fresh, t.at - 1); if (t.seen != 0) StoreVersion(s, t, t.at - 1, slot + 1));
  if (t.seen != 0) {
    STEP(t.seen = s.record[t.at - 1].check);
    if (t.seen == 0) CALL(Empty(s, t, t.at - 1));
    STEP(StoreVersion(s, t, t.at - 1, 0));
  }
  STEP(s.slot[slot].journal = 0);
  END;
}

// One look at record t.at - 1, which another holds; its slot is recovered where its owner is gone,
// which is the recoverer's work here.
bool Roots::WaitFor(State &s, Thread &t, int slot) {
  BEGIN(1);
  STEP(t.seen = s.record[t.at - 1].owner; Set(t.fresh, t.at - 1));
  if (t.seen == 0 || t.seen == slot + 1) DONE;
  STEP(t.rival = IsGone(s, t.seen - 1));
  if (t.rival == 0) DONE;
  // Recovered by now, or being recovered: whoever does that lets the record go.
  STEP(t.rival = IsGone(s, t.seen - 1));
  if (t.rival != 0 && !Is(Bug::record_taken_over_alone)) DONE;
  if (t.rival == 0 && !Is(Bug::record_taken_over_beside_recovery)) DONE;
  CALL(TakeOver(s, t, slot));
  END;
}

bool Roots::Create(State &s, Thread &t, int slot) {
  BEGIN(0);
  CALL(Probe(s, t));
  if (t.found != 0) DONE;
  if (t.rival == 0 && t.available != 0) {
    t.own = t.available;
    t.available = t.busy = 0;
    CALL(Take(s, t, slot, t.own - 1));
    if (t.seen == 0) DONE;
    CALL(Fill(s, t));
    CALL(Wins(s, t));
    t.fresh = 0;
    if (t.seen != 0) {
      if (Is(Bug::hash_stored_after_probe)) STEP(s.record[t.own - 1].hash = t.name);
      Forget(t);
      CALL(Commit(s, t, slot));
      DONE;
    }
    t.found = t.available = t.busy = 0;
    CALL(Empty(s, t, t.own - 1));
    CALL(End(s, t, slot, t.own - 1));
    t.own = 0;
  }
  t.at = t.rival != 0 ? t.rival : t.busy;
  t.rival = t.busy = t.available = 0;
  if (t.at != 0) CALL(WaitFor(s, t, slot));
  END;
}

bool Roots::Remove(State &s, Thread &t, int slot) {
  BEGIN(0);
  CALL(Probe(s, t));
  if (t.found == 0) DONE;
  t.own = t.found;
  Forget(t);
  CALL(Take(s, t, slot, t.own - 1));
  if (t.seen != 0) {
    CALL(Empty(s, t, t.own - 1));
    CALL(End(s, t, slot, t.own - 1));
    DONE;
  }
  t.at = t.own;
  t.own = 0;
  CALL(WaitFor(s, t, slot));
  END;
}

// A publication of the dead is decided by its own word.
bool Roots::SettlePublication(State &s, Thread &t) {
  Slot &of = s.slot[t.victim];
  BEGIN(1);
  STEP(t.seen = s.record[of.record].check);
  if (t.seen == of.check && !Is(Bug::publication_compares_block)) STEP(of.cell = 0);
  STEP(of.published = of.check = of.record = 0);
  t.seen = 0;
  END;
}

bool Roots::Recover(State &s, Thread &t) {
  Slot &of = s.slot[t.victim];
  BEGIN(0);
  if (of.published != 0 && !Is(Bug::publication_settled_after_journal)) {
    CALL(SettlePublication(s, t));
  }
  if (of.journal != 0) {
    STEP(t.seen = s.record[of.journal - 1].owner == t.victim + 1);
    if (t.seen != 0) {
      STEP(StoreVersion(s, t, of.journal - 1, t.victim + 1));
      STEP(t.seen = s.record[of.journal - 1].check);
      if (t.seen == 0 && !Is(Bug::recovery_lets_unfinished_go)) {
        CALL(Empty(s, t, of.journal - 1));
      }
      STEP(StoreVersion(s, t, of.journal - 1, 0));
    }
    t.seen = 0;
    STEP(of.journal = 0);
  }
  if (of.published != 0) CALL(SettlePublication(s, t));
  if (of.cell != 0) {
    if (s.place[t.victim] != kReserved) return Fail("recovery freed a block that is live or free");
    STEP(of.cell = 0; s.place[t.victim] = kFree);
  }
  LAST(Clear(s.dead, t.victim));
  END;
}

bool Roots::Step(State &s, int actor) {
  Thread &t = s.thread[actor];
  switch (t.op) {
    case kSet:
    case kBuild: return Create(s, t, actor);
    case kRemove: return Remove(s, t, actor);
    default: return Recover(s, t);
  }
}

void Roots::Idle(const State &s, int actor) {
  if (actor == kRecoverer) return BeginRecovery(s, kRecover);
  Thread t{};
  State z = s;
  z.place[actor] = kFree;
  if (s.place[actor] == kHeld) Put(z);  // whoever removed the root frees its block
  for (t.name = kNameA; t.name < kNameA + size_.names[actor]; t.name++) {
    for (t.patient = size_.gives_up ? 0 : 1; t.patient < 2; t.patient++) {
      t.op = size_.builds ? kBuild : kSet;
      if (!size_.builds || s.place[actor] == kFree) Begin(s, actor, t);
    }
    t.patient = 0;
    t.op = kRemove;
    Begin(s, actor, t);
  }
}

void Roots::Check(const State &s) {
  for (u8 name = kNameA; name <= kNameB; name++) {
    int count = 0;
    for (const Record &record : s.record) count += record.check != 0 && record.name == name;
    if (count > 1) Fail("a name has two roots");
  }
  for (const Record &record : s.record) {
    if (record.check == 0 || record.block == 0) continue;
    if (s.place[record.block - 1] != kRooted) Fail("a root's block is not its own");
  }
  bool ends_probe = s.record[0].owner == 0 && s.record[0].hash == kUnused;
  if (ends_probe && s.record[1].check != 0) Fail("a root is not to be found");
  if (!IsQuiet(s)) return;
  for (const Record &record : s.record) {
    if (record.owner != 0) Fail("a record is left busy");
    if (record.check != 0 && record.hash != record.name) Fail("a root is not to be found");
  }
  for (u8 place : s.place) {
    if (place == kReserved) Fail("a block is left reserved");
  }
  for (u8 block = 1; block <= 2; block++) {
    int roots = 0;
    for (const Record &record : s.record) roots += record.check != 0 && record.block == block;
    bool is_rooted = s.place[block - 1] == kRooted;
    if (roots != (is_rooted ? 1 : 0)) Fail("a block is lost");
  }
}

void Roots::Print(const State &s) {
  for (const Record &record : s.record) {
    (void)std::printf("busy %d hash %d name %d check %d block %d | ", record.owner, record.hash,
                      record.name, record.check, record.block);
  }
  for (const Slot &slot : s.slot) {
    (void)std::printf("J %d cell %d PUBLISH %d(%d) | ", slot.journal, slot.cell, slot.published,
                      slot.check);
  }
  (void)std::printf("place %d%d dead %x |", s.place[0], s.place[1], s.dead);
  PrintThreads(s);
}

static void a_name_has_one_root() {
  Prove(Roots({{2, Byte(Nightly() ? 2 : 1)}, false, Nightly()}, Bug::none));
}

static void a_root_and_its_block_come_and_go_together() {
  u8 names = Nightly() ? 2 : 1;
  Prove(Roots({{names, names}, true, true}, Bug::none));
}

template <Bug bug>
static void Catches() {
  constexpr bool publishes =
      bug == Bug::publication_settled_after_journal || bug == Bug::publication_compares_block ||
      bug == Bug::cell_kept_by_publication || bug == Bug::record_taken_over_alone ||
      bug == Bug::record_taken_over_beside_recovery;
  Refute(Roots({{2, 2}, publishes, true}, bug));
}

static const test_entry entries[] = {
    CASE(a_name_has_one_root),           CASE(a_root_and_its_block_come_and_go_together),
    CAUGHT(change_without_journal),      CAUGHT(no_second_probe),
    CAUGHT(hash_stored_after_probe),     CAUGHT(later_creator_stays),
    CAUGHT(emptied_record_never_used),   CAUGHT(removal_hides_hash_first),
    CAUGHT(check_before_name),           CAUGHT(publication_settled_after_journal),
    CAUGHT(publication_compares_block),  CAUGHT(cell_kept_by_publication),
    CAUGHT(record_taken_over_alone),     CAUGHT(record_taken_over_beside_recovery),
    CAUGHT(recovery_lets_unfinished_go),
};

MODEL_SUITE(roots, entries)

}  // namespace model
