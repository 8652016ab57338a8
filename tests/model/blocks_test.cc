// SPDX-License-Identifier: MIT
// Goal: whatever dies, no block is issued twice, freed while live, or lost: hand, F, RB, hints and
// records, with store buffers. Method: the model of tests/model/blocks_model.h.
#include <cstdio>

#include "tests/model/blocks_model.h"

namespace model {

bool Blocks::Pop(State &s, Thread &t) {
  BEGIN(0);
  t.block = Byte(Lowest(Load(s, kA)));
  if (s.holder[t.block] != kFree) return Fail("a block was issued twice");
  LAST(Store(s, kA, Load(s, kA) & ~(1 << t.block)); s.holder[t.block] = kOwner);
  END;
}

bool Blocks::Refill(State &s, Thread &t) {
  BEGIN(0);
  if (!Is(Bug::refill_without_journal)) STEP(Store(s, kJ0, kRefill));
  STEP(Store(s, kA, Load(s, kF)));
  STEP(Store(s, kF, 0));
  LAST(Store(s, kJ0, kNoJournal));
  END;
}

bool Blocks::FreeOwn(State &s, Thread &t) {
  BEGIN(0);
  if (Has(Load(s, kF) | Load(s, kA), t.block))
    return Fail("a double free is reported that is none");
  s.holder[t.block] = kFree;
  if (Load(s, kF) == 0 && Load(s, kA) == 0) LAST(Store(s, kA, 1 << t.block));
  LAST(Store(s, kF, Load(s, kF) | 1 << t.block));
  END;
}

// J = COLLECT stands, and is ended by the caller.
bool Blocks::Collect(State &s, Thread &t) {
  BEGIN(3);
  if (Is(Bug::hint_cleared_by_plain_store)) {
    STEP(Store(s, kH, 0));
    STEP(Store(s, kCd, 0));
  } else if (!Is(Bug::hint_cleared_after_bits_read)) {
    STEP(And(s, kH, 0));
    STEP(And(s, kCd, 0));
  }
  if (Is(Bug::mark_read_before_bits)) STEP(t.named = Load(s, kJf));
  STEP(t.bits = Load(s, kRb); if (Is(Bug::bits_taken_by_exchange)) And(s, kRb, 0));
  if (Is(Bug::hint_cleared_after_bits_read)) {
    STEP(And(s, kH, 0));
    STEP(And(s, kCd, 0));
  }
  if (t.bits != 0 && !Is(Bug::records_not_respected)) {
    if (!Is(Bug::mark_read_before_bits)) STEP(t.named = Load(s, kJf));
    // The slots' records one by one; slot 0's names blocks of F and the hand alone.
    if (t.named != 0) STEP(t.named = Load(s, kJa1));
    t.named = t.named == 0 ? Byte(0) : Byte(t.bits & 1 << (t.named - 1));
    Drop(t.bits, t.named);
  } else {
    t.named = 0;
  }
  if (LooksTwice(s, t)) return Fail("a double free is reported that is none");
  if (t.bits != 0) {
    STEP(Store(s, kF, Load(s, kF) | t.bits));
    if (!Is(Bug::bits_taken_by_exchange)) STEP(And(s, kRb, ~t.bits));
  }
  t.bits = 0;
  if ((t.named != 0 && !Is(Bug::bit_left_without_hint)) || t.op == kRecover) {
    t.named = 0;
    CALL(Raise(s, t));
  }
  t.named = 0;
  END;
}

bool Blocks::LooksTwice(const State &s, const Thread &t) const {
  if (t.op == kRecover && !Is(Bug::double_free_reported_in_redo)) return false;
  return (t.bits & (Load(s, kF) | Load(s, kA))) != 0;
}

bool Blocks::AllocTo(State &s, Thread &t) {
  BEGIN(0);
  t.block = Byte(Lowest(Load(s, kA)));
  if (!Is(Bug::alloc_to_without_record) && !Is(Bug::record_after_pop)) {
    STEP(Store(s, kJa0, t.block + 1));
  }
  if (s.holder[t.block] != kFree) return Fail("a block was issued twice");
  STEP(Store(s, kA, Load(s, kA) & ~(1 << t.block)); s.holder[t.block] = kPopped);
  if (Is(Bug::record_after_pop)) STEP(Store(s, kJa0, t.block + 1));
  STEP(Store(s, kWord0, t.block + 1); s.holder[t.block] = kInWord0);
  LAST(Store(s, kJa0, 0));
  END;
}

// A block becomes free; from anything but what is expected that is a violation.
void Blocks::Release(State &s, int block, Holder expected, const char *why) {
  if (s.holder[block] != expected) Fail(why);
  s.holder[block] = kFree;
}

bool Blocks::Raise(State &s, Thread &t) {
  BEGIN(4);
  STEP(t.bits = Load(s, kCd));
  if (t.bits == 0) STEP(Or(s, kCd, 1));
  if (t.bits != 0 && Is(Bug::stale_hint_hides_the_next)) DONE;
  STEP(t.bits = Load(s, kH));
  if (t.bits == 0) STEP(Or(s, kH, 1));
  t.bits = 0;
  END;
}

// As slot `slot`. Its holder is by now whoever frees: itself, or nobody in a free_from.
bool Blocks::RemoteFree(State &s, Thread &t, int slot) {
  BEGIN(3);
  if (!Is(Bug::remote_free_without_journal)) STEP(Store(s, Journal(slot), kHint));
  if (Has(s.memory.cell[kRb], t.block)) return Fail("a double free is reported that is none");
  STEP(Or(s, kRb, 1 << t.block);
       Release(s, t.block, t.op == kFreeOther ? static_cast<Holder>(slot) : kUnlinked,
               "recovery freed a block that is live or free"));
  if (Is(Bug::journal_ended_before_hint)) STEP(Store(s, Journal(slot), kNoJournal));
  CALL(Raise(s, t));
  STEP(Store(s, Journal(slot), kNoJournal));
  END;
}

bool Blocks::FreeFrom(State &s, Thread &t) {
  BEGIN(0);
  if (Load(s, kJf) == 0 && !Is(Bug::mark_never_set)) STEP(Store(s, kJf, 1));
  if (!Is(Bug::free_from_without_record)) STEP(Store(s, kJa1, t.block + 1));
  STEP(Store(s, kWord1, 0); s.holder[t.block] = kUnlinked);
  CALL(RemoteFree(s, t, 1));
  LAST(Store(s, kJa1, 0));
  END;
}

// Begins with a compare and swap of the owner word and ends with another.
bool Blocks::Recover(State &s, Thread &t) {
  BEGIN(0);
  if (t.victim == 0) CALL(RecoverOwner(s, t));
  if (t.victim != 0) CALL(RecoverFreer(s, t));
  for (u8 holder : s.holder) {
    bool lost = holder == (t.victim == 0 ? kPopped : kUnlinked) && t.victim != 2;
    if (lost) return Fail("a block was lost: its call was cut short");
  }
  LAST(Fence(s); Clear(s.dead, t.victim));
  END;
}

bool Blocks::RecoverOwner(State &s, Thread &t) {
  BEGIN(1);
  if (Load(s, kJ0) == kRefill) {
    if (!Is(Bug::recovery_forgets_the_hand)) STEP(Store(s, kF, Load(s, kF) | Load(s, kA)));
    STEP(Store(s, kA, 0));
  }
  if (Load(s, kJ0) == kCollect) CALL(Collect(s, t));
  if (Load(s, kJ0) != kNoJournal) STEP(Store(s, kJ0, kNoJournal));
  if (Load(s, kJa0) != 0) {
    CALL(RecoverAllocTo(s, t));
    STEP(Store(s, kJa0, 0));
  }
  END;
}

bool Blocks::RecoverAllocTo(State &s, Thread &t) {
  BEGIN(2);
  t.block = Byte(Load(s, kJa0) - 1);
  STEP(t.bits = Load(s, kWord0));
  if (t.bits == 0) {
    STEP(t.bits = Load(s, kRb));
    t.bits = Byte(t.bits | Load(s, kF) | Load(s, kA));
    if (!Has(t.bits, t.block)) {
      STEP(Store(s, kF, Load(s, kF) | 1 << t.block);
           Release(s, t.block, kPopped, "recovery freed a block that is live or free"));
    }
  }
  t.bits = t.block = 0;
  END;
}

bool Blocks::RecoverFreer(State &s, Thread &t) {
  BEGIN(1);
  if (Load(s, Journal(t.victim)) != kNoJournal) {
    CALL(Raise(s, t));
    STEP(Store(s, Journal(t.victim), kNoJournal));
  }
  if (t.victim == 1 && Load(s, kJa1) != 0) {
    CALL(RecoverFreeFrom(s, t));
    STEP(Store(s, kJa1, 0));
  }
  END;
}

bool Blocks::RecoverFreeFrom(State &s, Thread &t) {
  BEGIN(2);
  t.block = Byte(Load(s, kJa1) - 1);
  if (Is(Bug::record_ended_before_free)) STEP(Store(s, kJa1, 0));
  if (Load(s, kWord1) == 0) {
    STEP(t.bits = Load(s, kRb));
    if (!Has(t.bits, t.block)) {
      t.bits = 0;
      CALL(RemoteFree(s, t, 1));
    }
  }
  t.bits = t.block = 0;
  END;
}

bool Blocks::Step(State &s, int actor) {
  Thread &t = s.thread[actor];
  actor_ = actor;
  switch (t.op) {
    case kPop: return Pop(s, t);
    case kFill: return Refill(s, t);
    case kFreeOwn: return FreeOwn(s, t);
    case kAllocTo: return AllocTo(s, t);
    case kFreeFrom: return FreeFrom(s, t);
    case kRecover: return Recover(s, t);
    default: break;
  }
  BEGIN(0);
  if (t.op == kGather) {
    if (!Is(Bug::collect_without_journal)) STEP(Store(s, kJ0, kCollect));
    CALL(Collect(s, t));
    LAST(Store(s, kJ0, kNoJournal));
  }
  CALL(RemoteFree(s, t, actor));
  END;
}

void Blocks::IdleOwner(const State &s) {
  if (Load(s, kA) != 0) Begin(s, 0, Do(kPop));
  if (Load(s, kA) == 0 && Load(s, kF) != 0) Begin(s, 0, Do(kFill));
  if (Load(s, kH) != 0) Begin(s, 0, Do(kGather));
  bool may_alloc_to = size_.alloc_to && Load(s, kA) != 0 && Load(s, kWord0) == 0;
  if (may_alloc_to) Begin(s, 0, Do(kAllocTo));
  for (u8 block = 0; block < size_.blocks; block++) {
    if (s.holder[block] != kOwner) continue;
    Begin(s, 0, Do(kFreeOwn, block));
    State z = s;
    for (int to = kFreer1; to <= (size_.second_freer ? kFreer2 : kFreer1); to++) {
      z.holder[block] = Byte(to);
      if (s.memory.IsDrained(0)) Put(z);  // whatever hands it over drains the buffer
    }
  }
}

void Blocks::IdleFreer(const State &s, int actor) {
  for (u8 block = 0; block < size_.blocks; block++) {
    State z = s;
    if (s.holder[block] == actor) Begin(s, actor, Do(kFreeOther, block));
    if (actor == 1 && size_.free_from) {
      bool linked = s.holder[block] == kInWord1 && Load(s, kWord1) == block + 1;
      if (linked) Begin(s, actor, Do(kFreeFrom, block));
      bool may_link = s.holder[block] == kFreer1 && Load(s, kWord1) == 0;
      if (may_link && z.memory.Store(1, kWord1, Byte(block + 1), size_.buffer)) {
        z.holder[block] = kInWord1;
        Put(z);
      }
    }
    // The word belongs to its caller until the call returns, or until its slot is recovered.
    bool returned = s.thread[0].op != kAllocTo && s.memory.IsDrained(0) && !Has(s.dead, 0);
    bool may_take = returned || Is(Bug::word_taken_before_return);
    if (actor == 2 && may_take && s.holder[block] == kInWord0 && Load(s, kWord0) == block + 1 &&
        z.memory.Store(2, kWord0, 0, size_.buffer)) {
      z.holder[block] = kFreer2;
      Put(z);
    }
  }
}

void Blocks::Idle(const State &s, int actor) {
  actor_ = actor;
  if (actor == 0) return IdleOwner(s);
  if (actor != kRecoverer) return IdleFreer(s, actor);
  if (!s.memory.IsDrained(actor)) return;
  for (u8 victim = 0; victim < kRecoverer; victim++) {
    bool ready = Has(s.dead, victim) && s.memory.IsDrained(victim);
    if (ready) Begin(s, actor, Do(kRecover, 0, victim));
  }
}

void Blocks::Check(const State &s) {
  if (!IsQuiet(s)) return;
  const u8 *cell = s.memory.cell;
  for (int block = 0; block < size_.blocks; block++) {
    int sets = Has(cell[kF], block) + Has(cell[kA], block) + Has(cell[kRb], block);
    if (sets > 1) Fail("a block is in two free sets at rest");
    if (sets != 0 && s.holder[block] != kFree) Fail("a live block is in a free set");
    if (sets == 0 && s.holder[block] == kFree) Fail("a free block is in no set");
  }
  bool hinted = cell[kCd] != 0 && cell[kH] != 0;
  if (cell[kRb] != 0 && !hinted) Fail("a block waits to be collected without a hint");
}

void Blocks::Print(const State &s) {
  static const char *const names[kCells] = {"F",  "A",  "RB",  "jf",  "cd",    "H",    "J0",
                                            "J1", "J2", "JA0", "JA1", "word0", "word1"};
  PrintMemory(s, names);
  (void)std::printf("| held %d%d dead %x |", s.holder[0], s.holder[1], s.dead);
  PrintThreads(s);
}

Blocks::State Blocks::First() {
  State s{};
  s.memory.cell[kF] = Byte((1 << size_.blocks) - 1);
  for (u8 &holder : s.holder) holder = kFree;
  return s;
}

static BlocksSize SizeOf(int blocks, int buffer) {
  return BlocksSize{blocks, buffer, true, true, true};
}

static void one_block_is_never_doubled_or_lost() {
  Prove(Blocks(SizeOf(1, Nightly() ? 3 : 2), Bug::none));
}

static void two_blocks_are_never_doubled_or_lost() {
  bool nightly = Nightly();
  Prove(Blocks(BlocksSize{2, 2, nightly, true, nightly}, Bug::none));
}

template <Bug bug>
static void Catches() {
  Refute(Blocks(SizeOf(1, 2), bug));
}

static const test_entry entries[] = {
    CASE(one_block_is_never_doubled_or_lost),
    CASE(two_blocks_are_never_doubled_or_lost),
    CAUGHT(refill_without_journal),
    CAUGHT(recovery_forgets_the_hand),
    CAUGHT(collect_without_journal),
    CAUGHT(bits_taken_by_exchange),
    CAUGHT(double_free_reported_in_redo),
    CAUGHT(records_not_respected),
    CAUGHT(mark_never_set),
    CAUGHT(mark_read_before_bits),
    CAUGHT(bit_left_without_hint),
    CAUGHT(hint_cleared_after_bits_read),
    CAUGHT(hint_cleared_by_plain_store),
    CAUGHT(remote_free_without_journal),
    CAUGHT(journal_ended_before_hint),
    CAUGHT(stale_hint_hides_the_next),
    CAUGHT(free_from_without_record),
    CAUGHT(record_ended_before_free),
    CAUGHT(alloc_to_without_record),
    CAUGHT(record_after_pop),
    CAUGHT(word_taken_before_return),
};

MODEL_SUITE(blocks, entries)

}  // namespace model
