// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MODEL_BLOCKS_MODEL_H
#define SHL_TESTS_MODEL_BLOCKS_MODEL_H

#include "tests/model/store_buffer.h"

// The blocks of one word of one slab, under store buffers.
//
//   cells     F, A of the owner; RB; jf; two levels of hints, cd and H (hint.c's third is as the
//             second); J of three slots; JA and a caller's word each of slots 0 and 1
//   actors    0 owns the slab; 1 and 2 free remotely; 3 recovers
//   steps     0: pop, refill (hand.c), free into F or the empty hand (free.c), collect (remote.c),
//             alloc_to (handover.c), handing blocks to 1 and 2
//             1: free (remote.c), free_from (handover.c); 2: free, and takes what alloc_to made
//             3: shl_recover of each of the others (recover.c, handover.c)
//   checked   no block is issued twice; recovery frees nothing that is live and loses nothing that
//             a record names; at rest each free block is in one of F, A and RB, and what is in RB
//             is hinted; no double free is reported that is none
//
// RB's or and and, and the hints', are locked; everything else is a plain store. Left out: a mark
// and a record's words are one store each.

namespace model {

enum class Bug {
  none,
  refill_without_journal,
  recovery_forgets_the_hand,
  collect_without_journal,
  bits_taken_by_exchange,
  double_free_reported_in_redo,
  records_not_respected,
  mark_never_set,
  mark_read_before_bits,
  bit_left_without_hint,
  hint_cleared_after_bits_read,
  hint_cleared_by_plain_store,
  remote_free_without_journal,
  journal_ended_before_hint,
  stale_hint_hides_the_next,
  free_from_without_record,
  record_ended_before_free,
  alloc_to_without_record,
  record_after_pop,
  word_taken_before_return,
};

// Who has a block; the ghost by which the rest is judged.
enum Holder : u8 { kOwner, kFreer1, kFreer2, kFree, kInWord0, kInWord1, kPopped, kUnlinked };

enum Cell { kF, kA, kRb, kJf, kCd, kH, kJ0, kJ1, kJ2, kJa0, kJa1, kWord0, kWord1, kCells };

enum Journal : u8 { kNoJournal, kRefill, kCollect, kHint };

struct BlocksSize {
  int blocks;
  int buffer;
  bool alloc_to;
  bool free_from;
  bool second_freer;
};

struct BlocksState {
  static constexpr int kActors = 4;
  struct Thread {
    u8 op, block, bits, named, victim;
    u8 pc[5];
  };
  BufferedMemory<kCells, kActors> memory;
  u8 holder[2];
  u8 dead;
  Thread thread[kActors];
};

class Blocks final : public BufferedModel<BlocksState, Bug, BlocksSize> {
 public:
  using BufferedModel::BufferedModel;

 protected:
  enum Op : u8 { kIdle, kPop, kFill, kFreeOwn, kGather, kAllocTo, kFreeOther, kFreeFrom, kRecover };

  State First() override;
  bool Step(State &s, int actor) override;
  void Idle(const State &s, int actor) override;
  void Check(const State &s) override;
  void Print(const State &s) override;

 private:
  static Thread Do(u8 op, u8 block = 0, u8 victim = 0) { return {op, block, 0, 0, victim, {}}; }
  int Journal(int slot) const { return kJ0 + slot; }

  bool Pop(State &s, Thread &t);
  bool Refill(State &s, Thread &t);
  bool FreeOwn(State &s, Thread &t);
  bool Collect(State &s, Thread &t);
  bool AllocTo(State &s, Thread &t);
  bool RemoteFree(State &s, Thread &t, int slot);
  bool Raise(State &s, Thread &t);
  bool FreeFrom(State &s, Thread &t);
  bool Recover(State &s, Thread &t);
  bool RecoverOwner(State &s, Thread &t);
  bool RecoverAllocTo(State &s, Thread &t);
  bool RecoverFreer(State &s, Thread &t);
  bool RecoverFreeFrom(State &s, Thread &t);
  void Release(State &s, int block, Holder expected, const char *why);
  bool LooksTwice(const State &s, const Thread &t) const;
  void IdleOwner(const State &s);
  void IdleFreer(const State &s, int actor);
};

}  // namespace model

#endif
