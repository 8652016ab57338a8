// SPDX-License-Identifier: MIT
#ifndef SHL_TESTS_MAPPING_FAULT_H
#define SHL_TESTS_MAPPING_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A table of system calls that counts them, fails the n-th, and keeps account of what they gave:
// descriptors and mappings. For one thread.

/// The members of struct shl_syscalls, in their order.
enum fault_call {
  FAULT_OPEN,
  FAULT_CLOSE,
  FAULT_MEMFD,
  FAULT_FSTAT,
  FAULT_LSTAT,
  FAULT_FSTATFS,
  FAULT_FCHMOD,
  FAULT_FTRUNCATE,
  FAULT_FALLOCATE,
  FAULT_FDATASYNC,
  FAULT_UNLINK,
  FAULT_READLINK,
  FAULT_GETCWD,
  FAULT_PREAD,
  FAULT_SET_LOCK,
  FAULT_GET_LOCK,
  FAULT_SEAL,
  FAULT_SEALS,
  FAULT_DUPLICATE,
  FAULT_MMAP,
  FAULT_MUNMAP,
  FAULT_MPROTECT,
  FAULT_MADVISE,
  FAULT_MSYNC,
  FAULT_GETRLIMIT,
  FAULT_GETRANDOM,
  FAULT_TGKILL,
  FAULT_UNAME,
  FAULT_MONOTONIC,
  FAULT_NANOSLEEP,
  FAULT_ATFORK,
  FAULT_KEY_CREATE,
  FAULT_KEY_SET,
  FAULT_CALLS,
  FAULT_ANY = FAULT_CALLS
};

/// The code of a call that does not fail but gives less than was asked for, or than there is: half.
enum { FAULT_SHORT = -1 };

/// Which call is to fail, counted from fault_arm. Private to the process.
struct fault_plan {
  enum fault_call call;  ///< FAULT_ANY: whichever is the n-th.
  uint64_t at;           ///< n, from 1; 0: none.
  bool sticky;           ///< All calls from the n-th on: of that kind, or of any.
  int code;              ///< errno or FAULT_SHORT; 0: one that the call is known to give, the
                         ///< `variant`-th.
  unsigned variant;
  int signal_number;  ///< Not 0: no failure; the process sends itself this ahead of the call.
};

/// Puts the table in place, with no plan; counts and accounts begin anew.
void fault_install(void);

/// Puts the system's own table back.
void fault_remove(void);

/// Counts anew and fails what the plan says.
void fault_arm(const struct fault_plan *wanted);

/// Fails no further call. The counts stay.
void fault_disarm(void);

/// While paused calls are neither counted nor failed.
void fault_pause(bool paused);

/// Calls since fault_arm or fault_install: all, and of one kind.
uint64_t fault_calls(void);
uint64_t fault_calls_of(enum fault_call call);

/// Calls that were failed since fault_arm: all, of one kind, and the last one's kind and code.
uint64_t fault_strikes(void);
uint64_t fault_strikes_of(enum fault_call call);
enum fault_call fault_struck(void);
int fault_code(void);

const char *fault_name(enum fault_call call);

/// How many codes `call` is known to give; `sticky`: those that may stay for ever.
unsigned fault_variants(enum fault_call call, bool sticky);

/// Descriptors and bytes of addresses that the table gave and has not taken back. What a failed
/// munmap left is not counted: nobody can do better. fault_forgive takes it back, descriptors too.
size_t fault_held_descriptors(void);
uint64_t fault_held_bytes(void);
void fault_forgive(void);

// For fault_table.c.

/// Counts a call. returns: whether it fails, with errno set.
bool fault_strikes_now(enum fault_call call);

/// The same for a call that may come short. `bytes`: asked for; at least one is left of them.
bool fault_strikes_bytes(enum fault_call call, size_t *bytes);

void fault_note_descriptor(int fd, bool held);
void fault_note_mapping(const void *address, size_t bytes, bool held);
void fault_excuse_mapping(const void *address, size_t bytes);

struct shl_syscalls;
extern const struct shl_syscalls fault_table;

#endif
