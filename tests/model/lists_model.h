// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MODEL_LISTS_MODEL_H
#define SHL_TESTS_MODEL_LISTS_MODEL_H

#include "tests/model/explore.h"
#include "tests/model/steps.h"

// Several slabs of one class: the partial list, the hand, and what leads from the one to the other.
//
//   cells     of each slab: state, prev, next, N, F, RB, cd, whether it is there; the list's head;
//             the hand, A and ref; H, HS; J of slots 0 and 1. A slab has one word
//   actors    0 owns the slabs: allocates, frees, gives its hand back, releases slabs and makes new
//             ones; 1 frees remotely; 2 recovers, and a new thread goes on with what stands there
//   steps     malloc's slow order (refill.c); refill, free into the hand, give back (hand.c); free
//             (free.c, slab.c); push, unlink (partial.c); drain (drain.c); collect, remote free
//             (remote.c); examine, slab_new (slab.c) with their chunk's claim as one step;
//             shl_recover (recover.c)
//   checked   no block is issued twice; with the owner at rest the list is whole, a slab is listed
//             iff PARTIAL, N hides nothing, no FULL slab has bits in F, no J is left; at rest each
//             free block is in one of F, A and RB, hinted in RB, and the owner alone gets them all
//
// Left out: records (blocks_test.cc), drains that end early (drain_test.cc), claims
// (slabs_test.cc).

namespace model {

enum class Bug {
  none,
  refill_without_journal,
  relist_without_journal,
  first_free_not_listed,
  unlink_without_journal,
  push_links_head_first,
  bits_before_word_is_noted,
  hand_taken_with_blocks,
  hand_given_back_unlisted,
  recovered_refill_unlisted,
  collection_unlisted,
  bits_taken_by_exchange,
  double_free_reported_in_redo,
  redo_without_hint,
  remote_free_without_journal,
  release_under_the_hand,
  release_leaves_the_hand,
  slab_made_without_journal,
};

constexpr int kMostSlabs = 3;

enum SlabState : u8 { kFull, kPartial };
enum Journal : u8 {
  kNoJournal,
  kRefill,
  kRelist,
  kUnlink,
  kCollect,
  kDrain,
  kNewSlab,
  kFreeSlab,
  kHint
};
enum Holder : u8 { kOwner, kFreer, kFree };

struct ListsState {
  static constexpr int kActors = 3;
  struct Slab {
    u8 there, state, prev, next, nonempty, free, remote, dirty;  // links: slab + 1
  };
  struct Thread {
    u8 op, slab, block, bits, left, bit, seen, victim;
    u8 pc[5];
  };
  Slab slab[kMostSlabs];
  u8 head, hand, ref;  // ref: slab + 1
  u8 hints, summary;
  u8 journal[2], journal_at[2];
  u8 holder[kMostSlabs][2];
  u8 dead;
  Thread thread[kActors];
};

struct ListsSize {
  int slabs;
  int blocks;
  bool releases;
  bool freer;
  bool freer_dies;
};

class Lists final : public Model<ListsState, Bug, ListsSize> {
 public:
  using Model::Model;

 protected:
  using Slab = ListsState::Slab;
  enum Op : u8 { kIdle, kAlloc, kFreeOwn, kGiveBack, kRelease, kMake, kFreeOther, kRecover };

  State First() override;
  bool Step(State &s, int actor) override;
  void Idle(const State &s, int actor) override;
  bool Mortal(const State &s, int actor) override {
    (void)s;
    return actor != 1 || size_.freer_dies;
  }
  void Check(const State &s) override;
  void Print(const State &s) override;

 private:
  u8 AllBlocks() const { return Byte((1 << size_.blocks) - 1); }
  static int HintOf(int slab) { return slab / 2; }
  void Journalise(State &s, int slot, Journal op, int at);
  bool IsMisplaced(const State &s, int slab) { return s.slab[slab].there == 0; }

  bool Push(State &s, Thread &t);
  bool Unlink(State &s, Thread &t);
  bool Raise(State &s, Thread &t);
  bool Collect(State &s, Thread &t);
  bool RunDrain(State &s, Thread &t);
  bool Refill(State &s, Thread &t);
  bool RefillFrom(State &s, Thread &t);
  bool RefillFromList(State &s, Thread &t);
  bool Pop(State &s, Thread &t);
  bool Alloc(State &s, Thread &t);
  bool FreeOwn(State &s, Thread &t);
  bool GiveBack(State &s, Thread &t);
  bool Release(State &s, Thread &t);
  bool Make(State &s, Thread &t);
  bool FreeOther(State &s, Thread &t);
  bool Recover(State &s, Thread &t);
  bool RecoverOwner(State &s, Thread &t);
  void IdleSlab(const State &s, int index);
  void CheckList(const State &s);
  void CheckReach(State s, int count);
};

}  // namespace model

#endif
