// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MODEL_HUGE_MODEL_H
#define SHL_TESTS_MODEL_HUGE_MODEL_H

#include "tests/model/explore.h"
#include "tests/model/steps.h"

// Runs of whole chunks, claimed by compare and swap on chunk words.
//
//   cells     cw of two or three chunks; J, JA and a caller's word of slots 0 and 1
//   actors    0 and 1 allocate, free, grow and shrink runs, hand them over, and cut single chunks
//             into runs of pages; 2 recovers them. A run of the dead may be the living one's before
//             that, unless the dead was freeing it
//   steps     alloc, free, grow, shrink (huge.c); alloc_to, free_from (handover.c); shl_recover
//             (recover.c, handover.c); a chunk cut into runs (chunk.c) is one step, and so is its
//             end: a block stands at its start
//   checked   no chunk is issued twice; recovery frees nothing that is live, be it whole chunks or
//             a block cut from one; at rest the words tile, each chunk is FREE or somebody's
//
// A record alone never frees whole chunks: J does, and the record ends before the first chunk is
// let go, since afterwards what it names may be another's block of any kind. Left out: what is
// backed; the high-water mark; realloc_to, whose old run dies as in a free_from.

namespace model {

enum class Bug {
  none,
  claim_without_journal,
  free_without_journal,
  free_without_second_phase,
  recovery_skips_second_phase,
  head_let_go_first,
  parts_named_by_slot,
  free_from_journal_after_word,
  free_carried_out_unasked,
  record_before_head_is_claimed,
  record_outlives_free,
  record_outlives_claim,
  grow_without_journal,
  shrink_lets_go_before_head,
  resizer_not_named,
  free_leaves_what_is_resized,
  resized_always_let_go,
  settled_by_store,
  shrink_without_claim,
};

constexpr int kChunks = 3;

enum WordState : u8 { kFree, kMixed, kClaim, kHead, kCont, kFreeing };
enum Journal : u8 { kNoJournal, kHuge, kHfree1, kHfree2, kHgrow };
enum RecordOp : u8 { kNoRecord, kToWord, kFromWord };
// Who has a chunk. Taken: HEAD is stored, the call has not come to its commit. Gone: no word leads
// to it, and it is not free yet.
enum Holder : u8 { kNobody, kHeld, kInWord = kHeld + 2, kTaken = kInWord + 2, kGone = kTaken + 2 };

struct HugeState {
  static constexpr int kActors = 3;
  struct Word {
    u8 state, slot, x;
  };
  struct Slot {
    u8 journal, head, count, record, block, word;  // word: head + 1
  };
  struct Thread {
    u8 op, head, count, at, failed, victim;
    u8 pc[4];
  };
  Word cw[kChunks];
  u8 holder[kChunks];
  u8 dead;
  Slot slot[2];
  Thread thread[kActors];
};

struct HugeSize {
  int chunks;
  bool records;
  bool resize;
};

class Huge final : public Model<HugeState, Bug, HugeSize> {
 public:
  using Model::Model;

 protected:
  using Slot = HugeState::Slot;
  using Word = HugeState::Word;
  enum Op : u8 { kIdle, kAlloc, kAllocTo, kFreeRun, kFreeFrom, kGrow, kShrink, kRecover };

  bool Step(State &s, int actor) override;
  void Idle(const State &s, int actor) override;
  void Check(const State &s) override;
  void Print(const State &s) override;

 private:
  static bool IsHead(const State &s, int chunk) { return s.cw[chunk].state == kHead; }
  static bool IsBy(const State &s, int chunk, int state, int slot) {
    return s.cw[chunk].state == state && s.cw[chunk].slot == slot;
  }
  bool IsPart(const State &s, int chunk, int head) const;
  bool IsResized(const State &s, int chunk, int head, int slot) const;
  void Inherit(const State &s, int actor, u8 head);
  void Journalise(State &s, int slot, Journal op, const Thread &t);
  void Give(State &s, int head, int count, int holder);
  void TakePart(State &s, Thread &t, int slot);

  bool Claim(State &s, Thread &t, int slot);
  bool LetGo(State &s, Thread &t, int slot);
  void SettleOne(State &s, const Thread &t, int slot);
  bool Settle(State &s, Thread &t, int slot);
  void TakeTail(State &s, Thread &t, int slot);
  bool Alloc(State &s, Thread &t, int slot);
  bool FreeChunks(State &s, Thread &t, int slot);
  bool Free(State &s, Thread &t, int slot);
  bool Grow(State &s, Thread &t, int slot);
  bool Shrink(State &s, Thread &t, int slot);
  bool Recover(State &s, Thread &t);
  bool RecoverJournal(State &s, Thread &t);
  bool RecoverRecord(State &s, Thread &t);
  void EndRecord(State &s, int slot);
  bool IsKept(const State &s, int slot) const;
  void IdleHolder(const State &s, int actor, u8 head);
};

}  // namespace model

#endif
