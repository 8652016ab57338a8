// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MODEL_STEPS_H
#define SHL_TESTS_MODEL_STEPS_H

#include <cstdint>

// The words in which a model's operations are written. An operation is a function of the state `s`
// and of the acting thread `t`, whose pc[level] says how far it has come; it is called again and
// again, makes one step each time, and returns whether it goes on.
//
//   bool Refill(State &s, Thread &t) {
//     BEGIN(1);
//     STEP(s.journal = kRefill);   one shared access; every other actor, and death, may come next
//     if (s.hand == 0) DONE;       ends it without an access
//     CALL(Push(s, t));            a part with a level of its own
//     END;                         ends it, too
//   }
//
// LAST(x) makes an access and ends the operation, at level 0 only: the caller of a part would go on
// within the same step. What is alive across steps stands in the thread, never in a C++ variable;
// what is no longer needed is set to 0, or states that are the same would be told apart.

#define BEGIN(level)                     \
  constexpr int level_here = (level);    \
  constexpr int base_here = __COUNTER__; \
  (void)level_here;                      \
  (void)base_here;                       \
  uint8_t &pc_here = t.pc[level];        \
  switch (pc_here) {                     \
    case 0:

#define STEP(...) STEP_AT(__COUNTER__, __VA_ARGS__)
#define STEP_AT(n, ...) STEP_NUMBERED(n, __VA_ARGS__)
#define STEP_NUMBERED(n, ...)                      \
  do {                                             \
    __VA_ARGS__;                                   \
    pc_here = static_cast<uint8_t>(n - base_here); \
    return true;                                   \
    case n - base_here:;                           \
  } while (false)

#define CALL(...) CALL_AT(__COUNTER__, __VA_ARGS__)
#define CALL_AT(n, ...) CALL_NUMBERED(n, __VA_ARGS__)
#define CALL_NUMBERED(n, ...)                      \
  do {                                             \
    pc_here = static_cast<uint8_t>(n - base_here); \
    [[fallthrough]];                               \
    case n - base_here:                            \
      if (__VA_ARGS__) return true;                \
  } while (false)

#define LAST(...)                                                    \
  do {                                                               \
    static_assert(level_here == 0, "a part would not end its step"); \
    __VA_ARGS__;                                                     \
    pc_here = 0;                                                     \
    return false;                                                    \
  } while (false)

#define DONE      \
  do {            \
    pc_here = 0;  \
    return false; \
  } while (false)

#define END    \
  }            \
  pc_here = 0; \
  return false

namespace model {

using u8 = uint8_t;

inline u8 Byte(int value) {
  return static_cast<u8>(value);
}

inline bool Has(int word, int bit) {
  return (word >> bit & 1) != 0;
}

inline void Set(u8 &word, int bit) {
  word = Byte(word | 1 << bit);
}

inline void Clear(u8 &word, int bit) {
  word = Byte(word & ~(1 << bit));
}

inline void Add(u8 &word, int bits) {
  word = Byte(word | bits);
}

inline void Drop(u8 &word, int bits) {
  word = Byte(word & ~bits);
}

inline int Lowest(int word) {
  int bit = 0;
  while (!Has(word, bit)) bit++;
  return bit;
}

}  // namespace model

#endif
