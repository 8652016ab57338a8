// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MODEL_SLABS_MODEL_H
#define SHL_TESTS_MODEL_SLABS_MODEL_H

#include "tests/model/explore.h"
#include "tests/model/steps.h"

// Slabs made in a chunk and released, beside runs of pages, remote frees and late hints.
//
//   cells     cw, cd, cjf, RP, D and the descriptors of a chunk of two units; F, RB and whether it
//             is listed of a slab of one or two units with a block each; H, J, JA and a caller's
//             word of slots 0 and 1
//   actors    0 and 1 make and release slabs, allocate and free blocks and runs, each other's too,
//             free_from, drain, and trim; 2 recovers
//   steps     slab_new, examine (slab.c); claim, release, settle (chunk.c); run_alloc, run_free,
//             run_collect (run.c); collect, remote free (remote.c); hint.c; drain.c; trim.c, with
//             the rows given back in one step; free_from (handover.c); shl_recover (recover.c)
//   checked   no unit is issued twice, as a block or a run; what is live is marked so, and has its
//             slab's descriptor; recovery frees nothing that is live; at rest no claim is left,
//             each unit is free or somebody's, each slab is listed and has descriptors, nothing
//             else has, and what is in RB is hinted
//
// The hand and the links of lists are in lists_test.cc: here blocks come from F, and a list is a
// bit a slab.

namespace model {

enum class Bug {
  none,
  new_slab_without_journal,
  new_slab_taken_for_made,
  free_slab_without_journal,
  slab_unlinked_after_claim,
  descriptors_cleared_after_claim,
  stale_descriptor_collected,
  claim_let_go_first,
  records_not_respected,
  release_while_record_stands,
  looked_again_before_journal_ends,
  run_without_journal,
};

constexpr int kUnits = 2;

enum Word : u8 { kFree, kOpen, kClaimed0, kTrim0 = kClaimed0 + 2 };
enum Kind : u8 { kNoRun, kRun, kSlab };
enum Journal : u8 {
  kNoJournal,
  kChunk,
  kTrim,
  kRunTaken,
  kNewSlab,
  kFreeSlab,
  kCollect,
  kDrain,
  kHint
};
// Who has a unit's memory. Taken: D says so, the call has not come to its commit.
enum Holder : u8 { kNobody, kHeld, kInWord = kHeld + 2, kGone = kInWord + 2, kTaken = kGone + 2 };

struct SlabsState {
  static constexpr int kActors = 3;
  struct Desc {
    u8 made, owner, back, marked;  // made: the class is not 0
  };
  struct Slot {
    u8 journal, at, record, word, hints;  // record, word: unit + 1
  };
  struct Thread {
    u8 op, unit, first, owner, bits, left, claimed, seen, scan, victim;
    u8 pc[5];
  };
  u8 cw, remote_runs, dirty, marked;
  u8 kind[kUnits];
  Desc desc[kUnits];
  u8 free[kUnits], remote[kUnits], listed[kUnits];  // by a slab's first unit
  u8 holder[kUnits];
  u8 dead;
  Slot slot[2];
  Thread thread[kActors];
};

struct SlabsSize {
  int units;  // of a slab
  bool runs;
  bool records;
  bool trims;
};

class Slabs final : public Model<SlabsState, Bug, SlabsSize> {
 public:
  using Model::Model;

 protected:
  using Desc = SlabsState::Desc;
  using Slot = SlabsState::Slot;
  enum Op : u8 {
    kIdle,
    kPop,
    kMake,
    kRelease,
    kFreeIt,
    kFreeFrom,
    kTakeRun,
    kDrainOnce,
    kTrimIt,
    kRecover
  };

  bool Step(State &s, int actor) override;
  void Idle(const State &s, int actor) override;
  void Check(const State &s) override;
  void Print(const State &s) override;

 private:
  static u8 Claimed(int slot) { return Byte(kClaimed0 + slot); }
  u8 AllBlocks() const { return Byte((1 << size_.units) - 1); }
  int SlabOf(const State &s, int unit) const;
  u8 Named(const State &s, int slot, int first) const;
  static void Journalise(State &s, int slot, Journal op, int at);
  static bool IsOwnSlab(const State &s, int unit, int slot);
  void Forget(Desc &desc) const;

  bool Raise(State &s, Thread &t);
  bool Collect(State &s, Thread &t, int slot);
  bool Claim(State &s, Thread &t, int slot);
  bool CollectRuns(State &s, Thread &t);
  bool LetGo(State &s, Thread &t);
  bool Settle(State &s, Thread &t, int slot);
  bool EndClaim(State &s, Thread &t, int slot);
  bool Pop(State &s, Thread &t, int slot);
  bool Make(State &s, Thread &t, int slot);
  bool Release(State &s, Thread &t, int slot);
  bool ReleaseSteps(State &s, Thread &t);
  bool Free(State &s, Thread &t, int slot);
  bool FreeBlock(State &s, Thread &t, int slot);
  bool TakeRun(State &s, Thread &t, int slot);
  bool DrainOnce(State &s, Thread &t, int slot);
  bool TrimIt(State &s, Thread &t, int slot);
  static void GiveRowsBack(State &s);
  bool Recover(State &s, Thread &t);
  bool RecoverJournal(State &s, Thread &t);
  bool RecoverSlab(State &s, Thread &t);
  bool LetClaimGo(State &s, Thread &t);
  bool EnsureFree(State &s, Thread &t);
  void CheckUnit(const State &s, int unit);
  void IdleUnit(const State &s, int actor, u8 unit);
};

}  // namespace model

#endif
