// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MODEL_STORE_BUFFER_H
#define SHL_TESTS_MODEL_STORE_BUFFER_H

#include "tests/model/explore.h"
#include "tests/model/steps.h"

// x86's memory: a plain store waits in its processor's buffer, first in first out, and is seen by
// that processor alone until it leaves. A locked instruction waits until the buffer is empty. What
// a killed thread had stored still leaves its buffer.

namespace model {

constexpr int kBufferMost = 3;

struct StoreBuffer {
  u8 count;
  u8 cell[kBufferMost];
  u8 value[kBufferMost];
};

template <int kCells, int kActors>
struct BufferedMemory {
  u8 cell[kCells];
  StoreBuffer buffer[kActors];

  u8 Load(int actor, int at) const {
    const StoreBuffer &own = buffer[actor];
    for (int i = own.count; i-- > 0;) {
      if (own.cell[i] == at) return own.value[i];
    }
    return cell[at];
  }

  bool IsDrained(int actor) const { return buffer[actor].count == 0; }

  bool IsDrained() const {
    for (const StoreBuffer &each : buffer) {
      if (each.count != 0) return false;
    }
    return true;
  }

  /// returns: false where the buffer, of `depth`, is full: the store cannot be made yet.
  bool Store(int actor, int at, u8 value, int depth) {
    StoreBuffer &own = buffer[actor];
    if (own.count >= depth) return false;
    own.cell[own.count] = Byte(at);
    own.value[own.count] = value;
    own.count++;
    return true;
  }

  /// The oldest store of a buffer, which is not empty, reaches memory.
  void LetOneOut(int actor) {
    StoreBuffer &own = buffer[actor];
    cell[own.cell[0]] = own.value[0];
    own.count--;
    for (int i = 0; i < kBufferMost; i++) {
      bool kept = i < own.count;
      own.cell[i] = kept ? own.cell[i + 1] : Byte(0);
      own.value[i] = kept ? own.value[i + 1] : Byte(0);
    }
  }
};

// A model whose cells are such a memory, `memory` in State; how deep a buffer is says Size.
template <class State, class Bug, class Size>
class BufferedModel : public Model<State, Bug, Size> {
 public:
  using Model<State, Bug, Size>::Model;

 protected:
  // Accesses of the actor whose step it is. A locked one waits for its buffer.
  u8 Load(const State &s, int cell) const { return s.memory.Load(actor_, cell); }
  void Store(State &s, int cell, int value) {
    if (!s.memory.Store(actor_, cell, Byte(value), this->size_.buffer)) this->Block();
  }
  void Fence(const State &s) {
    if (!s.memory.IsDrained(actor_)) this->Block();
  }
  void Or(State &s, int cell, int bits) {
    Fence(s);
    Add(s.memory.cell[cell], bits);
  }
  void And(State &s, int cell, int bits) {
    Fence(s);
    s.memory.cell[cell] = Byte(s.memory.cell[cell] & bits);
  }

  void Environment(const State &s) override {
    for (int actor = 0; actor < State::kActors; actor++) {
      if (s.memory.IsDrained(actor)) continue;
      State z = s;
      z.memory.LetOneOut(actor);
      this->Put(z);
    }
  }

  static bool IsQuiet(const State &s) {
    return Model<State, Bug, Size>::IsQuiet(s) && s.memory.IsDrained();
  }

  /// Each cell, and what waits in each actor's buffer.
  template <int kCells>
  static void PrintMemory(const State &s, const char *const (&names)[kCells]) {
    for (int cell = 0; cell < kCells; cell++) {
      (void)std::printf("%s=%x ", names[cell], s.memory.cell[cell]);
    }
    for (const StoreBuffer &buffer : s.memory.buffer) {
      (void)std::printf("| ");
      for (int i = 0; i < buffer.count; i++) {
        (void)std::printf("%s=%x ", names[buffer.cell[i]], buffer.value[i]);
      }
    }
  }

  int actor_ = 0;
};

}  // namespace model

#endif
