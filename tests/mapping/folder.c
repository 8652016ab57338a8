// SPDX-License-Identifier: MIT
#define _GNU_SOURCE

#include "tests/mapping/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/harness/harness.h"

enum { DEPTH_MAX = 16 };

static char folder[FOLDER_PATH_BYTES];
static bool mounted;

void folder_make(void) {
  const char *base = getenv("TEST_TMPDIR");
  (void)snprintf(folder, sizeof folder, "%s/folder.XXXXXX", base != NULL ? base : "/tmp");
  if (mkdtemp(folder) == NULL) FAIL("no folder %s: %s", folder, strerror(errno));
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place) {
  (void)status;
  (void)kind;
  (void)place;
  return remove(path);
}

void folder_remove(void) {
  if (mounted) (void)umount2(folder, MNT_DETACH);
  mounted = false;
  if (folder[0] != '\0' && nftw(folder, remove_one, DEPTH_MAX, FTW_DEPTH | FTW_PHYS) != 0) {
    FAIL("%s stays: %s", folder, strerror(errno));
  }
  folder[0] = '\0';
}

const char *folder_path(char path[FOLDER_PATH_BYTES], const char *name) {
  (void)snprintf(path, FOLDER_PATH_BYTES, "%.900s/%.100s", folder, name);
  return path;
}

size_t folder_count(void) {
  size_t count = 0;
  DIR *stream = opendir(folder);
  while (stream != NULL && readdir(stream) != NULL) count++;
  if (stream != NULL) (void)closedir(stream);
  return count - 2;
}

bool folder_write(const char *path, const void *content, size_t bytes) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  ssize_t written = write(fd, content, bytes);
  return close(fd) == 0 && written >= 0 && (size_t)written == bytes;
}

bool folder_read(const char *path, void *content, size_t bytes) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t got = pread(fd, content, bytes, 0);
  return close(fd) == 0 && got >= 0 && (size_t)got == bytes;
}

bool folder_poke(const char *path, uint64_t offset, const void *content, size_t bytes) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t written = pwrite(fd, content, bytes, (off_t)offset);
  return close(fd) == 0 && written >= 0 && (size_t)written == bytes;
}

int64_t folder_size(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 ? status.st_size : -1;
}

static bool copy_bytes(int from, int to, size_t bytes) {
  while (bytes > 0) {
    ssize_t sent = sendfile(to, from, NULL, bytes);
    if (sent <= 0) return false;
    bytes -= (size_t)sent;
  }
  return true;
}

bool folder_copy(const char *from, const char *to) {
  int in = open(from, O_RDONLY | O_CLOEXEC);
  int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  int64_t bytes = folder_size(from);
  bool copied = in >= 0 && out >= 0 && bytes >= 0 && copy_bytes(in, out, (size_t)bytes);
  if (in >= 0) (void)close(in);
  if (out >= 0) (void)close(out);
  return copied;
}

static bool write_text(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  bool written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
  return close(fd) == 0 && written;
}

// A user without the right to mount has it in a user namespace of its own.
static bool leave_namespaces(void) {
  char map[64];
  uid_t user = geteuid();
  if (unshare(CLONE_NEWNS) == 0) return true;
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  (void)snprintf(map, sizeof map, "0 %u 1", (unsigned)user);
  return write_text("/proc/self/uid_map", map);
}

bool folder_mount_tmpfs(uint64_t bytes) {
  static bool left;
  char options[64];
  if (!left && !leave_namespaces()) return false;
  left = true;
  (void)snprintf(options, sizeof options, "size=%llu", (unsigned long long)bytes);
  if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0) return false;
  mounted = mount("test", folder, "tmpfs", MS_NOSUID | MS_NODEV, options) == 0;
  return mounted;
}
