// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MODEL_RUNS_MODEL_H
#define SHL_TESTS_MODEL_RUNS_MODEL_H

#include "tests/model/explore.h"
#include "tests/model/steps.h"

// Runs of the pages of one chunk, under its claim.
//
//   cells     cw; D, the bitmap of used pages, cjf and RP of a chunk of two pages; J, JA and a
//             caller's word of slots 0 and 1
//   actors    0 and 1 allocate, free and resize runs; 2 recovers them
//   steps     claim, release, settle (chunk.c); collect, alloc, free, resize (run.c); alloc_to,
//             free_from (handover.c); shl_recover (recover.c)
//   checked   no page is issued twice; recovery undoes no live run and frees none; at rest each
//             page is free in the bitmap, in D, or by RP, or else somebody's; no claim is left;
//             without a death no run is left waiting in RP
//
// Recovery of J = RUN takes the run back whatever a record says; the record is settled before the
// claim is let go. Left out: what is backed (trim_test.cc), the fields of a record one by one.

namespace model {

enum class Bug {
  none,
  run_without_journal,
  claim_let_go_before_journal,
  claim_let_go_before_record,
  record_after_run,
  record_without_mark,
  mark_read_before_bits,
  mark_cleared_at_each_release,
  records_not_respected,
  bit_taken_before_run,
  freed_bit_outlives_run,
  bitmap_kept_by_recovery,
  no_look_after_release,
  word_cleared_before_record,
};

constexpr int kPages = 2;

enum Word : u8 { kFree, kOpen, kClaimed0, kClaimed1 };  // cw: FREE, MIXED(0), MIXED(slot)
enum Journal : u8 { kNoJournal, kChunk, kRun };
enum RecordOp : u8 { kNoRecord, kToWord, kFromWord };
// Who has a page. Taken: D says so, the call has not come to its commit.
enum Holder : u8 { kNobody, kHeld, kInWord = kHeld + 2, kTaken = kInWord + 2, kGone = kTaken + 2 };

struct RunsState {
  static constexpr int kActors = 3;
  struct Slot {
    u8 journal, journal_page, record, record_page, word;  // word: page + 1
  };
  struct Thread {
    u8 op, page, length, bits, seen, claimed, victim;
    u8 pc[4];
  };
  u8 cw, remote, marked, used, died, dead;
  u8 length[kPages];  // D
  u8 holder[kPages];
  Slot slot[2];
  Thread thread[kActors];
};

struct RunsSize {
  bool records;
  bool resize;
  bool pairs;  // runs of two pages
};

class Runs final : public Model<RunsState, Bug, RunsSize> {
 public:
  using Model::Model;

 protected:
  using Slot = RunsState::Slot;
  enum Op : u8 { kIdle, kAlloc, kAllocTo, kFreeRun, kFreeFrom, kResize, kRecover };

  bool Step(State &s, int actor) override;
  void Idle(const State &s, int actor) override;
  void Bury(State &s, int actor) override {
    (void)actor;
    s.died = 1;
  }
  void Check(const State &s) override;
  void Print(const State &s) override;

 private:
  static u8 Claimed(int slot) { return Byte(kClaimed0 + slot); }
  static u8 Mask(int page, int length) { return Byte(((1 << length) - 1) << page); }
  static u8 Named(const State &s, int slot, int bits);
  void Give(State &s, int page, int length, int holder);
  static int Room(const State &s, int length);

  bool Collect(State &s, Thread &t);
  bool Claim(State &s, Thread &t, int slot);
  bool Release(State &s, Thread &t);
  bool Settle(State &s, Thread &t, int slot);
  bool EndClaim(State &s, Thread &t, int slot);
  bool Alloc(State &s, Thread &t, int slot);
  bool Free(State &s, Thread &t, int slot);
  bool Resize(State &s, Thread &t, int slot);
  bool Recover(State &s, Thread &t);
  bool LetClaimGo(State &s, Thread &t);
  bool EnsureFree(State &s, Thread &t);
};

}  // namespace model

#endif
