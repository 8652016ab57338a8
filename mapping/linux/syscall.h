// SPDX-License-Identifier: MIT
#ifndef SHL_MAPPING_LINUX_SYSCALL_H
#define SHL_MAPPING_LINUX_SYSCALL_H

#include <stddef.h>
#include <stdint.h>

struct flock;
struct rlimit;
struct stat;
struct statfs;
struct timespec;
struct utsname;

// Every system call of the library that can fail goes through this table, so that a test can put
// another one in its place and fail the n-th call. An entry is the plain call: -1 (or MAP_FAILED)
// and errno; the last three, of the thread library, return an error number. Calls that cannot fail
// are made directly: getpid, gettid, geteuid, sched_yield, pthread_once.
struct shl_syscalls {
  int (*open)(const char *path, int flags, unsigned mode);
  int (*close)(int fd);
  int (*memfd)(const char *name, unsigned flags);
  int (*fstat)(int fd, struct stat *out);
  int (*lstat)(const char *path, struct stat *out);
  int (*fstatfs)(int fd, struct statfs *out);
  int (*fchmod)(int fd, unsigned mode);
  int (*ftruncate)(int fd, int64_t bytes);
  int (*fallocate)(int fd, int mode, int64_t offset, int64_t bytes);
  int (*fdatasync)(int fd);
  int (*unlink)(const char *path);
  int64_t (*readlink)(const char *path, char *out, size_t bytes);
  char *(*getcwd)(char *out, size_t bytes);
  int64_t (*pread)(int fd, void *out, size_t bytes, int64_t offset);
  int (*set_lock)(int fd, struct flock *lock);  // F_OFD_SETLK
  int (*get_lock)(int fd, struct flock *lock);  // F_OFD_GETLK
  int (*seal)(int fd, int seals);
  int (*seals)(int fd);
  int (*duplicate)(int fd);                     // close-on-exec, 3 and up
  void *(*mmap)(void *address, size_t bytes, int protection, int flags, int fd, int64_t offset);
  int (*munmap)(void *address, size_t bytes);
  int (*mprotect)(void *address, size_t bytes, int protection);
  int (*madvise)(void *address, size_t bytes, int advice);
  int (*msync)(void *address, size_t bytes, int flags);
  int (*getrlimit)(int resource, struct rlimit *out);
  int64_t (*getrandom)(void *out, size_t bytes, unsigned flags);
  int (*tgkill)(int process, int thread, int signal_number);
  int (*uname)(struct utsname *out);
  int (*monotonic)(struct timespec *out);  // clock_gettime(CLOCK_MONOTONIC)
  int (*nanosleep)(const struct timespec *wanted, struct timespec *left);
  int (*atfork)(void (*child)(void));
  int (*key_create)(unsigned *key, void (*at_exit)(void *));
  int (*key_set)(unsigned key, const void *value);
};

// The table in use. Changed by tests only, while no other thread is in the library.
extern const struct shl_syscalls *shl_sys;

// The system's own calls.
extern const struct shl_syscalls shl_system_calls;

// Calls that a signal may interrupt, made again until none does.
int shl_sys_open(const char *path, int flags, unsigned mode);
int shl_sys_ftruncate(int fd, int64_t bytes);
int shl_sys_fallocate(int fd, int mode, int64_t offset, int64_t bytes);
int64_t shl_sys_pread(int fd, void *out, size_t bytes, int64_t offset);
int shl_sys_set_lock(int fd, struct flock *lock);
int shl_sys_get_lock(int fd, struct flock *lock);
int shl_sys_fdatasync(int fd);
int shl_sys_madvise(void *address, size_t bytes, int advice);
int shl_sys_msync(void *address, size_t bytes, int flags);

// Closes `fd` where it is one, and keeps errno.
void shl_sys_close(int fd);

// The text of a small file, or as much of it as fits, ended by a NUL.
// returns: 0; -1 and errno, and the text is "".
int shl_sys_read_text(const char *path, char *text, size_t bytes);

#endif
