// SPDX-License-Identifier: MIT
#ifndef SHL_MAPPING_OBJECT_H
#define SHL_MAPPING_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <shoal/heap.h>

// The one contract with the operating system about regions; os.h has the part about threads and
// time. A folder of its own implements it for each system (linux/), region.c and attach.c are all
// that calls it.
//
// Of every function: system calls that were interrupted are made again; a failure is a shoal_status
// with the cause in words, and what the function had begun is undone.

// ---- Objects: what the name stands for.

// Private to the process: an open object, with its name.
struct shl_object;

struct shl_object_spec {
  shoal_kind kind;   // NAMED, FILE or MEMFD
  const char *name;  // NAMED: the user's name; FILE: a path; MEMFD: null
  int fd;            // not negative: the object behind this descriptor; `name` is not looked at
  unsigned mode;     // permission bits of a new object, and the most that is accepted of an old one
  bool create;       // make it where there is none
  bool read_only;
};

// Opens or creates an object, and refuses what is not a plain one of ours: links, devices, other
// owners, more permissions than `mode`. A new one is empty.
// returns: SHOAL_OK; NOT_FOUND; KIND; PERMISSION; UNSUPPORTED (a network file system, for writing);
//   NO_SPACE; LIMIT; SYSTEM.
shoal_status shl_object_open(const struct shl_object_spec *spec, struct shl_object **out);

// Lets the object go; gate included.
void shl_object_close(struct shl_object *object);

// For an object that could not be opened in the end, outside the gate: takes back that this open
// has made it, where nobody else has done anything with it yet.
void shl_object_abandon(struct shl_object *object);

// Whether both are one object of the system.
bool shl_object_is_same(const struct shl_object *left, const struct shl_object *right);

// Whether the object can still be reached by its name; OK for a nameless one.
// returns: SHOAL_OK; STALE iff the name is gone or another's; PERMISSION, NO_SPACE, SYSTEM iff that
//   cannot be found out.
shoal_status shl_object_check_name(const struct shl_object *object);

// What the object turned out to be. DEFAULT: FILE or NAMED, of a descriptor that leads to no name.
shoal_kind shl_object_kind(const struct shl_object *object);

// Bytes of the object.
shoal_status shl_object_bytes(const struct shl_object *object, uint64_t *out);

// Copies the object's first `bytes` bytes, or as many as there are, into `out`; the rest reads 0.
shoal_status shl_object_read(const struct shl_object *object, void *out, size_t bytes);

// Empties the object and makes it `bytes` long, all zero, with permission bits `mode`. A nameless
// one can never shrink or grow afterwards.
// returns: SHOAL_OK; NO_SPACE iff a limit or the system forbids the size; PERMISSION; SYSTEM.
shoal_status shl_object_clear(struct shl_object *object, uint64_t bytes, unsigned mode);

// Takes back a clear: a new object is unlinked, one that was there is empty again.
void shl_object_unclear(struct shl_object *object);

// Removes the name, where it still names this object.
shoal_status shl_object_unlink(struct shl_object *object);

// A duplicate descriptor for the user.
shoal_status shl_object_duplicate(const struct shl_object *object, int *out);

// ---- The gate: one opener, closer or unlinker at a time.

// Waits for the object's gate for at most `timeout_ms`; `shared`: readers exclude writers only.
// Death gives it back. A region whose gate is held may not be opened by anybody.
// returns: SHOAL_OK; BUSY iff others kept it all the time; SYSTEM.
shoal_status shl_object_enter_gate(struct shl_object *object, bool shared, unsigned timeout_ms);

void shl_object_leave_gate(struct shl_object *object);

// ---- Liveness: who is attached, as the kernel says.

// Private to the process: holds a byte of the object for as long as this address space lives.
struct shl_liveness {
  void *page;
  int fd;
};

// Holds byte `number` alone, 1 and up; 0 is the readers' and may be held by many.
// returns: SHOAL_OK; BUSY iff another holds it; LIMIT, NO_SPACE, SYSTEM.
shoal_status shl_liveness_take(const struct shl_object *object, uint32_t number,
                               struct shl_liveness *out);

void shl_liveness_drop(struct shl_liveness *liveness);

// Whether the process that took byte `number`, which called itself `pid` and started at
// `start_time`, lives. What cannot be found out counts as living. Systems that can ask for the byte
// do not look at the other two.
bool shl_liveness_is_held(const struct shl_object *object, uint32_t number, uint64_t pid,
                          uint64_t start_time);

// Whether anybody holds any byte, the readers' included.
bool shl_liveness_is_any_held(const struct shl_object *object);

// ---- Views: the object in this process's addresses.

// Private to the process.
struct shl_view {
  char *base;
  uint64_t bytes;
  bool shared;  // the mapping was there already: another copy of the library or a parent made it
};

struct shl_view_request {
  uint64_t base;   // wanted address; 0: anywhere, aligned to a chunk
  uint64_t bytes;  // of the object, from its start; a guard behind it comes of itself
  bool read_only;
};

// Maps the object, or fresh private memory where `object` is null. Nothing that is mapped already
// is replaced; where this very object stands at `base` for writing already, the view shares it.
// returns: SHOAL_OK; ADDRESS iff the base is occupied (the text names by what); NO_SPACE; SYSTEM.
shoal_status shl_view_map(const struct shl_object *object, const struct shl_view_request *request,
                          struct shl_view *out);

void shl_view_unmap(struct shl_view *view);

// Whether the object still is where the view says.
bool shl_view_stands(const struct shl_object *object, const struct shl_view *view);

// Makes [offset, offset + bytes) inaccessible.
shoal_status shl_view_guard(const struct shl_view *view, uint64_t offset, uint64_t bytes);

// The addresses among which a base is chosen: [*low, *high).
void shl_view_range(uint64_t *low, uint64_t *high);

// Backs [offset, offset + bytes) of the view, as shl_region_commit; nothing for private memory.
shoal_status shl_view_commit(struct shl_object *object, const struct shl_view *view,
                             uint64_t offset, uint64_t bytes);

// As shl_region_give_back.
shoal_status shl_view_give_back(struct shl_object *object, const struct shl_view *view,
                                uint64_t offset, uint64_t bytes);

// Writes the view's content through to the disk.
shoal_status shl_view_flush(struct shl_object *object, const struct shl_view *view);

// ---- Identities.

// Whose kernel this is. Private to the process.
struct shl_identity {
  uint64_t host;     // of the machine
  uint64_t boot[2];  // of its running kernel; 0 where the system does not tell
};

// returns: SHOAL_OK; LIMIT, NO_SPACE, PERMISSION, SYSTEM iff the system would tell but could not be
//   asked.
shoal_status shl_identity_read(struct shl_identity *out);

// Of the calling process: as it sees itself, and its start in the system's ticks.
uint64_t shl_identity_process(void);
uint64_t shl_identity_process_start(void);

#endif
