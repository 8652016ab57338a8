// SPDX-License-Identifier: MIT
#ifndef BENCH_ADAPTER_H
#define BENCH_ADAPTER_H

#include <stddef.h>
#include <stdint.h>

// What a workload may ask of an allocator. Each binary links one adapter file, which defines
// bench_adapter; workloads know nothing else of the allocator, so that all are measured through the
// same two indirect calls. A further allocator is one more adapter file and one more cc_binary.

/// The heap a workload wants. Private to the process. An allocator that has no heaps ignores it.
struct bench_heap {
  const char *name;      ///< Unique on this machine.
  int create;            ///< 1: make it; 0: attach to what another process made.
  int persist;           ///< It outlives its processes; bench_adapter.remove ends it.
  uint64_t capacity;     ///< Bytes; 0: the allocator's default.
  unsigned max_processes;  ///< 0: the allocator's default.
  unsigned max_threads;    ///< 0: the allocator's default.
};

/// What an allocator says of its own memory, in bytes. Private to the process.
struct bench_account {
  uint64_t committed;           ///< Data backed by the system.
  uint64_t metadata;            ///< Bookkeeping, backed or not.
  uint64_t metadata_committed;  ///< Of it, what is backed.
};

/// How long it took to recover what one dead process has left. Private to the process.
struct bench_recovery {
  double slot_ns;   ///< Its thread slot: the longest, where it left several.
  int slots;        ///< Count that were recovered.
  int cut_short;    ///< 1: it died inside a step or call, with something to finish or undo.
};

/// An allocator under test. Calls that return int return 0, or -1 after a message to standard
/// error.
struct bench_adapter {
  const char *name;
  const char *(*version)(void);
  int (*open)(const struct bench_heap *heap);
  void (*close)(void);
  void *(*alloc)(size_t size);  ///< Null where there is no memory.
  void (*release)(void *block);
  int (*remove)(const char *name);  ///< Null: its heaps cannot be shared between processes.
  int (*account)(struct bench_account *out);  ///< Null: it does not say.
  int (*recover)(struct bench_recovery *out);  ///< Null: it has no thread slots to be seen.
  int (*reap)(void);  ///< All that the dead have left. Null with `recover`.
  int (*descriptor)(void);  ///< Of the object behind the heap, caller closes; null: none.
};

extern const struct bench_adapter bench_adapter;

#endif
