// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MODEL_STORE_BUFFER_H
#define SHL_TESTS_MODEL_STORE_BUFFER_H

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

}  // namespace model

#endif
