// SPDX-License-Identifier: MIT
// Views on Linux. Addresses are reserved first, inaccessible and with the guard behind them, and
// the object is put over the reservation: so nothing that others have mapped is ever replaced, and
// the guard is there from the start.
//
//   base                                             base + bytes        + guard
//   | object (or private memory)                          | inaccessible  |
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "base/align.h"
#include "base/fail.h"
#include "mapping/linux/object_part.h"
#include "mapping/linux/syscall.h"
#include "mapping/superblock.h"

// The end of a path tells more than its beginning, and a failure's text has little room.
enum { NAME_BYTES = 112 };

enum { MAPS_LINE_BYTES = SHL_PATH_BYTES + 256, READ_BYTES = 8192 };

#if defined(__SANITIZE_THREAD__)
#define SHL_CROWDED_ADDRESSES 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SHL_CROWDED_ADDRESSES 1
#endif
#endif

void shl_view_range(uint64_t *low, uint64_t *high) {
#ifdef SHL_CROWDED_ADDRESSES
  // The one range that all sanitizers leave to the program, below where executables are loaded.
  *low = UINT64_C(0x550000000000);
  *high = UINT64_C(0x555500000000);
#else
  *low = UINT64_C(0x200000000000);
  *high = UINT64_C(0x500000000000);
#endif
}

// A line of /proc/self/maps. Private to the process.
struct occupant {
  uint64_t begin;
  uint64_t end;
  uint64_t offset;
  uint64_t device;
  uint64_t inode;
  char rights[5];
  char name[NAME_BYTES];  // its end, where it is longer
};

static bool parse_line(const char *line, struct occupant *out) {
  unsigned major = 0, minor = 0;
  int start = 0;
  int fields = sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n",
                      &out->begin, &out->end, out->rights, &out->offset, &major, &minor,
                      &out->inode, &start);
  if (fields != 7) return false;
  const char *name = line + start;
  size_t length = strlen(name);
  size_t skipped = length < sizeof out->name ? 0 : length - (sizeof out->name - 1);
  memcpy(out->name, name + skipped, length - skipped + 1);
  out->device = makedev(major, minor);
  return true;
}

// Reads lines of a descriptor. Private to the process.
struct reader {
  int fd;
  int64_t position;
  size_t length;
  size_t used;
  char bytes[READ_BYTES];
};

static bool next_line(struct reader *reader, char *line, size_t size) {
  size_t length = 0;
  while (true) {
    if (reader->used == reader->length) {
      int64_t got =
          shl_sys_pread(reader->fd, reader->bytes, sizeof reader->bytes, reader->position);
      if (got <= 0) return false;
      reader->position += got;
      reader->length = (size_t)got;
      reader->used = 0;
    }
    char byte = reader->bytes[reader->used++];
    if (byte == '\n') break;
    if (length < size - 1) line[length++] = byte;
  }
  line[length] = '\0';
  return true;
}

// The lowest mapping that overlaps [begin, end). returns: false where none is seen.
static bool find_occupant(uint64_t begin, uint64_t end, struct occupant *out) {
  struct reader reader = {.fd = shl_sys_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0)};
  if (reader.fd < 0) return false;
  char line[MAPS_LINE_BYTES];
  bool found = false;
  while (!found && next_line(&reader, line, sizeof line)) {
    found = parse_line(line, out) && out->begin < end && out->end > begin;
  }
  shl_sys_close(reader.fd);
  return found;
}

static shoal_status occupied(uint64_t begin, uint64_t end) {
  struct occupant who;
  if (!find_occupant(begin, end, &who)) {
    return shl_fail(SHOAL_E_ADDRESS, EEXIST,
                    "The region's base 0x%" PRIx64 " is occupied in this process.", begin);
  }
  return shl_fail(SHOAL_E_ADDRESS, EEXIST,
                  "The region wants 0x%" PRIx64 "-0x%" PRIx64 ", but 0x%" PRIx64 "-0x%" PRIx64
                  " is occupied by %s.",
                  begin, end, who.begin, who.end,
                  who.name[0] != '\0' ? who.name : "private memory");
}

static bool is_occupied_by(const struct shl_object *object, uint64_t base, struct occupant *out) {
  return object != NULL && find_occupant(base, base + 1, out) && out->begin == base &&
         out->offset == 0 && out->device == object->device && out->inode == object->inode;
}

// Whether this very object is mapped for writing from `base` on: by another copy of the library in
// this process, or by the parent that forked it.
static bool is_mapped_already(const struct shl_object *object, uint64_t base) {
  struct occupant who;
  return is_occupied_by(object, base, &who) && strncmp(who.rights, "rw-s", 4) == 0;
}

bool shl_view_stands(const struct shl_object *object, const struct shl_view *view) {
  struct occupant who;
  return is_occupied_by(object, (uint64_t)(uintptr_t)view->base, &who);
}

static void *reserve(uint64_t base, uint64_t bytes, int more_flags) {
  void *wanted = (void *)(uintptr_t)base;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | more_flags;
  void *got = shl_sys->mmap(wanted, bytes, PROT_NONE, flags, -1, 0);
  if (got == MAP_FAILED || base == 0 || got == wanted) return got;
  // A kernel that takes the flag for a hint.
  (void)shl_sys->munmap(got, bytes);
  errno = EEXIST;
  return MAP_FAILED;
}

// Room for `bytes` and a guard, chunk-aligned, wherever the kernel has it.
static void *reserve_anywhere(uint64_t bytes) {
  uint64_t with_guard = bytes + SHL_GUARD_BYTES;
  char *got = reserve(0, with_guard + SHL_CHUNK_BYTES, 0);
  if (got == MAP_FAILED) return got;
  uint64_t begin = (uint64_t)(uintptr_t)got;
  uint64_t skip = shl_align_up(begin, SHL_CHUNK_BYTES) - begin;
  if (skip != 0) (void)shl_sys->munmap(got, skip);
  if (skip != SHL_CHUNK_BYTES) {
    (void)shl_sys->munmap(got + skip + with_guard, SHL_CHUNK_BYTES - skip);
  }
  return got + skip;
}

static shoal_status reserve_failure(const struct shl_view_request *request, int code) {
  if (code == EEXIST) {
    return occupied(request->base, request->base + request->bytes + SHL_GUARD_BYTES);
  }
  if (code == EPERM && request->base != 0) {
    return shl_fail(SHOAL_E_ADDRESS, code,
                    "The system forbids this process the region's base 0x%" PRIx64
                    " (vm.mmap_min_addr).",
                    request->base);
  }
  if (code == ENOMEM) {
    return shl_fail(SHOAL_E_NO_SPACE, code,
                    "No room for %" PRIu64 " bytes of addresses at 0x%" PRIx64
                    " (RLIMIT_AS, max_map_count, or beyond what the processor reaches).",
                    request->bytes, request->base);
  }
  return shl_object_failure(code, "Reserving addresses", "the region");
}

// Puts the object, or fresh memory, over the reservation at `base`.
static bool cover(const struct shl_object *object, const struct shl_view_request *request,
                  void *base) {
  int protection = request->read_only ? PROT_READ : PROT_READ | PROT_WRITE;
  if (object == NULL) return shl_sys->mprotect(base, request->bytes, protection) == 0;
  int flags = MAP_SHARED | MAP_FIXED | MAP_NORESERVE;
  return shl_sys->mmap(base, request->bytes, protection, flags, object->fd, 0) == base;
}

shoal_status shl_view_map(const struct shl_object *object, const struct shl_view_request *request,
                          struct shl_view *out) {
  uint64_t with_guard = request->bytes + SHL_GUARD_BYTES;
  void *base = request->base != 0 ? reserve(request->base, with_guard, MAP_FIXED_NOREPLACE)
                                  : reserve_anywhere(request->bytes);
  if (base == MAP_FAILED) {
    int code = errno;
    bool may_share = code == EEXIST && !request->read_only;
    if (!may_share || !is_mapped_already(object, request->base)) {
      return reserve_failure(request, code);
    }
    char *there = (char *)(uintptr_t)request->base;
    *out = (struct shl_view){.base = there, .bytes = request->bytes, .shared = true};
    return SHOAL_OK;
  }
  if (!cover(object, request, base)) {
    int code = errno;
    (void)shl_sys->munmap(base, with_guard);
    return shl_object_failure(code, "Mapping", object != NULL ? "the region" : "private memory");
  }
  *out = (struct shl_view){.base = base, .bytes = request->bytes};
  return SHOAL_OK;
}

void shl_view_unmap(struct shl_view *view) {
  if (view->base != NULL) (void)shl_sys->munmap(view->base, view->bytes + SHL_GUARD_BYTES);
  *view = (struct shl_view){.base = NULL};
}

shoal_status shl_view_guard(const struct shl_view *view, uint64_t offset, uint64_t bytes) {
  if (view->shared || bytes == 0) return SHOAL_OK;
  if (shl_sys->mprotect(view->base + offset, bytes, PROT_NONE) == 0) return SHOAL_OK;
  return shl_object_failure(errno, "Guarding the metadata", "the region");
}
