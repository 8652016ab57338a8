// SPDX-License-Identifier: MIT
// Goal: while a block waits in RB its slab's `pending` says so, or the owner's frees would not look
// there and miss a double free. Under store buffers.
//
//   cells     `pending`, cd and RB of one slab of two blocks; J of the freer
//   actors    0 owns the slab: frees, which takes a late flag back, and collects; 1 frees remotely;
//             2 recovers the freer
//   steps     drop_late_flag (free_block.c); collect, remote free (remote.c); hint_set_pending,
//             hint_raise (hint.c); J = HINT (recover.c)
//   checked   at rest, what is in RB has the flag and the hint
//
// H and HS are as cd, and left out; the flag may be set in vain.
#include <cstdio>

#include "tests/model/store_buffer.h"

namespace model {

enum class Bug {
  none,
  flag_dropped_by_hint_alone,
  flag_dropped_without_barrier,
  flag_set_once,
  flag_cleared_after_bits_read,
};

enum Cell { kPending, kCd, kRb, kJournal, kCells };

struct PendingState {
  static constexpr int kActors = 3;
  struct Thread {
    u8 op, block, seen;
    u8 pc[2];
  };
  BufferedMemory<kCells, kActors> memory;
  u8 freed;  // blocks that the freer has freed: it has the others
  u8 dead;
  Thread thread[kActors];
};

struct PendingSize {
  int buffer;
};

class Pending final : public BufferedModel<PendingState, Bug, PendingSize> {
 public:
  using BufferedModel::BufferedModel;

 protected:
  enum Op : u8 { kIdle, kFreeOwn, kCollect, kFreeOther, kRecover };

  bool Step(State &s, int actor) override;
  void Idle(const State &s, int actor) override;
  bool Mortal(const State &s, int actor) override { return (void)s, actor != 0; }
  void Check(const State &s) override;
  void Print(const State &s) override;

 private:
  bool DropLateFlag(State &s, Thread &t);
  bool Collect(State &s, Thread &t);
  bool Raise(State &s, Thread &t);
  bool RemoteFree(State &s, Thread &t);
  bool Recover(State &s, Thread &t);
};

bool Pending::DropLateFlag(State &s, Thread &t) {
  BEGIN(0);
  STEP(t.seen = Load(s, kPending));
  if (t.seen == 0) DONE;
  STEP(t.seen = Load(s, kCd));
  if (t.seen != 0) DONE;
  STEP(Store(s, kPending, 0));
  if (Is(Bug::flag_dropped_by_hint_alone)) DONE;
  if (!Is(Bug::flag_dropped_without_barrier)) STEP(Fence(s));
  STEP(t.seen = Load(s, kRb));
  if (t.seen != 0) LAST(Store(s, kPending, 1));
  END;
}

bool Pending::Collect(State &s, Thread &t) {
  BEGIN(0);
  if (!Is(Bug::flag_cleared_after_bits_read)) STEP(Store(s, kPending, 0));
  STEP(And(s, kCd, 0));
  STEP(t.seen = Load(s, kRb));
  if (Is(Bug::flag_cleared_after_bits_read)) STEP(Store(s, kPending, 0));
  LAST(And(s, kRb, ~t.seen); Drop(s.freed, t.seen));
  END;
}

bool Pending::Raise(State &s, Thread &t) {
  BEGIN(1);
  if (!Is(Bug::flag_set_once)) {
    STEP(t.seen = Load(s, kPending));
    if (t.seen == 0) STEP(Store(s, kPending, 1));
  }
  STEP(t.seen = Load(s, kCd));
  if (t.seen == 0) STEP(Or(s, kCd, 1));
  t.seen = 0;
  END;
}

bool Pending::RemoteFree(State &s, Thread &t) {
  BEGIN(0);
  STEP(Store(s, kJournal, 1));
  STEP(t.seen = Load(s, kPending));
  if (t.seen == 0) STEP(Store(s, kPending, 1));
  t.seen = 0;
  STEP(Or(s, kRb, 1 << t.block); Set(s.freed, t.block));
  CALL(Raise(s, t));
  LAST(Store(s, kJournal, 0));
  END;
}

bool Pending::Recover(State &s, Thread &t) {
  BEGIN(0);
  if (Load(s, kJournal) != 0) {
    CALL(Raise(s, t));
    STEP(Store(s, kJournal, 0));
  }
  LAST(Fence(s); Clear(s.dead, 1));
  END;
}

bool Pending::Step(State &s, int actor) {
  Thread &t = s.thread[actor];
  actor_ = actor;
  switch (t.op) {
    case kFreeOwn: return DropLateFlag(s, t);
    case kCollect: return Collect(s, t);
    case kFreeOther: return RemoteFree(s, t);
    default: return Recover(s, t);
  }
}

void Pending::Idle(const State &s, int actor) {
  if (actor == 0) {
    Begin(s, 0, {kFreeOwn, 0, 0, {}});
    Begin(s, 0, {kCollect, 0, 0, {}});
  } else if (actor == 1) {
    for (u8 block = 0; block < 2; block++) {
      if (!Has(s.freed, block)) Begin(s, 1, {kFreeOther, block, 0, {}});
    }
  } else if (Has(s.dead, 1) && s.memory.IsDrained(1) && s.memory.IsDrained(2)) {
    Begin(s, 2, {kRecover, 0, 0, {}});
  }
}

void Pending::Check(const State &s) {
  if (!IsQuiet(s)) return;
  const u8 *cell = s.memory.cell;
  if (cell[kRb] != 0 && cell[kPending] == 0) Fail("a block waits, and its slab does not say so");
  if (cell[kRb] != 0 && cell[kCd] == 0) Fail("a block waits, and no hint leads to it");
}

void Pending::Print(const State &s) {
  PrintMemory(s, {"pending", "cd", "RB", "J"});
  (void)std::printf("| freed %x dead %x |", s.freed, s.dead);
  PrintThreads(s);
}

static void what_waits_is_said_to_wait() {
  Prove(Pending({2}, Bug::none));
}

template <Bug bug>
static void Catches() {
  Refute(Pending({2}, bug));
}

static const test_entry entries[] = {
    CASE(what_waits_is_said_to_wait),     CAUGHT(flag_dropped_by_hint_alone),
    CAUGHT(flag_dropped_without_barrier), CAUGHT(flag_set_once),
    CAUGHT(flag_cleared_after_bits_read),
};

MODEL_SUITE(pending, entries)

}  // namespace model
