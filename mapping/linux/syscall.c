// SPDX-License-Identifier: MIT
// The table of system calls, and those that are made again after a signal. None is a point of
// cancellation: a thread that ended in the middle of a heap's call would keep its locks for ever.
#define _GNU_SOURCE

#include "mapping/linux/syscall.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

// returns: whether the thread could be cancelled so far, for let_cancel.
static int hold_cancel(void) {
  int before = PTHREAD_CANCEL_DISABLE;
  (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
  return before;
}

static void let_cancel(int before) {
  (void)pthread_setcancelstate(before, &before);
}

static int call_open(const char *path, int flags, unsigned mode) {
  int cancel = hold_cancel();
  int fd = open(path, flags, (mode_t)mode);
  let_cancel(cancel);
  return fd;
}

static int call_close(int fd) {
  int cancel = hold_cancel();
  int result = close(fd);
  let_cancel(cancel);
  return result;
}

static int call_fchmod(int fd, unsigned mode) {
  return fchmod(fd, (mode_t)mode);
}

static int call_set_lock(int fd, struct flock *lock) {
  return fcntl(fd, F_OFD_SETLK, lock);
}

static int call_get_lock(int fd, struct flock *lock) {
  return fcntl(fd, F_OFD_GETLK, lock);
}

static int call_seal(int fd, int seals) {
  return fcntl(fd, F_ADD_SEALS, seals);
}

static int call_seals(int fd) {
  return fcntl(fd, F_GET_SEALS);
}

static int call_duplicate(int fd) {
  return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static int call_fallocate(int fd, int mode, int64_t offset, int64_t bytes) {
  int cancel = hold_cancel();
  int result = fallocate(fd, mode, offset, bytes);
  let_cancel(cancel);
  return result;
}

static int call_fdatasync(int fd) {
  int cancel = hold_cancel();
  int result = fdatasync(fd);
  let_cancel(cancel);
  return result;
}

static int call_ftruncate(int fd, int64_t bytes) {
  return ftruncate(fd, bytes);
}

static int64_t call_pread(int fd, void *out, size_t bytes, int64_t offset) {
  int cancel = hold_cancel();
  int64_t got = pread(fd, out, bytes, offset);
  let_cancel(cancel);
  return got;
}

static int64_t call_readlink(const char *path, char *out, size_t bytes) {
  return readlink(path, out, bytes);
}

static void *call_mmap(void *address, size_t bytes, int protection, int flags, int fd,
                       int64_t offset) {
  return mmap(address, bytes, protection, flags, fd, offset);
}

static int call_getrlimit(int resource, struct rlimit *out) {
  return getrlimit((__rlimit_resource_t)resource, out);
}

static int64_t call_getrandom(void *out, size_t bytes, unsigned flags) {
  int cancel = hold_cancel();
  int64_t got = getrandom(out, bytes, flags);
  let_cancel(cancel);
  return got;
}

static int call_msync(void *address, size_t bytes, int flags) {
  int cancel = hold_cancel();
  int result = msync(address, bytes, flags);
  let_cancel(cancel);
  return result;
}

static int call_nanosleep(const struct timespec *wanted, struct timespec *left) {
  int cancel = hold_cancel();
  int result = nanosleep(wanted, left);
  let_cancel(cancel);
  return result;
}

static int call_tgkill(int process, int thread, int signal_number) {
  return (int)syscall(SYS_tgkill, process, thread, signal_number);
}

static int call_monotonic(struct timespec *out) {
  return clock_gettime(CLOCK_MONOTONIC, out);
}

static int call_atfork(void (*child)(void)) {
  return pthread_atfork(NULL, NULL, child);
}

const struct shl_syscalls shl_system_calls = {
    .open = call_open,
    .close = call_close,
    .memfd = memfd_create,
    .fstat = fstat,
    .lstat = lstat,
    .fstatfs = fstatfs,
    .fchmod = call_fchmod,
    .ftruncate = call_ftruncate,
    .fallocate = call_fallocate,
    .fdatasync = call_fdatasync,
    .unlink = unlink,
    .readlink = call_readlink,
    .getcwd = getcwd,
    .pread = call_pread,
    .set_lock = call_set_lock,
    .get_lock = call_get_lock,
    .seal = call_seal,
    .seals = call_seals,
    .duplicate = call_duplicate,
    .mmap = call_mmap,
    .munmap = munmap,
    .mprotect = mprotect,
    .madvise = madvise,
    .msync = call_msync,
    .getrlimit = call_getrlimit,
    .getrandom = call_getrandom,
    .tgkill = call_tgkill,
    .uname = uname,
    .monotonic = call_monotonic,
    .nanosleep = call_nanosleep,
    .atfork = call_atfork,
    .key_create = pthread_key_create,
    .key_set = pthread_setspecific,
};

const struct shl_syscalls *shl_sys = &shl_system_calls;

int shl_sys_open(const char *path, int flags, unsigned mode) {
  int fd;
  do {
    fd = shl_sys->open(path, flags, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

int shl_sys_ftruncate(int fd, int64_t bytes) {
  int result;
  do {
    result = shl_sys->ftruncate(fd, bytes);
  } while (result != 0 && errno == EINTR);
  return result;
}

int shl_sys_fallocate(int fd, int mode, int64_t offset, int64_t bytes) {
  int result;
  do {
    result = shl_sys->fallocate(fd, mode, offset, bytes);
  } while (result != 0 && errno == EINTR);
  return result;
}

int64_t shl_sys_pread(int fd, void *out, size_t bytes, int64_t offset) {
  int64_t got;
  do {
    got = shl_sys->pread(fd, out, bytes, offset);
  } while (got < 0 && errno == EINTR);
  return got;
}

int shl_sys_set_lock(int fd, struct flock *lock) {
  int result;
  do {
    result = shl_sys->set_lock(fd, lock);
  } while (result != 0 && errno == EINTR);
  return result;
}

int shl_sys_get_lock(int fd, struct flock *lock) {
  int result;
  do {
    result = shl_sys->get_lock(fd, lock);
  } while (result != 0 && errno == EINTR);
  return result;
}

int shl_sys_fdatasync(int fd) {
  int result;
  do {
    result = shl_sys->fdatasync(fd);
  } while (result != 0 && errno == EINTR);
  return result;
}

int shl_sys_madvise(void *address, size_t bytes, int advice) {
  int result;
  do {
    result = shl_sys->madvise(address, bytes, advice);
  } while (result != 0 && errno == EINTR);
  return result;
}

int shl_sys_msync(void *address, size_t bytes, int flags) {
  int result;
  do {
    result = shl_sys->msync(address, bytes, flags);
  } while (result != 0 && errno == EINTR);
  return result;
}

void shl_sys_close(int fd) {
  int kept = errno;
  if (fd >= 0) (void)shl_sys->close(fd);
  errno = kept;
}

int shl_sys_read_text(const char *path, char *text, size_t bytes) {
  text[0] = '\0';
  int fd = shl_sys_open(path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return -1;
  size_t length = 0;
  int64_t got = 1;
  while (got > 0 && length < bytes - 1) {
    got = shl_sys_pread(fd, text + length, bytes - 1 - length, (int64_t)length);
    if (got > 0) length += (size_t)got;
  }
  text[got < 0 ? 0 : length] = '\0';
  shl_sys_close(fd);
  return got < 0 ? -1 : 0;
}
