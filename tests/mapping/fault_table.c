// SPDX-License-Identifier: MIT
// The calls of the table: each is counted, may be failed, and is then the system's own.
#define _GNU_SOURCE

#include <errno.h>
#include <sys/mman.h>

#include "mapping/linux/syscall.h"
#include "tests/mapping/fault.h"

static int keep(int fd) {
  fault_note_descriptor(fd, true);
  return fd;
}

static int call_open(const char *path, int flags, unsigned mode) {
  if (fault_strikes_now(FAULT_OPEN)) return -1;
  return keep(shl_system_calls.open(path, flags, mode));
}

// A close that fails has closed: Linux lets the number go before anything can go wrong.
static int call_close(int fd) {
  bool fails = fault_strikes_now(FAULT_CLOSE);
  fault_note_descriptor(fd, false);
  int result = shl_system_calls.close(fd);
  return fails ? -1 : result;
}

static int call_memfd(const char *name, unsigned flags) {
  if (fault_strikes_now(FAULT_MEMFD)) return -1;
  return keep(shl_system_calls.memfd(name, flags));
}

static int call_fstat(int fd, struct stat *out) {
  return fault_strikes_now(FAULT_FSTAT) ? -1 : shl_system_calls.fstat(fd, out);
}

static int call_lstat(const char *path, struct stat *out) {
  return fault_strikes_now(FAULT_LSTAT) ? -1 : shl_system_calls.lstat(path, out);
}

static int call_fstatfs(int fd, struct statfs *out) {
  return fault_strikes_now(FAULT_FSTATFS) ? -1 : shl_system_calls.fstatfs(fd, out);
}

static int call_fchmod(int fd, unsigned mode) {
  return fault_strikes_now(FAULT_FCHMOD) ? -1 : shl_system_calls.fchmod(fd, mode);
}

static int call_ftruncate(int fd, int64_t bytes) {
  return fault_strikes_now(FAULT_FTRUNCATE) ? -1 : shl_system_calls.ftruncate(fd, bytes);
}

static int call_fallocate(int fd, int mode, int64_t offset, int64_t bytes) {
  if (fault_strikes_now(FAULT_FALLOCATE)) return -1;
  return shl_system_calls.fallocate(fd, mode, offset, bytes);
}

static int call_fdatasync(int fd) {
  return fault_strikes_now(FAULT_FDATASYNC) ? -1 : shl_system_calls.fdatasync(fd);
}

static int call_unlink(const char *path) {
  return fault_strikes_now(FAULT_UNLINK) ? -1 : shl_system_calls.unlink(path);
}

static int64_t call_readlink(const char *path, char *out, size_t bytes) {
  bool strikes = fault_strikes_now(FAULT_READLINK);
  if (strikes && fault_code() != FAULT_SHORT) return -1;
  int64_t got = shl_system_calls.readlink(path, out, bytes);
  return strikes && got > 0 ? (got + 1) / 2 : got;
}

static char *call_getcwd(char *out, size_t bytes) {
  return fault_strikes_now(FAULT_GETCWD) ? NULL : shl_system_calls.getcwd(out, bytes);
}

static int64_t call_pread(int fd, void *out, size_t bytes, int64_t offset) {
  if (fault_strikes_bytes(FAULT_PREAD, &bytes)) return -1;
  return shl_system_calls.pread(fd, out, bytes, offset);
}

static int call_set_lock(int fd, struct flock *lock) {
  return fault_strikes_now(FAULT_SET_LOCK) ? -1 : shl_system_calls.set_lock(fd, lock);
}

static int call_get_lock(int fd, struct flock *lock) {
  return fault_strikes_now(FAULT_GET_LOCK) ? -1 : shl_system_calls.get_lock(fd, lock);
}

static int call_seal(int fd, int seals) {
  return fault_strikes_now(FAULT_SEAL) ? -1 : shl_system_calls.seal(fd, seals);
}

static int call_seals(int fd) {
  return fault_strikes_now(FAULT_SEALS) ? -1 : shl_system_calls.seals(fd);
}

static int call_duplicate(int fd) {
  return fault_strikes_now(FAULT_DUPLICATE) ? -1 : keep(shl_system_calls.duplicate(fd));
}

static void *call_mmap(void *address, size_t bytes, int protection, int flags, int fd,
                       int64_t offset) {
  if (fault_strikes_now(FAULT_MMAP)) return MAP_FAILED;
  void *got = shl_system_calls.mmap(address, bytes, protection, flags, fd, offset);
  if (got != MAP_FAILED) fault_note_mapping(got, bytes, true);
  return got;
}

static int call_munmap(void *address, size_t bytes) {
  if (fault_strikes_now(FAULT_MUNMAP)) {
    fault_excuse_mapping(address, bytes);
    return -1;
  }
  fault_note_mapping(address, bytes, false);
  return shl_system_calls.munmap(address, bytes);
}

static int call_mprotect(void *address, size_t bytes, int protection) {
  if (fault_strikes_now(FAULT_MPROTECT)) return -1;
  return shl_system_calls.mprotect(address, bytes, protection);
}

static int call_madvise(void *address, size_t bytes, int advice) {
  return fault_strikes_now(FAULT_MADVISE) ? -1 : shl_system_calls.madvise(address, bytes, advice);
}

static int call_msync(void *address, size_t bytes, int flags) {
  return fault_strikes_now(FAULT_MSYNC) ? -1 : shl_system_calls.msync(address, bytes, flags);
}

static int call_getrlimit(int resource, struct rlimit *out) {
  return fault_strikes_now(FAULT_GETRLIMIT) ? -1 : shl_system_calls.getrlimit(resource, out);
}

static int64_t call_getrandom(void *out, size_t bytes, unsigned flags) {
  if (fault_strikes_bytes(FAULT_GETRANDOM, &bytes)) return -1;
  return shl_system_calls.getrandom(out, bytes, flags);
}

static int call_tgkill(int process, int thread, int signal_number) {
  if (fault_strikes_now(FAULT_TGKILL)) return -1;
  return shl_system_calls.tgkill(process, thread, signal_number);
}

static int call_uname(struct utsname *out) {
  return fault_strikes_now(FAULT_UNAME) ? -1 : shl_system_calls.uname(out);
}

static int call_monotonic(struct timespec *out) {
  return fault_strikes_now(FAULT_MONOTONIC) ? -1 : shl_system_calls.monotonic(out);
}

static int call_nanosleep(const struct timespec *wanted, struct timespec *left) {
  return fault_strikes_now(FAULT_NANOSLEEP) ? -1 : shl_system_calls.nanosleep(wanted, left);
}

static int call_atfork(void (*child)(void)) {
  return fault_strikes_now(FAULT_ATFORK) ? errno : shl_system_calls.atfork(child);
}

static int call_key_create(unsigned *key, void (*at_exit)(void *)) {
  if (fault_strikes_now(FAULT_KEY_CREATE)) return errno;
  return shl_system_calls.key_create(key, at_exit);
}

static int call_key_set(unsigned key, const void *value) {
  return fault_strikes_now(FAULT_KEY_SET) ? errno : shl_system_calls.key_set(key, value);
}

const struct shl_syscalls fault_table = {
    .open = call_open,
    .close = call_close,
    .memfd = call_memfd,
    .fstat = call_fstat,
    .lstat = call_lstat,
    .fstatfs = call_fstatfs,
    .fchmod = call_fchmod,
    .ftruncate = call_ftruncate,
    .fallocate = call_fallocate,
    .fdatasync = call_fdatasync,
    .unlink = call_unlink,
    .readlink = call_readlink,
    .getcwd = call_getcwd,
    .pread = call_pread,
    .set_lock = call_set_lock,
    .get_lock = call_get_lock,
    .seal = call_seal,
    .seals = call_seals,
    .duplicate = call_duplicate,
    .mmap = call_mmap,
    .munmap = call_munmap,
    .mprotect = call_mprotect,
    .madvise = call_madvise,
    .msync = call_msync,
    .getrlimit = call_getrlimit,
    .getrandom = call_getrandom,
    .tgkill = call_tgkill,
    .uname = call_uname,
    .monotonic = call_monotonic,
    .nanosleep = call_nanosleep,
    .atfork = call_atfork,
    .key_create = call_key_create,
    .key_set = call_key_set,
};
