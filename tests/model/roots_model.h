// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MODEL_ROOTS_MODEL_H
#define SHL_TESTS_MODEL_ROOTS_MODEL_H

#include "tests/model/explore.h"
#include "tests/model/steps.h"

// Root records: two records, two names, both of which are looked for from the first record on.
//
//   cells     version, hash, name, check and off of each record; J, a PUBLISH record and a cell of
//             reservations of slots 0 and 1
//   actors    0 and 1 set, build (find_or_create) and remove roots; 2 recovers their slots
//   steps     probe, claim, fill, wins, withdraw, finish_for (root_claim.c); set, remove
//             (root_change.c); build (root_build.c); publish (handover.c); shl_root_recover,
//             take_over (root.c); shl_recover, cancel_all (recover.c, reservation.c)
//   checked   a name has one root at most; a root's block is its own; recovery frees no block that
//             a root, or whoever removed it, has; at rest no record is busy, no block reserved
//
// Whoever waits for another gives up at once and may begin again. Versions and generations never
// come back. Left out: a reader's copy, which takes equal sums for equal roots; moves.

namespace model {

enum class Bug {
  none,
  change_without_journal,
  no_second_probe,
  hash_stored_after_probe,
  later_creator_stays,
  emptied_record_never_used,
  removal_hides_hash_first,
  check_before_name,
  publication_settled_after_journal,
  publication_compares_block,
  cell_kept_by_publication,
  record_taken_over_alone,
  record_taken_over_beside_recovery,
  recovery_lets_unfinished_go,
};

constexpr int kRecords = 2;

enum Hash : u8 { kUnused, kRemoved, kNameA, kNameB };
// Where the block is that the builder in a slot may reserve.
enum Place : u8 { kFree, kReserved, kRooted, kHeld };

struct RootsState {
  static constexpr int kActors = 3;
  struct Record {
    u8 owner, hash, name, check, block, generation;  // owner: slot + 1; block: slot + 1
  };
  struct Slot {
    u8 journal, cell, published, check, record;  // journal: record + 1; published: PUBLISH stands
  };
  struct Thread {
    u8 op, name, own, at, found, rival, available, busy, seen, fresh, patient, victim;
    u8 pc[4];
  };
  Record record[kRecords];
  Slot slot[2];
  u8 place[2];
  u8 dead;
  Thread thread[kActors];
};

struct RootsSize {
  u8 names[2];  // that each actor works on
  bool builds;
  bool gives_up;  // also while it holds a record
};

class Roots final : public Model<RootsState, Bug, RootsSize> {
 public:
  using Model::Model;

 protected:
  using Record = RootsState::Record;
  using Slot = RootsState::Slot;
  enum Op : u8 { kIdle, kSet, kBuild, kRemove, kRecover };

  bool Step(State &s, int actor) override;
  void Idle(const State &s, int actor) override;
  void Check(const State &s) override;
  void Print(const State &s) override;

 private:
  void StoreVersion(State &s, const Thread &by, int index, int owner);
  static bool IsGone(const State &s, int slot);
  static void Forget(Thread &t);

  bool Probe(State &s, Thread &t);
  bool ProbeRecord(State &s, Thread &t);
  bool Take(State &s, Thread &t, int slot, int index);
  bool Empty(State &s, Thread &t, int index);
  bool End(State &s, Thread &t, int slot, int index);
  bool Create(State &s, Thread &t, int slot);
  bool Fill(State &s, Thread &t);
  bool Wins(State &s, Thread &t);
  bool Commit(State &s, Thread &t, int slot);
  bool Publish(State &s, Thread &t, int slot);
  bool WaitFor(State &s, Thread &t, int slot);
  bool TakeOver(State &s, Thread &t, int slot);
  bool Remove(State &s, Thread &t, int slot);
  bool Recover(State &s, Thread &t);
  bool SettlePublication(State &s, Thread &t);
};

}  // namespace model

#endif
