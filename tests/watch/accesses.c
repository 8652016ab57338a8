// SPDX-License-Identifier: MIT
// The functions that code compiled with -fsanitize=thread calls: ours, in place of that
// sanitizer's run-time library. Plain accesses call before they are made; atomic ones are made
// here, each sequentially consistent. The compiler's reference for the names is the sanitizer's
// interface header (tsan_interface_atomic.h of LLVM's compiler-rt).
#include <stddef.h>
#include <stdint.h>

#include "tests/watch/lie.h"
#include "tests/watch/watch.h"

static void before(const volatile void *address, size_t bytes, enum watch_kind kind) {
  lie_before(kind);
  watch_point(address, bytes, kind);
}

void __tsan_init(void);
void __tsan_read_range(const void *address, size_t bytes);
void __tsan_write_range(const void *address, size_t bytes);

void __tsan_init(void) {}

void __tsan_read_range(const void *address, size_t bytes) {
  before(address, bytes, WATCH_LOAD);
}

void __tsan_write_range(const void *address, size_t bytes) {
  before(address, bytes, WATCH_STORE);
}

// clang-format off
// Types, and an interface that is not ours.
// NOLINTBEGIN(bugprone-macro-parentheses,readability-non-const-parameter)
#define PLAIN(bytes)                                                                      \
  void __tsan_read##bytes(const void *address);                                           \
  void __tsan_write##bytes(const void *address);                                          \
  void __tsan_read##bytes(const void *address) { before(address, bytes, WATCH_LOAD); }    \
  void __tsan_write##bytes(const void *address) { before(address, bytes, WATCH_STORE); }

PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

#define ATOMIC(bits, type)                                                                \
  type __tsan_atomic##bits##_load(const volatile type *word, int order);                  \
  void __tsan_atomic##bits##_store(volatile type *word, type value, int order);           \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile type *word, type *expected,  \
                                                    type value, int order, int failure);  \
                                                                                          \
  type __tsan_atomic##bits##_load(const volatile type *word, int order) {                 \
    (void)order;                                                                          \
    before(word, sizeof(type), WATCH_LOAD);                                               \
    return (type)lie_of_load(word, __atomic_load_n(word, __ATOMIC_SEQ_CST));              \
  }                                                                                       \
                                                                                          \
  void __tsan_atomic##bits##_store(volatile type *word, type value, int order) {          \
    (void)order;                                                                          \
    before(word, sizeof(type), WATCH_STORE);                                              \
    if (!lie_takes_store(word, value)) __atomic_store_n(word, value, __ATOMIC_SEQ_CST);   \
  }                                                                                       \
                                                                                          \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile type *word, type *expected,  \
                                                    type value, int order, int failure) { \
    (void)order;                                                                          \
    (void)failure;                                                                        \
    before(word, sizeof(type), WATCH_CHANGE);                                             \
    value = (type)lie_of_swap(word, *expected, value);                                    \
    if (lie_is(LIE_TORN_SWAP) && __atomic_load_n(word, __ATOMIC_SEQ_CST) == *expected) {  \
      watch_point(word, sizeof(type), WATCH_STORE);                                       \
      __atomic_store_n(word, value, __ATOMIC_SEQ_CST);                                    \
      return 1;                                                                           \
    }                                                                                     \
    return __atomic_compare_exchange_n(word, expected, value, 0, __ATOMIC_SEQ_CST,        \
                                       __ATOMIC_SEQ_CST);                                 \
  }

ATOMIC(8, uint8_t)
ATOMIC(16, uint16_t)
ATOMIC(32, uint32_t)
ATOMIC(64, uint64_t)

// `torn`: the value stored where the change is made of two accesses.
#define CHANGE(bits, type, name, made, torn)                                              \
  type __tsan_atomic##bits##_##name(volatile type *word, type value, int order);          \
  type __tsan_atomic##bits##_##name(volatile type *word, type value, int order) {         \
    (void)order;                                                                          \
    before(word, sizeof(type), WATCH_CHANGE);                                             \
    if (!lie_is(LIE_TORN_CHANGE)) return made(word, value, __ATOMIC_SEQ_CST);             \
    type was = __atomic_load_n(word, __ATOMIC_SEQ_CST);                                   \
    watch_point(word, sizeof(type), WATCH_STORE);                                         \
    __atomic_store_n(word, torn, __ATOMIC_SEQ_CST);                                       \
    return was;                                                                           \
  }

CHANGE(32, uint32_t, exchange, __atomic_exchange_n, value)
CHANGE(32, uint32_t, fetch_or, __atomic_fetch_or, was | value)
CHANGE(32, uint32_t, fetch_and, __atomic_fetch_and, was & value)
CHANGE(64, uint64_t, fetch_or, __atomic_fetch_or, was | value)
CHANGE(64, uint64_t, fetch_and, __atomic_fetch_and, was & value)
CHANGE(64, uint64_t, fetch_add, __atomic_fetch_add, was + value)
// NOLINTEND(bugprone-macro-parentheses,readability-non-const-parameter)
// clang-format on
