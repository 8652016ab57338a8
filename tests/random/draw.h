// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_RANDOM_DRAW_H
#define SHL_TESTS_RANDOM_DRAW_H

#include <stdbool.h>
#include <stdint.h>

// Random numbers that come again for the same seed, on every machine.

/// Private to one thread at a time.
struct draw {
  uint64_t state;
};

/// Any 64 bits: one step of splitmix64, which takes every seed.
static inline uint64_t draw_bits(struct draw *draw) {
  uint64_t x = draw->state += UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
  return x ^ x >> 31;
}

/// A number below `count`, which is not 0. The bias of the remainder does not matter here.
static inline uint64_t draw_below(struct draw *draw, uint64_t count) {
  return (draw_bits(draw) >> 16) % count;
}

/// True with a probability of `percent` in a hundred.
static inline bool draw_chance(struct draw *draw, unsigned percent) {
  return draw_below(draw, 100) < percent;
}

/// A size of 0 to `most` bytes, log-uniform: each doubling is as likely as the next. One of eight
/// is a power of two or beside one, where sizes change class or kind.
uint64_t draw_size(struct draw *draw, uint64_t most);

/// Calls `play` with seeds first, first + 1, ... until `count` are done or the test has failed;
/// then the failure says how to play that seed alone: by the environment variable SHOAL_TEST_SEED,
/// which replaces them all.
void draw_seeds(uint64_t first, uint64_t count, void (*play)(uint64_t seed));

#endif
