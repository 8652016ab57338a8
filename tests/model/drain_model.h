// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MODEL_DRAIN_MODEL_H
#define SHL_TESTS_MODEL_DRAIN_MODEL_H

#include "tests/model/explore.h"
#include "tests/model/steps.h"

// Drains over several chunks: three chunks with a slab of one block each, of which two share a bit
// of H as chunks 4096 apart do, and all share a word of H and its bit of HS.
//
//   cells     cd, RB, F and the descriptor of each slab; H, HS of the owner; J of slots 0 and 1;
//             whether the first chunk is claimed
//   actors    0 owns the slabs: takes blocks, drains, releases empty slabs and makes them anew; 1
//             frees remotely; others claim chunks and let them go; 2 recovers
//   steps     drain, up to a bound of collections (drain.c); collect, remote free (remote.c); hints
//             (hint.c); examine (slab.c), the release and making of a slab in one step each;
//             shl_recover (recover.c)
//   checked   at rest what is in RB is hinted at all three levels, and the owner alone drains it
//             all; no hint leads to nothing for ever; without a death an empty slab whose release
//             was refused is hinted

namespace model {

enum class Bug {
  none,
  drain_without_journal,
  collection_ends_journal,
  hints_cleared_from_below,
  word_read_before_summary_cleared,
  bit_cleared_after_chunks,
  one_chunk_of_a_bit,
  bound_reached_without_hint,
  passed_by_without_bit,
  redo_without_hint,
  recovery_restores_bit_alone,
  refused_without_hint,
};

constexpr int kSlabs = 3;

enum Journal : u8 { kNoJournal, kDrain, kCollect, kHint };
enum Holder : u8 { kOwner, kFreer, kFree };

struct DrainState {
  static constexpr int kActors = 3;
  struct Thread {
    u8 op, slab, bits, left, bit, collected, passed, emptied, seen, victim;
    u8 pc[4];
  };
  u8 summary, hints, dirty, remote, free, live;
  u8 claimed;  // chunks that somebody else holds
  u8 refused;  // slabs whose release was refused: the ghost
  u8 journal[2], journal_at[2];
  u8 holder[kSlabs];
  u8 died, dead;
  Thread thread[kActors];
};

struct DrainSize {
  int slabs;
  int bound;
  bool releases;
  bool freer_dies;
};

class Drain final : public Model<DrainState, Bug, DrainSize> {
 public:
  using Model::Model;

 protected:
  enum Op : u8 { kIdle, kTake, kDrainOnce, kRemoteFree, kRecover };

  State First() override;
  bool Step(State &s, int actor) override;
  void Idle(const State &s, int actor) override;
  void Environment(const State &s) override;
  bool Mortal(const State &s, int actor) override {
    (void)s;
    return actor != 1 || size_.freer_dies;
  }
  void Bury(State &s, int actor) override {
    (void)actor;
    s.died = 1;
  }
  void Check(const State &s) override;
  void Print(const State &s) override;

 private:
  static int BitOf(int slab) { return slab % 2; }
  bool IsHinted(const State &s, int slab) const;
  bool IsDone(const Thread &t) const { return t.collected >= size_.bound; }
  void Journalise(State &s, int slot, Journal op, int at);

  bool Take(State &s, Thread &t);
  bool DrainOnce(State &s, Thread &t);
  bool DrainChunks(State &s, Thread &t);
  bool DrainSlab(State &s, Thread &t);
  bool Collect(State &s, Thread &t);
  bool Raise(State &s, Thread &t);
  bool Restore(State &s, Thread &t);
  bool Examine(State &s, Thread &t);
  bool RemoteFree(State &s, Thread &t);
  bool Recover(State &s, Thread &t);
  bool DrainsAll(State s);
};

}  // namespace model

#endif
