// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MODEL_SLOTS_MODEL_H
#define SHL_TESTS_MODEL_SLOTS_MODEL_H

#include "tests/model/explore.h"
#include "tests/model/steps.h"

// Thread slots: taken, left, tended, recovered, and waited for.
//
//   cells     of each slot: the owner word, its `thread`, J, JA; a pair of cells that a journalled
//             step keeps equal, and a block that alloc_to hands over; of each process: its record's
//             generation, its lock, and a word in the heap
//   actors    processes of one thread each. Each takes a slot, works in it, leaves it, acts as an
//             orphan, recovers the dead, and takes what is in a dead one's word once it has reaped.
//             It dies, and may be born again under its old process record
//   steps     take, sign, let_go, is_dead, slot_recover (slot.c); tend (orphan.c);
//             reap_and_settle (reap.c); alloc_to (handover.c) and a step with J (recover.c);
//             take_record (mapping/process.c)
//   checked   one living actor at most holds a slot; a slot given back has no J, no JA, and equal
//             cells; recovery frees no block that is live, and nothing is lost
//
// Generations of owner words never come back. Who reaps gives up where another's recovery stands
// still. The last actor does nothing.

namespace model {

enum class Bug {
  none,
  recovery_without_swap,
  orphan_taken_without_swap,
  let_go_before_settled,
  journal_cleared_first,
  record_not_recovered,
  record_in_tenders_slot,
  generation_read_before_word,
  lock_asked_before_word,
  byte_taken_before_record,
  record_read_once,
  word_taken_without_reap,
  reap_without_settling,
  thread_kept_by_recoverer,
};

constexpr int kProcesses = 3;
constexpr int kSlots = 2;

// Where a slot's block is. Flying: taken, and in no word. Held: taken out of a word.
enum Place : u8 { kFree, kFlying, kLinked, kHeld };

struct SlotsState {
  static constexpr int kActors = kProcesses + 1;
  struct Slot {
    u8 owner, life, thread;  // owner: process + 1, 0: FREE or ORPHAN
    u8 journal, left, right;
    u8 record, dest, block;  // JA stands; whose word; which block
    u8 free;
  };
  struct Thread {
    u8 op, slot, seen, life, now, gone, fresh, whose, wanted;
    u8 pc[4];
  };
  Slot slot[kSlots];
  u8 place[kSlots];
  u8 word[kProcesses];  // block + 1
  u8 life[kProcesses];  // the process record's generation
  u8 births[kProcesses];
  u8 own[kProcesses];  // slot + 1
  u8 holds[kProcesses];
  u8 locked, heirless;  // a bit a process
  u8 dead;
  Thread thread[kActors];
};

struct SlotsSize {
  int processes;
  int slots;
  int births;
};

class Slots final : public Model<SlotsState, Bug, SlotsSize> {
 public:
  using Model::Model;

 protected:
  using Slot = SlotsState::Slot;
  enum Op : u8 { kIdle, kTake, kLeave, kWork, kAllocTo, kTend, kTendTo, kRecover, kReap, kBorn };

  State First() override;
  bool Step(State &s, int actor) override;
  void Idle(const State &s, int actor) override;
  void Environment(const State &s) override;
  void Bury(State &s, int actor) override;
  void Check(const State &s) override;
  void Print(const State &s) override;

 private:
  static void StoreOwner(State &s, const Thread &by, int slot, int owner);
  void Hold(State &s, int slot, int actor);

  bool Take(State &s, Thread &t, int actor);
  bool LetGo(State &s, Thread &t, int actor);
  bool Work(State &s, Thread &t);
  bool AllocTo(State &s, Thread &t, int actor);
  bool Tend(State &s, Thread &t, int actor);
  bool IsDead(State &s, Thread &t);
  bool Recover(State &s, Thread &t, int actor);
  bool Settle(State &s, Thread &t);
  bool Reap(State &s, Thread &t, int actor);
  static void TakeOut(State &s, int process);
  static bool IsUnsettled(const State &s, int slot);
};

}  // namespace model

#endif
