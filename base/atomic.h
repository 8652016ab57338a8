// SPDX-License-Identifier: MIT
#ifndef SHL_BASE_ATOMIC_H
#define SHL_BASE_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// The one way to touch a word that several threads or processes see: the order stands in the name.
//
// Orders between living threads are C11's. For the dead another rule holds: SIGKILL stops a thread
// between two instructions, so what it leaves is a prefix of its stores in program order, provided
// that the compiler keeps that order. A release store is never moved before an earlier store, so a
// sequence of which every store is a release keeps its order; on x86-64 it is a plain move. Hence:
// every store that recovery relies on is a release, relaxed is for what no recovery reads.
//
// All words are lock-free and of the size of their integer, checked below, so that they may lie in
// memory shared by processes that were compiled apart.

typedef _Atomic(uint8_t) shl_a8;
typedef _Atomic(uint16_t) shl_a16;
typedef _Atomic(uint32_t) shl_a32;
typedef _Atomic(uint64_t) shl_a64;

_Static_assert(sizeof(shl_a8) == 1 && sizeof(shl_a16) == 2, "atomics have no header");
_Static_assert(sizeof(shl_a32) == 4 && sizeof(shl_a64) == 8, "atomics have no header");
_Static_assert(ATOMIC_CHAR_LOCK_FREE == 2 && ATOMIC_SHORT_LOCK_FREE == 2, "always lock-free");
_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2, "always lock-free");

static inline uint8_t shl_load_relaxed_u8(const shl_a8 *word) {
  return atomic_load_explicit(word, memory_order_relaxed);
}

static inline uint8_t shl_load_acquire_u8(const shl_a8 *word) {
  return atomic_load_explicit(word, memory_order_acquire);
}

static inline void shl_store_relaxed_u8(shl_a8 *word, uint8_t value) {
  atomic_store_explicit(word, value, memory_order_relaxed);
}

static inline void shl_store_release_u8(shl_a8 *word, uint8_t value) {
  atomic_store_explicit(word, value, memory_order_release);
}

static inline uint16_t shl_load_relaxed_u16(const shl_a16 *word) {
  return atomic_load_explicit(word, memory_order_relaxed);
}

static inline uint16_t shl_load_acquire_u16(const shl_a16 *word) {
  return atomic_load_explicit(word, memory_order_acquire);
}

static inline void shl_store_relaxed_u16(shl_a16 *word, uint16_t value) {
  atomic_store_explicit(word, value, memory_order_relaxed);
}

static inline void shl_store_release_u16(shl_a16 *word, uint16_t value) {
  atomic_store_explicit(word, value, memory_order_release);
}

static inline uint32_t shl_load_relaxed_u32(const shl_a32 *word) {
  return atomic_load_explicit(word, memory_order_relaxed);
}

static inline uint32_t shl_load_acquire_u32(const shl_a32 *word) {
  return atomic_load_explicit(word, memory_order_acquire);
}

static inline void shl_store_relaxed_u32(shl_a32 *word, uint32_t value) {
  atomic_store_explicit(word, value, memory_order_relaxed);
}

static inline void shl_store_release_u32(shl_a32 *word, uint32_t value) {
  atomic_store_explicit(word, value, memory_order_release);
}

static inline uint32_t shl_load_seq_cst_u32(const shl_a32 *word) {
  return atomic_load_explicit(word, memory_order_seq_cst);
}

static inline void shl_store_seq_cst_u32(shl_a32 *word, uint32_t value) {
  atomic_store_explicit(word, value, memory_order_seq_cst);
}

// returns: the word before.
static inline uint32_t shl_or_seq_cst_u32(shl_a32 *word, uint32_t bits) {
  return atomic_fetch_or_explicit(word, bits, memory_order_seq_cst);
}

// returns: the word before.
static inline uint32_t shl_and_seq_cst_u32(shl_a32 *word, uint32_t bits) {
  return atomic_fetch_and_explicit(word, bits, memory_order_seq_cst);
}

// returns: whether the word was `expected` and is `desired` now.
static inline bool shl_cas_seq_cst_u32(shl_a32 *word, uint32_t expected, uint32_t desired) {
  return atomic_compare_exchange_strong_explicit(word, &expected, desired, memory_order_seq_cst,
                                                 memory_order_seq_cst);
}

static inline uint64_t shl_load_relaxed_u64(const shl_a64 *word) {
  return atomic_load_explicit(word, memory_order_relaxed);
}

static inline uint64_t shl_load_acquire_u64(const shl_a64 *word) {
  return atomic_load_explicit(word, memory_order_acquire);
}

static inline void shl_store_relaxed_u64(shl_a64 *word, uint64_t value) {
  atomic_store_explicit(word, value, memory_order_relaxed);
}

static inline void shl_store_release_u64(shl_a64 *word, uint64_t value) {
  atomic_store_explicit(word, value, memory_order_release);
}

static inline uint64_t shl_load_seq_cst_u64(const shl_a64 *word) {
  return atomic_load_explicit(word, memory_order_seq_cst);
}

static inline void shl_store_seq_cst_u64(shl_a64 *word, uint64_t value) {
  atomic_store_explicit(word, value, memory_order_seq_cst);
}

// returns: the word before.
static inline uint64_t shl_or_seq_cst_u64(shl_a64 *word, uint64_t bits) {
  return atomic_fetch_or_explicit(word, bits, memory_order_seq_cst);
}

// returns: the word before.
static inline uint64_t shl_and_seq_cst_u64(shl_a64 *word, uint64_t bits) {
  return atomic_fetch_and_explicit(word, bits, memory_order_seq_cst);
}

// returns: whether the word was `expected` and is `desired` now.
static inline bool shl_cas_seq_cst_u64(shl_a64 *word, uint64_t expected, uint64_t desired) {
  return atomic_compare_exchange_strong_explicit(word, &expected, desired, memory_order_seq_cst,
                                                 memory_order_seq_cst);
}

// returns: the word before.
static inline uint64_t shl_add_relaxed_u64(shl_a64 *word, uint64_t value) {
  return atomic_fetch_add_explicit(word, value, memory_order_relaxed);
}

// returns: the word before.
static inline uint32_t shl_exchange_acquire_u32(shl_a32 *word, uint32_t value) {
  return atomic_exchange_explicit(word, value, memory_order_acquire);
}

#endif
