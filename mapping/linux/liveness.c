// SPDX-License-Identifier: MIT
// The gate and the liveness bytes on Linux: open file description locks far behind the data.
//
//   2^62      the gate
//   2^62 + 1  the readers' byte: read locks
//   2^62 + 2  and on: byte k + 1 of process record k, a write lock
//
// A lock belongs to an open file description and goes with its last reference. A liveness byte is
// locked on a description of its own, which is then held by a mapping of one page of it and by
// nothing else: the lock lives exactly as long as the address space. It survives a program that
// closes all descriptors, no forked child inherits it (MADV_DONTFORK), exec and every kind of death
// end it, a zombie has lost it. Where a kernel does not let a mapping hold a description, the
// descriptor is kept.
//
// Never asked: pids, which repeat and mean nothing in another namespace; the time.
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "mapping/linux/object_part.h"
#include "mapping/linux/syscall.h"
#include "mapping/os.h"

enum { PAGE_BYTES = 4096, POLL_MS = 1, POLL_NS = POLL_MS * 1000000 };

static const int64_t gate_byte = INT64_C(1) << 62;
static const int64_t readers_byte = (INT64_C(1) << 62) + 1;

static struct flock lock_of(short type, int64_t start, int64_t bytes) {
  return (struct flock){
      .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = bytes, .l_pid = 0};
}

static bool is_busy(int code) {
  return code == EAGAIN || code == EACCES;
}

// A poll takes about its milliseconds. One that seems to have taken the whole time, or less than
// none, is a clock that leapt or a process that was stopped: it counts as one.
static uint64_t waited_since(uint64_t before, uint64_t now, uint64_t limit) {
  uint64_t step = now - before;
  return step != 0 && step < limit ? step : POLL_NS;
}

shoal_status shl_object_enter_gate(struct shl_object *object, bool shared, unsigned timeout_ms) {
  const char *name = object->path[0] != '\0' ? object->path : "the region";
  int fd = shl_object_reopen(object);
  if (fd < 0) return shl_object_failure(errno, "Opening the gate", name);
  uint64_t limit = UINT64_C(1000000) * timeout_ms, waited = 0, before = shl_os_now_ns();
  while (true) {
    struct flock lock = lock_of(shared ? F_RDLCK : F_WRLCK, gate_byte, 1);
    if (shl_sys_set_lock(fd, &lock) == 0) {
      object->gate_fd = fd;
      return SHOAL_OK;
    }
    int code = errno;
    if (!is_busy(code) || waited >= limit) {
      shl_sys_close(fd);
      if (!is_busy(code)) return shl_object_failure(code, "Locking the gate", name);
      return shl_fail(SHOAL_E_BUSY, 0, "Another process kept the gate of %s for %u ms.", name,
                      timeout_ms);
    }
    shl_os_sleep_ms(POLL_MS);
    uint64_t now = shl_os_now_ns();
    waited += waited_since(before, now, limit);
    before = now;
  }
}

// The lock is taken on the object's own description, since there may be no descriptor left for
// another one. Whoever waits behind it finds the name gone and opens it again.
void shl_object_abandon(struct shl_object *object) {
  struct flock lock = lock_of(F_WRLCK, gate_byte, 1);
  struct stat status;
  if (!object->created || object->fd < 0 || shl_sys_set_lock(object->fd, &lock) != 0) return;
  if (shl_sys->fstat(object->fd, &status) == 0 && status.st_size == 0) {
    object->device = status.st_dev;
    object->inode = status.st_ino;
    (void)shl_object_unlink(object);
  }
  lock.l_type = F_UNLCK;
  (void)shl_sys_set_lock(object->fd, &lock);
}

void shl_object_leave_gate(struct shl_object *object) {
  shl_sys_close(object->gate_fd);
  object->gate_fd = -1;
}

enum answer { FREE, LOCKED, UNKNOWN };

static enum answer ask(const struct shl_object *object, int64_t start, int64_t bytes) {
  struct flock lock = lock_of(F_WRLCK, start, bytes);
  int own = shl_object_held(object);
  int fd = own >= 0 ? own : shl_object_reopen(object);
  if (fd < 0) return UNKNOWN;
  enum answer answer = UNKNOWN;
  if (shl_sys_get_lock(fd, &lock) == 0) answer = lock.l_type != F_UNLCK ? LOCKED : FREE;
  if (own < 0) shl_sys_close(fd);
  return answer;
}

// A failure to find out counts as locked: a living process is never taken for dead.
static bool is_locked(const struct shl_object *object, int64_t start, int64_t bytes) {
  return ask(object, start, bytes) != FREE;
}

bool shl_liveness_is_held(const struct shl_object *object, uint32_t number, uint64_t pid,
                          uint64_t start_time) {
  (void)pid;
  (void)start_time;
  return is_locked(object, readers_byte + number, 1);
}

bool shl_liveness_is_any_held(const struct shl_object *object) {
  return is_locked(object, readers_byte, 0);
}

static void *map_page(int fd) {
  void *page = shl_sys->mmap(NULL, PAGE_BYTES, PROT_NONE, MAP_SHARED, fd, 0);
  if (page == MAP_FAILED) return NULL;
  if (shl_sys_madvise(page, PAGE_BYTES, MADV_DONTFORK) == 0) return page;
  int code = errno;
  (void)shl_sys->munmap(page, PAGE_BYTES);
  errno = code;
  return NULL;
}

// Whether this kernel lets a mapping hold a description, tried once on a byte that nobody else
// uses. Where the trial fails, the descriptor is kept this time.
static bool does_mapping_hold(const struct shl_object *object) {
  enum { UNTRIED, HOLDS, FAILS };
  static shl_a32 verdict;
  uint32_t known = shl_load_relaxed_u32(&verdict);
  if (known != UNTRIED) return known == HOLDS;
  int64_t byte = (INT64_C(1) << 61) + (int64_t)(shl_os_now_ns() & UINT32_MAX);
  struct flock lock = lock_of(F_RDLCK, byte, 1);
  int fd = shl_object_reopen(object);
  void *page = fd >= 0 && shl_sys_set_lock(fd, &lock) == 0 ? map_page(fd) : NULL;
  shl_sys_close(fd);
  if (page == NULL) return false;
  enum answer answer = ask(object, byte, 1);
  (void)shl_sys->munmap(page, PAGE_BYTES);
  if (answer != UNKNOWN) shl_store_relaxed_u32(&verdict, answer == LOCKED ? HOLDS : FAILS);
  return answer == LOCKED;
}

shoal_status shl_liveness_take(const struct shl_object *object, uint32_t number,
                               struct shl_liveness *out) {
  const char *name = object->path[0] != '\0' ? object->path : "the region";
  int fd = shl_object_reopen(object);
  if (fd < 0) return shl_object_failure(errno, "Opening the liveness byte", name);
  struct flock lock = lock_of(number == 0 ? F_RDLCK : F_WRLCK, readers_byte + number, 1);
  if (shl_sys_set_lock(fd, &lock) != 0) {
    int code = errno;
    shl_sys_close(fd);
    if (!is_busy(code)) return shl_object_failure(code, "Locking the liveness byte", name);
    return shl_fail(SHOAL_E_BUSY, 0, "Liveness byte %u of %s is held.", number, name);
  }
  void *page = map_page(fd);
  if (page == NULL) {
    int code = errno;
    shl_sys_close(fd);
    return shl_object_failure(code, "Mapping the liveness byte", name);
  }
  *out = (struct shl_liveness){.page = page, .fd = fd};
  if (does_mapping_hold(object)) {
    shl_sys_close(fd);
    out->fd = -1;
  }
  return SHOAL_OK;
}

void shl_liveness_drop(struct shl_liveness *liveness) {
  if (liveness->page != NULL) (void)shl_sys->munmap(liveness->page, PAGE_BYTES);
  shl_sys_close(liveness->fd);
  *liveness = (struct shl_liveness){.page = NULL, .fd = -1};
}
