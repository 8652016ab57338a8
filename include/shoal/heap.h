// SPDX-License-Identifier: MIT
#ifndef SHOAL_HEAP_H
#define SHOAL_HEAP_H

#include <shoal/offset.h>
#include <shoal/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What a region is made of.
typedef enum shoal_kind {
  SHOAL_KIND_DEFAULT = 0,  ///< FILE for a name with a '/', PRIVATE for none, otherwise NAMED.
  SHOAL_KIND_NAMED = 1,    ///< A named object in memory: shm_open, or a pagefile section.
  SHOAL_KIND_FILE = 2,     ///< A file; it stays.
  SHOAL_KIND_MEMFD = 3,    ///< Nameless, sealed against shrinking, passed by descriptor. Linux.
  SHOAL_KIND_PRIVATE = 4   ///< This process's alone; a forked child has a copy.
} shoal_kind;

/// When a region goes away.
typedef enum shoal_lifetime {
  SHOAL_LIFETIME_DEFAULT = 0,      ///< PERSIST for FILE, LAST_DETACH otherwise.
  SHOAL_LIFETIME_LAST_DETACH = 1,  ///< With the last process that closes it; where that died, the
                                   ///< next open removes what is left.
  SHOAL_LIFETIME_PERSIST = 2       ///< With shoal_unlink.
} shoal_lifetime;

/// Flags of shoal_options.
enum {
  SHOAL_CREATE = 1,       ///< Make the region where there is none.
  SHOAL_EXCLUSIVE = 2,    ///< With CREATE: SHOAL_E_EXISTS where there is one.
  SHOAL_READ_ONLY = 4,    ///< Map without the right to store; no allocation.
  SHOAL_RELOCATABLE = 8,  ///< Map elsewhere where the base is occupied: offsets hold, pointers not.
  SHOAL_ADOPT = 16        ///< Open another host's image for writing; nobody else is attached.
};

/// Flags of shoal_alloc.
enum {
  SHOAL_ZERO = 1,    ///< The block reads as zero.
  SHOAL_TAGGED = 2,  ///< The block is this process's until it is published: shoal/orphans.h.
  SHOAL_NO_GROW = 4  ///< Fail rather than have the system back more data.
};

/// Asks shoal_alloc for a block aligned to `n`, a power of two up to 2 MiB.
#define SHOAL_ALIGN(n) (shoal_align_flag((uint64_t)(n)))

/// SHOAL_ALIGN's value: the exponent of `n` in bits 8 to 15; an invalid one where `n` is no power
/// of two, which the allocation answers with EINVAL.
static inline unsigned shoal_align_flag(uint64_t n) {
  unsigned exponent = 0;
  while (exponent < 63 && ((uint64_t)1 << exponent) < n) exponent++;
  return (((uint64_t)1 << exponent) == n ? exponent + 1 : 255U) << 8;
}

/// What was wrong with a pointer or offset handed to free, realloc or usable_size.
typedef enum shoal_misuse {
  SHOAL_MISUSE_FOREIGN = 1,      ///< Outside the heap's data.
  SHOAL_MISUSE_METADATA = 2,     ///< Inside the region, but in its metadata.
  SHOAL_MISUSE_UNALLOCATED = 3,  ///< In pages that nobody has allocated.
  SHOAL_MISUSE_INTERIOR = 4,     ///< Inside a block, not its start.
  SHOAL_MISUSE_DOUBLE_FREE = 5   ///< The block is free already.
} shoal_misuse;

/// Is told of misuse. Where it returns, the call fails with SHOAL_E_MISUSE (errno EINVAL) and the
/// heap is as before. A second free that is noticed only when the block's owner collects is dropped
/// and fails no call. `text` is a sentence; it lives until the handler returns.
typedef void shoal_misuse_handler(shoal_heap *heap, shoal_misuse what, shoal_off off,
                                  const char *text, void *context);

/// How to open. All zero but `size` asks for the defaults.
typedef struct shoal_options {
  size_t size;               ///< sizeof(shoal_options), for later growth.
  shoal_kind kind;           ///< See shoal_open for the default.
  unsigned flags;            ///< SHOAL_CREATE ...
  uint64_t capacity;         ///< Bytes, 4 MiB to 4 TiB, rounded up to 2 MiB; 64 GiB, sparse.
  uint64_t base;             ///< Wanted base for a new region, 2 MiB aligned; 0: SHOAL_BASE of the
                             ///< environment, otherwise chosen by name.
  unsigned mode;             ///< Permission bits of a new object; 0: 0600. Umask does not decide.
  shoal_lifetime lifetime;   ///< Of a new region.
  unsigned max_processes;    ///< Up to 16,383; 0: one per 4 MiB of capacity, 4 to 1,024.
  unsigned max_threads;      ///< At once, all processes, up to 49,152; 0: 3 a process.
  unsigned max_roots;        ///< Up to 65,536; 0: one per 64 KiB of capacity, 64 to 1,024.
  unsigned max_pins;         ///< At once, up to 65,536; 0: as max_roots.
  uint64_t limit_bytes;      ///< Committed data bytes allowed, a softer quota; 0: the capacity.
  shoal_misuse_handler *on_misuse;  ///< Null: a message to standard error, then abort.
  void *on_misuse_context;          ///< Handed to on_misuse.
} shoal_options;

/// Opens the heap `name`, and creates it where SHOAL_CREATE is given and there is none.
/// `name` is [A-Za-z0-9._-], 1 to 200 bytes (kind NAMED), or a path with a '/' (kind FILE); null
/// asks for a nameless region: MEMFD where the kind says so, otherwise PRIVATE; both need CREATE.
/// `options` may be null: open what exists, for reading and writing.
/// units: capacity, base, limit_bytes in bytes.
/// returns: SHOAL_OK and the heap in *out, otherwise *out is null and: NAME iff no region can have
///   that name (before any system call); ARGUMENT, SIZE iff the request is wrong otherwise, or the
///   capacity leaves no data behind the tables; NOT_FOUND iff there is no such region and
///   CREATE was not given; EXISTS iff there is and EXCLUSIVE was; KIND iff the object is no regular
///   file, or of another kind; PERMISSION iff it has another owner and options.mode shares nothing,
///   others may write it beyond options.mode, it has several names, or the system forbids it;
///   TRUNCATED, CORRUPT, VERSION, FOREIGN_HOST iff its content is refused; ADDRESS iff the base is
///   occupied here (the text names by what) and RELOCATABLE was not given; BUSY iff another live
///   process kept the gate for 2 s, ADOPT was asked and others are attached, or READ_ONLY was and
///   this process has the heap open for writing; READ_ONLY iff it is the other way round; LIMIT iff
///   max_processes are attached, no thread slot is left, or 32 heaps are open here; UNSUPPORTED iff
///   a file is to be written that lies on a network file system, or on one that cannot back pages;
///   NO_SPACE, SYSTEM.
/// owns: the caller closes with shoal_close. The same heap opened again in one process is the same
///   handle, counted.
/// safe: any thread. A forked child must open again, except for a PRIVATE heap.
/// crash: a creator killed anywhere leaves nothing that keeps the next opener from creating.
/// cost: system calls; independent of how much the heap holds.
shoal_status shoal_open(const char *name, const shoal_options *options, shoal_heap **out);

/// Opens the heap behind descriptor `fd` (a MEMFD region received over a unix socket, or any
/// region's descriptor). The descriptor stays the caller's.
/// returns: as shoal_open; KIND iff `fd` is no regular file; ARGUMENT with CREATE.
/// crash: as shoal_open.
shoal_status shoal_open_fd(int fd, const shoal_options *options, shoal_heap **out);

/// Whether the shoal_open that returned `heap` first made the region.
/// returns: 1 created, 0 found.
/// crash: reads only.
int shoal_created(const shoal_heap *heap);

/// A descriptor of the region, to be passed to another process.
/// returns: SHOAL_OK and a duplicate, close-on-exec, that the caller closes; UNSUPPORTED for
///   PRIVATE and on Windows; LIMIT, SYSTEM.
/// crash: leaves nothing.
shoal_status shoal_fd(shoal_heap *heap, int *out);

/// Gives one open back; the last one returns this process's thread slots and unmaps the region.
/// No other thread may be inside a call on `heap`, or use its memory afterwards.
/// returns: SHOAL_OK; ARGUMENT for null.
/// crash: a process that dies inside is a dead process like any other: others recover it.
/// cost: system calls; may wait 2 s for the gate, and closes all the same.
shoal_status shoal_close(shoal_heap *heap);

/// Removes the name. Those attached keep the region; the next creator makes a new one.
/// returns: SHOAL_OK; NAME; NOT_FOUND; BUSY iff another live process kept the gate for 2 s;
///   PERMISSION; KIND iff it is no region of ours (it stays); LIMIT, UNSUPPORTED, SYSTEM.
/// crash: the name is there or it is not.
shoal_status shoal_unlink(const char *name);

/// Writes a FILE heap's content through to the disk.
/// returns: SHOAL_OK, at once for the other kinds; READ_ONLY; NO_SPACE; SYSTEM.
/// crash: the file holds any mixture of old and new pages. Power failure safety is not promised.
/// cost: proportional to what was written since.
shoal_status shoal_flush(shoal_heap *heap);

/// The library's version, as "0.1.0".
/// crash: touches no heap.
const char *shoal_version(void);

/// Allocates `size` bytes, 16-aligned or as SHOAL_ALIGN asks.
/// units: bytes, 0 to PTRDIFF_MAX; 0 gives a block of the smallest class.
/// returns: its offset; 0 with errno EINVAL (flags, alignment), EROFS (a READ_ONLY heap) or ENOMEM:
///   NO_SPACE, FULL or BUSY iff the system, the heap, or what others claim at the moment leaves no
///   room, SIZE, STALE in a forked child that must open the heap itself. shoal_status_text of the
///   one that it was has the details.
/// owns: whoever holds the offset, in whatever process; any thread of any process may free it.
/// safe: any thread; not in a signal handler. What the block holds is old bytes unless SHOAL_ZERO.
/// crash: either nothing happened or the block is allocated; a death before the caller has stored
///   the offset strands this one block. A tagged block is found by shoal_orphans.
/// cost: a few nanoseconds; now and then a refill, seldom a new slab (a system call). Flags take
///   some ten nanoseconds more, a tag 8 bytes of blocks up to 1 MiB.
shoal_off shoal_alloc(shoal_heap *heap, size_t size, unsigned flags);

/// Frees the block at `off`; 0 does nothing.
/// returns: SHOAL_OK; MISUSE where on_misuse returned; READ_ONLY; STALE in a forked child that must
///   open the heap itself.
/// safe: any thread of any process attached; not in a signal handler. Needs no thread slot.
/// crash: the block is free or it is not; one store decides.
/// cost: a store for a block of one's own, an atomic or for another's.
shoal_status shoal_free_offset(shoal_heap *heap, shoal_off off);

/// malloc, with C's rules, in `heap`. errno as shoal_alloc.
/// crash: as shoal_alloc.
void *shoal_malloc(shoal_heap *heap, size_t size);

/// calloc: `count` times `size` zero bytes; ENOMEM iff the product overflows.
/// crash: as shoal_alloc.
void *shoal_calloc(shoal_heap *heap, size_t count, size_t size);

/// realloc: in place where the block's class or run allows, otherwise a new block, a copy, a free.
/// A null `ptr` allocates; size 0 gives a block of the smallest class. A tag goes with the block.
/// returns: the block; null with errno as shoal_alloc, EINVAL for misuse; the old block stays then.
/// crash: the old block, or the new one, or both are allocated; never neither. In place: the block
///   has the old size or the new. Of a tagged block that is made shorter, 8 bytes past its new end
///   may be another value already.
void *shoal_realloc(shoal_heap *heap, void *ptr, size_t size);

/// aligned_alloc: `alignment` a power of two up to 2 MiB, otherwise EINVAL; any `size`.
/// crash: as shoal_alloc.
void *shoal_aligned_alloc(shoal_heap *heap, size_t alignment, size_t size);

/// free, of a pointer into `heap`; null does nothing. Misuse goes to on_misuse.
/// crash: as shoal_free_offset.
void shoal_free(shoal_heap *heap, void *ptr);

/// Bytes that the block at `ptr` can hold, at least what was asked.
/// returns: them; 0 for null, and with errno EINVAL for misuse.
/// crash: reads only.
size_t shoal_usable_size(shoal_heap *heap, const void *ptr);

#ifdef __cplusplus
}
#endif

#endif
