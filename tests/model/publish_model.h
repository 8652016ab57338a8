// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MODEL_PUBLISH_MODEL_H
#define SHL_TESTS_MODEL_PUBLISH_MODEL_H

#include "tests/model/explore.h"
#include "tests/model/steps.h"

// The calls with a caller's word, and reservations.
//
//   cells     a word of the user's; a reservation and JA each of slot A, thread 0's, and of slot X,
//             which threads 0 and 1 take and leave; F with the hand, RB and jf of a slab of two
//             blocks, which is A's, and of one of a single block, which is thread 1's
//   actors    0, which dies: alloc_to, free_from, realloc_to, reserve, publish, cancel, also into a
//             cell of X as find_or_create does; collect. 1 takes from the word and puts into it,
//             pops, frees, collects, reserves in X. 2 recovers A and X, in any order
//   steps     handover, handover_back, publish (handover.c); shl_handover_recover, in the order of
//             shl_recover (recover.c); cancel_all (reservation.c)
//   checked   nothing that is live is freed or issued, nothing is lost, the word and the blocks
//             agree; when both slots are recovered no block is on its way
//
// The word belongs to its caller until the call returns, and to an heir only once A is recovered.
// Left out: J of what happens inside (blocks_test.cc, runs_test.cc); the single block stands for a
// run, too, which is taken under a claim with its record.

namespace model {

enum class Bug {
  none,
  call_without_record,
  record_after_pop,
  second_block_not_respected,
  old_block_not_marked,
  old_freed_before_word,
  record_ended_before_free,
  cell_cleared_before_word,
  publication_not_recovered,
  reservations_kept,
  reservation_freed_without_record,
  another_in_cell_means_kept,
  heir_takes_word_early,
};

constexpr int kBlocks = 3;

enum Cell : u8 { kWord, kCellA, kCellX, kCells };
enum RecordOp : u8 { kNoRecord, kToWord, kFromWord, kPublished, kReallocated };
// Where a block is: the ghost. Popped: taken, and linked nowhere. Gone: unlinked, and not free yet.
enum Place : u8 { kFree, kIn, kHeld1 = kIn + kCells, kPopped, kGone };
enum SlotX : u8 { kNobodys, kOf0, kOf1 };

struct PublishState {
  static constexpr int kActors = 3;
  struct Record {
    u8 op, cell, block, second;  // block + 1, or 0
  };
  struct Thread {
    u8 op, slot, cell, block, second, seen, left;
    u8 pc[4];
  };
  u8 free, remote, marked;  // a bit a block; a mark a slab
  u8 cell[kCells];          // block + 1
  Record record[2];         // of A, of X
  u8 x;                     // whose slot X is
  u8 settled;               // of a dead thread 0: slots that are recovered
  u8 place[kBlocks];
  u8 dead;
  Thread thread[kActors];
};

struct PublishSize {
  bool second_slot;
};

class Publish final : public Model<PublishState, Bug, PublishSize> {
 public:
  using Model::Model;

 protected:
  using Record = PublishState::Record;
  enum Op : u8 { kIdle, kAllocTo, kFreeFrom, kPublish, kRealloc, kCollect, kRecover };

  State First() override;
  bool Step(State &s, int actor) override;
  void Idle(const State &s, int actor) override;
  bool Mortal(const State &s, int actor) override { return (void)s, actor != 1; }
  void Check(const State &s) override;
  void Print(const State &s) override;

 private:
  static int SlabOf(int block) { return block == 2 ? 1 : 0; }
  void Stand(State &s, const Thread &t, RecordOp op);
  void Pop(State &s, int block);
  void Free(State &s, int slot, int block);
  void Link(State &s, int cell, int block);

  bool AllocTo(State &s, Thread &t);
  bool FreeFrom(State &s, Thread &t);
  bool PublishCell(State &s, Thread &t);
  bool Realloc(State &s, Thread &t);
  bool Collect(State &s, Thread &t, int actor);
  bool Recover(State &s, Thread &t);
  bool RecoverRecord(State &s, Thread &t);
  bool EnsureFree(State &s, Thread &t);
  bool Cancel(State &s, Thread &t);
  void IdleCaller(const State &s);
  void IdleOther(const State &s);
  void IdleOtherSlot(const State &s);
};

}  // namespace model

#endif
