// SPDX-License-Identifier: MIT
// Goal: whatever dies in a call with a caller's word, the word and the heap agree afterwards, and a
// reservation is published or freed. Method: the model of tests/model/publish_model.h.
#include <cstdio>

#include "tests/model/publish_model.h"

namespace model {

void Publish::Stand(State &s, const Thread &t, RecordOp op) {
  s.record[t.slot] = {op, t.cell, t.block, t.second};
}

void Publish::Pop(State &s, int block) {
  if (s.place[block] != kFree || !Has(s.free, block)) Fail("a block was issued twice");
  Clear(s.free, block);
  s.place[block] = kPopped;
}

// By slot A into its own slab, else by the atomic or.
void Publish::Free(State &s, int slot, int block) {
  if (s.place[block] != kPopped && s.place[block] != kGone) {
    Fail("a block was freed that is live or free");
  }
  Set(slot == 0 && SlabOf(block) == 0 ? s.free : s.remote, block);
  s.place[block] = kFree;
}

void Publish::Link(State &s, int cell, int block) {
  s.cell[cell] = Byte(block + 1);
  s.place[block] = Byte(kIn + cell);
}

bool Publish::AllocTo(State &s, Thread &t) {
  BEGIN(0);
  if (Is(Bug::record_after_pop) || Is(Bug::call_without_record)) {
    STEP(Pop(s, t.block - 1));
    if (Is(Bug::record_after_pop)) STEP(Stand(s, t, kToWord));
  } else if (SlabOf(t.block - 1) == 1) {
    STEP(Stand(s, t, kToWord); Set(s.marked, 1); Pop(s, t.block - 1));
  } else {
    STEP(Stand(s, t, kToWord));
    STEP(Pop(s, t.block - 1));
  }
  STEP(Link(s, t.cell, t.block - 1));
  LAST(s.record[t.slot] = {});
  END;
}

bool Publish::FreeFrom(State &s, Thread &t) {
  BEGIN(1);
  t.block = s.cell[t.cell];
  if (!Has(s.marked, SlabOf(t.block - 1))) STEP(Set(s.marked, SlabOf(t.block - 1)));
  if (!Is(Bug::call_without_record)) STEP(Stand(s, t, kFromWord));
  STEP(s.cell[t.cell] = 0; s.place[t.block - 1] = kGone);
  STEP(Free(s, t.slot, t.block - 1));
  STEP(s.record[t.slot] = {});
  t.block = 0;
  END;
}

// The cell of slot t.slot to the word.
bool Publish::PublishCell(State &s, Thread &t) {
  u8 &cell = s.cell[kCellA + t.slot];
  BEGIN(0);
  t.block = t.second = cell;
  STEP(Stand(s, t, kPublished));
  if (Is(Bug::cell_cleared_before_word)) STEP(cell = 0; s.place[t.block - 1] = kPopped);
  STEP(Link(s, kWord, t.block - 1));
  STEP(cell = 0);
  LAST(s.record[t.slot] = {});
  END;
}

bool Publish::Realloc(State &s, Thread &t) {
  BEGIN(0);
  t.block = s.cell[kWord];
  if (!Is(Bug::old_block_not_marked)) STEP(Set(s.marked, SlabOf(t.block - 1)));
  if (!Has(s.free, t.second - 1)) DONE;  // another has it by now
  if (SlabOf(t.second - 1) == 1) {
    STEP(Stand(s, t, kReallocated); Set(s.marked, 1); Pop(s, t.second - 1));
  } else {
    STEP(Stand(s, t, kReallocated));
    STEP(Pop(s, t.second - 1));
  }
  if (Is(Bug::old_freed_before_word)) {
    STEP(s.place[t.block - 1] = kGone; Free(s, 0, t.block - 1));
    STEP(Link(s, kWord, t.second - 1));
  } else {
    STEP(Link(s, kWord, t.second - 1); s.place[t.block - 1] = kGone);
    STEP(Free(s, 0, t.block - 1));
  }
  LAST(s.record[0] = {});
  END;
}

// Both stores, of F and of RB, are one step here.
bool Publish::Collect(State &s, Thread &t, int actor) {
  BEGIN(0);
  STEP(t.seen = Byte(s.remote & (actor == 0 ? 3 : 4)));
  STEP(t.left = Has(s.marked, actor));
  for (t.slot = 0; t.slot < 2 && t.left != 0; t.slot++) {
    STEP(if (s.record[t.slot].op != kNoRecord) {
      Drop(t.seen, 1 << s.record[t.slot].block >> 1);
      bool respects = !Is(Bug::second_block_not_respected);
      if (respects) Drop(t.seen, 1 << s.record[t.slot].second >> 1);
    });
  }
  LAST(Add(s.free, t.seen); Drop(s.remote, t.seen));
  END;
}

// Block t.block - 1 dies as a record of slot t.slot says, unless it has.
bool Publish::EnsureFree(State &s, Thread &t) {
  BEGIN(2);
  if (Is(Bug::record_ended_before_free)) STEP(s.record[t.slot] = {});
  STEP(t.left = Has(s.free | s.remote, t.block - 1));
  if (t.left == 0) STEP(Free(s, t.slot, t.block - 1));
  t.left = 0;
  END;
}

bool Publish::RecoverRecord(State &s, Thread &t) {
  BEGIN(1);
  t.cell = s.record[t.slot].cell;
  t.block = s.record[t.slot].block;
  t.second = s.record[t.slot].second;
  STEP(t.seen = s.cell[t.cell]);
  if (s.record[t.slot].op == kToWord) {
    // A cell may be another thread's by now, and hold what it likes.
    bool is_cell = t.cell != kWord && !Is(Bug::another_in_cell_means_kept);
    t.seen = t.seen == 0 || (t.seen != t.block && is_cell);
  } else if (s.record[t.slot].op == kFromWord) {
    t.seen = t.seen == 0;
  } else if (s.record[t.slot].op == kReallocated) {
    if (t.seen == t.block) {
      t.block = t.second;
    } else if (t.seen != t.second) {
      t.block = 0;  // the word was not the caller's alone: both blocks stay
    }
    t.seen = t.block != 0;
  } else {
    t.left = t.seen == t.second && s.cell[kCellA + t.slot] == t.block &&
             !Is(Bug::publication_not_recovered);
    t.seen = 0;
  }
  if (t.left != 0) {
    STEP(s.cell[kCellA + t.slot] = 0);
    t.left = 0;
  }
  if (t.seen != 0) CALL(EnsureFree(s, t));
  t.cell = t.block = t.second = t.seen = 0;
  STEP(s.record[t.slot] = {});
  END;
}

// What is still in a cell of the dead.
bool Publish::Cancel(State &s, Thread &t) {
  u8 &cell = s.cell[kCellA + t.slot];
  BEGIN(1);
  t.block = cell;
  if (s.place[t.block - 1] == kIn + kCellA + t.slot) s.place[t.block - 1] = kGone;
  CALL(EnsureFree(s, t));
  STEP(cell = 0);
  t.block = 0;
  END;
}

bool Publish::Recover(State &s, Thread &t) {
  u8 &cell = s.cell[kCellA + t.slot];
  BEGIN(0);
  if (s.record[t.slot].op != kNoRecord) CALL(RecoverRecord(s, t));
  if (cell != 0 && Is(Bug::reservation_freed_without_record)) CALL(Cancel(s, t));
  if (cell != 0 && !Is(Bug::reservations_kept)) {
    t.cell = Byte(kCellA + t.slot);
    CALL(FreeFrom(s, t));
  }
  if (cell != 0) return Fail("a reservation of the dead is left");
  STEP(Set(s.settled, t.slot); if (t.slot == 1) s.x = kNobodys);
  if (s.settled != 3 && (s.settled != 1 || s.x == kOf0)) DONE;
  s.settled = 0;
  Clear(s.dead, 0);
  END;
}

bool Publish::Step(State &s, int actor) {
  Thread &t = s.thread[actor];
  switch (t.op) {
    case kAllocTo: return AllocTo(s, t);
    case kPublish: return PublishCell(s, t);
    case kRealloc: return Realloc(s, t);
    case kCollect: return Collect(s, t, actor);
    case kRecover: return Recover(s, t);
    default: return FreeFrom(s, t);
  }
}

void Publish::IdleCaller(const State &s) {
  State z = s;
  for (u8 block = 1; block <= kBlocks; block++) {
    if (!Has(s.free, block - 1)) continue;
    for (u8 cell = kWord; cell <= kCellX; cell++) {
      bool may = s.cell[cell] == 0 && (cell != kCellX || s.x == kOf0);
      if (may) Begin(s, 0, {kAllocTo, 0, cell, block, 0, 0, 0, {}});
    }
    if (s.cell[kWord] != 0) Begin(s, 0, {kRealloc, 0, kWord, 0, block, 0, 0, {}});
  }
  if (s.cell[kWord] != 0) Begin(s, 0, {kFreeFrom, 0, kWord, 0, 0, 0, 0, {}});
  for (u8 slot = 0; slot < 2; slot++) {
    u8 cell = Byte(kCellA + slot);
    if (s.cell[cell] == 0 || (slot == 1 && s.x != kOf0)) continue;
    Begin(s, 0, {kFreeFrom, slot, cell, 0, 0, 0, 0, {}});
    if (s.cell[kWord] == 0) Begin(s, 0, {kPublish, slot, kWord, 0, 0, 0, 0, {}});
  }
  if ((s.remote & 3) != 0) Begin(s, 0, {kCollect, 0, 0, 0, 0, 0, 0, {}});
  z.x = s.x == kOf0 ? kNobodys : kOf0;
  bool may_change = s.x == kNobodys || (s.x == kOf0 && s.cell[kCellX] == 0);
  if (size_.second_slot && may_change) Put(z);
  z = s;
  Set(z.dead, 0);  // between two calls: reservations are found all the same
  Put(z);
}

// Thread 1 takes and leaves slot X, and reserves its own block there, in one step each.
void Publish::IdleOtherSlot(const State &s) {
  State z = s;
  z.x = s.x == kOf1 ? kNobodys : kOf1;
  bool may_change = s.x == kNobodys || (s.x == kOf1 && s.cell[kCellX] == 0);
  if (size_.second_slot && may_change) Put(z);
  if (s.x != kOf1) return;
  z = s;
  if (s.cell[kCellX] == 0 && s.place[2] == kHeld1) {
    Link(z, kCellX, 2);
    Put(z);
  } else if (s.cell[kCellX] == 3) {
    z.cell[kCellX] = 0;
    z.place[2] = kHeld1;
    Put(z);
  }
}

void Publish::IdleOther(const State &s) {
  if (Has(s.remote, 2)) Begin(s, 1, {kCollect, 0, 0, 0, 0, 0, 0, {}});
  bool word_is_ours = (s.thread[0].op == kIdle && s.dead == 0) || Is(Bug::heir_takes_word_early);
  for (u8 block = 0; block < kBlocks; block++) {
    State z = s;
    if (s.place[block] == kHeld1) {
      Set(SlabOf(block) == 1 ? z.free : z.remote, block);
      z.place[block] = kFree;
      Put(z);
      z = s;
      Link(z, kWord, block);
      if (word_is_ours && s.cell[kWord] == 0) Put(z);
    }
    z = s;
    if (word_is_ours && s.cell[kWord] == block + 1) {
      z.cell[kWord] = 0;
      z.place[block] = kHeld1;
      Put(z);
    }
  }
  if (Has(s.free, 2)) {
    State z = s;
    Pop(z, 2);
    z.place[2] = kHeld1;
    Put(z);
  }
  IdleOtherSlot(s);
}

void Publish::Idle(const State &s, int actor) {
  if (actor == 0) return IdleCaller(s);
  if (actor == 1) return IdleOther(s);
  if (!Has(s.dead, 0)) return;
  if (!Has(s.settled, 0)) Begin(s, actor, {kRecover, 0, 0, 0, 0, 0, 0, {}});
  if (s.x == kOf0) Begin(s, actor, {kRecover, 1, 0, 0, 0, 0, 0, {}});
}

void Publish::Check(const State &s) {
  for (int block = 0; block < kBlocks; block++) {
    if (Has(s.free | s.remote, block) && s.place[block] != kFree) Fail("a live block is free");
  }
  if (!IsQuiet(s)) return;
  if (s.record[0].op != kNoRecord || s.record[1].op != kNoRecord) Fail("a record is left");
  for (int block = 0; block < kBlocks; block++) {
    u8 place = s.place[block];
    if (place == kPopped || place == kGone) Fail("a block was lost: its call was cut short");
    if (Has(s.free | s.remote, block) != (place == kFree)) Fail("a block is lost");
    if (Has(s.free & s.remote, block)) Fail("a block is in two free sets");
    bool linked = place >= kIn && place < kHeld1;
    if (linked && s.cell[place - kIn] != block + 1) Fail("a cell and its block disagree");
  }
}

void Publish::Print(const State &s) {
  (void)std::printf("F %x RB %x jf %x | word %d A %d X %d of %d | ", s.free, s.remote, s.marked,
                    s.cell[kWord], s.cell[kCellA], s.cell[kCellX], s.x);
  for (const Record &record : s.record) {
    (void)std::printf("JA %d(%d,%d,%d) ", record.op, record.cell, record.block, record.second);
  }
  (void)std::printf("| place %d%d%d dead %x settled %x |", s.place[0], s.place[1], s.place[2],
                    s.dead, s.settled);
  PrintThreads(s);
}

Publish::State Publish::First() {
  State s{};
  s.free = 7;
  return s;
}

static void the_word_and_the_heap_agree() {
  Prove(Publish({false}, Bug::none));
}

static void a_second_slot_strands_nothing() {
  Prove(Publish({true}, Bug::none));
}

template <Bug bug>
static void Catches() {
  Refute(Publish({bug == Bug::another_in_cell_means_kept}, bug));
}

static const test_entry entries[] = {
    CASE(the_word_and_the_heap_agree),  CASE(a_second_slot_strands_nothing),
    CAUGHT(call_without_record),        CAUGHT(record_after_pop),
    CAUGHT(second_block_not_respected), CAUGHT(old_block_not_marked),
    CAUGHT(old_freed_before_word),      CAUGHT(record_ended_before_free),
    CAUGHT(cell_cleared_before_word),   CAUGHT(publication_not_recovered),
    CAUGHT(reservations_kept),          CAUGHT(reservation_freed_without_record),
    CAUGHT(another_in_cell_means_kept), CAUGHT(heir_takes_word_early),
};

MODEL_SUITE(publish, entries)

}  // namespace model
