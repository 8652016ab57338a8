// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MODEL_TRIM_MODEL_H
#define SHL_TESTS_MODEL_TRIM_MODEL_H

#include "tests/model/explore.h"
#include "tests/model/steps.h"

// What is backed: a chunk used, trimmed, and pinned.
//
//   cells     cw; `committed` (its data), `meta` (its run page), `zero` and `stale` of one chunk; a
//             pin record; J of slots 0 and 1
//   actors    0 and 1, each a process: take the chunk and give it back (as FREE), trim it, pin and
//             unpin it, also where the block is none of theirs; 2, a third process, recovers them
//   steps     take, back_units, back_meta, release (chunk.c, run.c); trim, trim_steps (trim.c);
//             pin_take, pin_write, holds_memory, pin_release (pin.c, pin_change.c); shl_recover,
//             shl_pins_drop_dead (recover.c, reap.c)
//   checked   a chunk's holder has its pages; a page is not read whose `meta` bit is clear; a pin
//             that was granted keeps the pages; memory said to be zero holds no old bytes; nothing
//             stays claimed, or pinned by the dead
//
// The system may refuse to take pages back. Left out: single units and metadata pages; quota.

namespace model {

enum class Bug {
  none,
  trim_without_journal,
  bits_cleared_after_pages,
  kept_pages_taken_for_gone,
  old_bytes_forgotten_by_redo,
  pins_read_before_swap,
  redo_without_pins,
  pin_without_look,
  pin_looks_before_it_stands,
  pin_names_chunk_last,
  living_pin_ignored,
  marked_before_backed,
  zero_kept_when_issued,
};

enum Word : u8 { kFree, kUsed, kClaimed0, kTrim0 = kClaimed0 + 2 };
enum Journal : u8 { kNoJournal, kChunk, kTrim };
enum PinState : u8 { kNoPin, kPinned, kChanging = kPinned + 3, kPast = 255 };  // of process 0 to 2

struct TrimState {
  static constexpr int kActors = 3;
  struct Thread {
    u8 op, refused, seen, expected, pinned, victim;
    u8 pc[4];
  };
  u8 cw, committed, meta, zero, stale;
  u8 pin, pin_covers;
  u8 journal[2];
  u8 backed, clean, meta_backed;  // how it is: the ghost
  u8 held;                        // 0: nobody's; actor + 1
  u8 granted[2];                  // a pin that the actor holds
  u8 dead;
  Thread thread[kActors];
};

class Trim final : public Model<TrimState, Bug> {
 public:
  explicit Trim(Bug bug) : Model({}, bug) {}

 protected:
  enum Op : u8 { kIdle, kTake, kGive, kTrimIt, kPin, kUnpin, kRecover };

  bool Step(State &s, int actor) override;
  void Idle(const State &s, int actor) override;
  void Check(const State &s) override;
  void Print(const State &s) override;

 private:
  static u8 Claimed(int slot) { return Byte(kClaimed0 + slot); }
  static u8 Trimming(int slot) { return Byte(kTrim0 + slot); }
  bool IsDead(const State &s, int process) const;
  static bool HoldsMemory(const State &s) { return s.cw != kFree && s.cw < kTrim0; }
  bool TouchMeta(const State &s);

  bool Take(State &s, Thread &t, int slot);
  bool Back(State &s, Thread &t);
  bool Give(State &s, Thread &t, int slot);
  bool TrimIt(State &s, Thread &t, int slot);
  bool TrimSteps(State &s, Thread &t);
  bool GiveBack(State &s, Thread &t);
  bool LookAtPins(State &s, Thread &t);
  bool Pin(State &s, Thread &t, int process);
  static void StorePin(State &s, const Thread &by, int op);
  bool Release(State &s, Thread &t, int process);
  bool Unpin(State &s, Thread &t, int process);
  bool Recover(State &s, Thread &t);
};

}  // namespace model

#endif
