// SPDX-License-Identifier: MIT
// Objects on Linux: files below /dev/shm (as shm_open opens them), files elsewhere, memfds.
//
// Nothing about a name is trusted before the open file says so itself: it must be a regular file of
// the calling user with one name and no more permissions than expected. Links are not followed, and
// no open waits for the other end of a FIFO.
//
// A crash leaves at most an empty object with its name: the next opener formats or removes it.
#define _GNU_SOURCE

#include "mapping/object.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/fail.h"
#include "mapping/linux/object_part.h"
#include "mapping/linux/syscall.h"

enum { OPEN_FLAGS = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, OTHERS_WRITE = 022 };

static const char shm_folder[] = "/dev/shm/shoal.";

static const char *shown_name(const struct shl_object *object) {
  return object->path[0] != '\0' ? object->path : "the region";
}

shoal_status shl_object_failure(int os_code, const char *what, const char *name) {
  const char *cause = strerror(os_code);
  switch (os_code) {
    case ENOSPC:
      return shl_fail(SHOAL_E_NO_SPACE, os_code, "%s of %s: the file system is full.", what, name);
    case EDQUOT:
      return shl_fail(SHOAL_E_NO_SPACE, os_code, "%s of %s: the disk quota is used up.", what,
                      name);
    case ENOMEM:
      return shl_fail(SHOAL_E_NO_SPACE, os_code,
                      "%s of %s: no memory or address space left (RLIMIT_AS, max_map_count, "
                      "overcommit).",
                      what, name);
    case EFBIG:
      return shl_fail(SHOAL_E_NO_SPACE, os_code,
                      "%s of %s: larger than RLIMIT_FSIZE or the file system allows.", what, name);
    case EMFILE:
      return shl_fail(SHOAL_E_LIMIT, os_code,
                      "%s of %s: no descriptor left in this process (RLIMIT_NOFILE).", what, name);
    case ENFILE:
      return shl_fail(SHOAL_E_LIMIT, os_code, "%s of %s: no descriptor left in the system.", what,
                      name);
    case ENOLCK:
      return shl_fail(SHOAL_E_LIMIT, os_code, "%s of %s: no lock left in the system.", what, name);
    case EACCES:
    case EPERM:
    case EROFS:
      return shl_fail(SHOAL_E_PERMISSION, os_code, "%s of %s: %s.", what, name, cause);
    case EOPNOTSUPP:
      return shl_fail(SHOAL_E_UNSUPPORTED, os_code, "%s of %s: its file system cannot do it.", what,
                      name);
    default: return shl_fail(SHOAL_E_SYSTEM, os_code, "%s of %s: %s.", what, name, cause);
  }
}

static shoal_status set_path(struct shl_object *object, const struct shl_object_spec *spec) {
  char folder[SHL_PATH_BYTES] = "";
  if (spec->kind == SHOAL_KIND_NAMED) {
    (void)snprintf(object->path, sizeof object->path, "%s%s", shm_folder, spec->name);
    return SHOAL_OK;
  }
  if (spec->name[0] != '/' && shl_sys->getcwd(folder, sizeof folder) == NULL) {
    return shl_object_failure(errno, "Looking up the working directory", spec->name);
  }
  int length = snprintf(object->path, sizeof object->path, "%s%s%s", folder,
                        folder[0] != '\0' ? "/" : "", spec->name);
  if (length < 0 || (size_t)length >= sizeof object->path) {
    object->path[0] = '\0';
    return shl_fail(SHOAL_E_NAME, ENAMETOOLONG, "A path has at most %d bytes.", SHL_PATH_BYTES - 1);
  }
  return SHOAL_OK;
}

static shoal_status open_failure(const struct shl_object *object) {
  int code = errno;
  const char *name = shown_name(object);
  switch (code) {
    case ENOENT:
      return shl_fail(SHOAL_E_NOT_FOUND, code, "There is no %s.", name);
    case ELOOP:
      return shl_fail(SHOAL_E_KIND, code, "%s is a symbolic link.", name);
    case EISDIR:
    case ENXIO:
    case ENODEV:
      return shl_fail(SHOAL_E_KIND, code, "%s is no regular file.", name);
    case ENOTDIR:
      return shl_fail(SHOAL_E_NOT_FOUND, code, "A part of the path %s is no directory.", name);
    case ENAMETOOLONG:
      return shl_fail(SHOAL_E_NAME, code, "%s is longer than its file system allows.", name);
    default: return shl_object_failure(code, "Opening", name);
  }
}

// Opens the object's path; a new object is told from an old one by O_EXCL.
static shoal_status open_path(struct shl_object *object, const struct shl_object_spec *spec) {
  int flags = OPEN_FLAGS | (spec->read_only ? O_RDONLY : O_RDWR);
  object->fd = shl_sys_open(object->path, flags, 0);
  while (object->fd < 0 && errno == ENOENT && spec->create) {
    object->fd = shl_sys_open(object->path, flags | O_CREAT | O_EXCL, spec->mode & 0700);
    object->created = object->fd >= 0;
    if (object->fd >= 0 || errno != EEXIST) break;
    object->fd = shl_sys_open(object->path, flags, 0);
  }
  return object->fd >= 0 ? SHOAL_OK : open_failure(object);
}

// The name behind a descriptor, as the kernel knows it; check() has the last word on it.
static void find_path(struct shl_object *object, const char *link) {
  int64_t length = shl_sys->readlink(link, object->path, sizeof object->path - 1);
  object->path[length < 0 ? 0 : length] = '\0';
}

// A description of our own behind the user's descriptor.
static shoal_status open_descriptor(struct shl_object *object, const struct shl_object_spec *spec) {
  char path[64];
  struct stat status;
  if (shl_sys->fstat(spec->fd, &status) != 0) {
    if (errno != EBADF) return shl_object_failure(errno, "Stat", "a descriptor");
    return shl_fail(SHOAL_E_ARGUMENT, errno, "%d is no open descriptor.", spec->fd);
  }
  if (!S_ISREG(status.st_mode)) {
    return shl_fail(SHOAL_E_KIND, 0, "Descriptor %d is no regular file.", spec->fd);
  }
  (void)snprintf(path, sizeof path, "/proc/self/fd/%d", spec->fd);
  int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (spec->read_only ? O_RDONLY : O_RDWR);
  object->fd = shl_sys_open(path, flags, 0);
  if (object->fd < 0) return shl_object_failure(errno, "Opening", "a descriptor");
  int seals = shl_sys->seals(object->fd);
  bool is_sealed = seals >= 0 && (seals & F_SEAL_SHRINK) != 0;
  object->kind = is_sealed ? SHOAL_KIND_MEMFD : SHOAL_KIND_FILE;
  if (is_sealed) return SHOAL_OK;
  find_path(object, path);
  bool in_shm = strncmp(object->path, shm_folder, sizeof shm_folder - 1) == 0;
  if (in_shm) object->kind = SHOAL_KIND_NAMED;
  return SHOAL_OK;
}

static shoal_status open_memfd(struct shl_object *object) {
  object->fd = shl_sys->memfd("shoal", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  object->created = object->fd >= 0;
  return object->fd >= 0 ? SHOAL_OK : shl_object_failure(errno, "Creating", "a memfd");
}

static shoal_status check_owner(const struct shl_object *object, const struct stat *status,
                                unsigned mode) {
  const char *name = shown_name(object);
  bool shared_wanted = (mode & 077) != 0;
  if (status->st_uid != geteuid() && !shared_wanted) {
    return shl_fail(SHOAL_E_PERMISSION, 0,
                    "%s belongs to user %u; options.mode says nothing of sharing it.", name,
                    (unsigned)status->st_uid);
  }
  if (((unsigned)status->st_mode & OTHERS_WRITE & ~mode) != 0) {
    return shl_fail(SHOAL_E_PERMISSION, 0,
                    "%s may be written by others (mode %03o); options.mode allows %03o.", name,
                    (unsigned)status->st_mode & 0777, mode);
  }
  if (status->st_nlink > 1) {
    return shl_fail(SHOAL_E_PERMISSION, 0, "%s has %u names (hard links).", name,
                    (unsigned)status->st_nlink);
  }
  return SHOAL_OK;
}

// Kernels of other machines do not see our stores there.
static bool is_remote(int fd) {
  static const uint64_t remote[] = {
      0x6969,      // NFS
      0x517b,      // SMB
      0xff534d42,  // CIFS
      0xfe534d42,  // SMB2
      0x5346414f,  // AFS
      0x01021997,  // 9p
      0x00c36400,  // Ceph
      0x0bd00bd0,  // Lustre
      0x65735546   // FUSE: any program may answer
  };
  struct statfs system;
  if (shl_sys->fstatfs(fd, &system) != 0) return false;
  for (unsigned i = 0; i < sizeof remote / sizeof remote[0]; i++) {
    if (((uint64_t)system.f_type & 0xffffffff) == remote[i]) return true;
  }
  return false;
}

static shoal_status check(struct shl_object *object, const struct shl_object_spec *spec) {
  struct stat status;
  const char *name = shown_name(object);
  if (shl_sys->fstat(object->fd, &status) != 0) return shl_object_failure(errno, "Stat", name);
  if (!S_ISREG(status.st_mode)) {
    return shl_fail(SHOAL_E_KIND, 0, "%s is no regular file.", name);
  }
  object->device = status.st_dev;
  object->inode = status.st_ino;
  bool is_found = shl_object_check_name(object) == SHOAL_OK;
  if (spec->fd >= 0 && !is_found) object->path[0] = '\0';
  bool nameless = object->kind == SHOAL_KIND_MEMFD;
  shoal_status verdict = nameless ? SHOAL_OK : check_owner(object, &status, spec->mode);
  if (verdict != SHOAL_OK) return verdict;
  if (object->kind == SHOAL_KIND_FILE && !spec->read_only && is_remote(object->fd)) {
    return shl_fail(SHOAL_E_UNSUPPORTED, 0,
                    "%s lies on a network file system: it can be opened READ_ONLY.", name);
  }
  return SHOAL_OK;
}

shoal_status shl_object_open(const struct shl_object_spec *spec, struct shl_object **out) {
  struct shl_object *object = calloc(1, sizeof *object);
  if (object == NULL) return shl_fail(SHOAL_E_NO_SPACE, ENOMEM, "No memory for a handle.");
  *object = (struct shl_object){
      .fd = -1, .gate_fd = -1, .kind = spec->kind, .read_only = spec->read_only};
  shoal_status status = SHOAL_OK;
  if (spec->fd >= 0) {
    status = open_descriptor(object, spec);
  } else if (spec->kind == SHOAL_KIND_MEMFD) {
    status = open_memfd(object);
  } else {
    status = set_path(object, spec);
    if (status == SHOAL_OK) status = open_path(object, spec);
  }
  if (status == SHOAL_OK) status = check(object, spec);
  // The gate opens it again, whatever the umask has left of the owner's rights.
  bool is_new = status == SHOAL_OK && object->created;
  if (is_new && shl_sys->fchmod(object->fd, spec->mode & 0700) != 0) {
    status = shl_object_failure(errno, "Chmod", shown_name(object));
  }
  if (status != SHOAL_OK) {
    shl_object_abandon(object);
    shl_sys_close(object->fd);
    object->fd = -1;
    shl_object_close(object);
    return status;
  }
  *out = object;
  return SHOAL_OK;
}

bool shl_object_is_same(const struct shl_object *left, const struct shl_object *right) {
  return left->device == right->device && left->inode == right->inode;
}

shoal_kind shl_object_kind(const struct shl_object *object) {
  bool is_nameless_file = object->kind == SHOAL_KIND_FILE && object->path[0] == '\0';
  return is_nameless_file ? SHOAL_KIND_DEFAULT : object->kind;
}

shoal_status shl_object_check_name(const struct shl_object *object) {
  struct stat status;
  if (object->path[0] == '\0') return SHOAL_OK;
  if (shl_sys->lstat(object->path, &status) == 0) {
    bool same = status.st_dev == object->device && status.st_ino == object->inode;
    return same ? SHOAL_OK : SHOAL_E_STALE;
  }
  if (errno == ENOENT || errno == ENOTDIR) return SHOAL_E_STALE;
  return shl_object_failure(errno, "Looking up the name", object->path);
}

shoal_status shl_object_bytes(const struct shl_object *object, uint64_t *out) {
  struct stat status;
  if (shl_sys->fstat(object->fd, &status) != 0) {
    return shl_object_failure(errno, "Stat", shown_name(object));
  }
  *out = (uint64_t)status.st_size;
  return SHOAL_OK;
}

shoal_status shl_object_read(const struct shl_object *object, void *out, size_t bytes) {
  char *to = out;
  memset(out, 0, bytes);
  for (size_t done = 0; done < bytes;) {
    int64_t got = shl_sys_pread(object->fd, to + done, bytes - done, (int64_t)done);
    if (got < 0) return shl_object_failure(errno, "Reading", shown_name(object));
    if (got == 0) break;
    done += (size_t)got;
  }
  return SHOAL_OK;
}

// The kernel answers a size beyond RLIMIT_FSIZE with a signal that kills: asked first.
static bool is_size_allowed(uint64_t bytes) {
  struct rlimit limit;
  if (shl_sys->getrlimit(RLIMIT_FSIZE, &limit) != 0) return true;
  return limit.rlim_cur == RLIM_INFINITY || bytes <= limit.rlim_cur;
}

shoal_status shl_object_clear(struct shl_object *object, uint64_t bytes, unsigned mode) {
  const char *name = shown_name(object);
  if (!is_size_allowed(bytes)) return shl_object_failure(EFBIG, "Sizing", name);
  if (shl_sys->fchmod(object->fd, mode) != 0) return shl_object_failure(errno, "Chmod", name);
  if (shl_sys_ftruncate(object->fd, 0) != 0 ||
      shl_sys_ftruncate(object->fd, (int64_t)bytes) != 0) {
    return shl_object_failure(errno, "Sizing", name);
  }
  bool seals = object->kind == SHOAL_KIND_MEMFD;
  if (seals && shl_sys->seal(object->fd, F_SEAL_SHRINK | F_SEAL_GROW) != 0) {
    return shl_object_failure(errno, "Sealing", name);
  }
  return SHOAL_OK;
}

void shl_object_unclear(struct shl_object *object) {
  if (object->created || object->kind == SHOAL_KIND_NAMED) {
    (void)shl_object_unlink(object);
  } else {
    (void)shl_sys_ftruncate(object->fd, 0);
  }
}

shoal_status shl_object_unlink(struct shl_object *object) {
  shoal_status status = shl_object_check_name(object);
  if (status == SHOAL_E_STALE || object->path[0] == '\0') return SHOAL_OK;
  if (status != SHOAL_OK) return status;
  if (shl_sys->unlink(object->path) == 0 || errno == ENOENT) return SHOAL_OK;
  return shl_object_failure(errno, "Unlinking", object->path);
}

static bool is_descriptor_of(const struct shl_object *object, int fd) {
  struct stat status;
  return fd >= 0 && shl_sys->fstat(fd, &status) == 0 && status.st_dev == object->device &&
         status.st_ino == object->inode;
}

static int found_again(const struct shl_object *object) {
  return (int)shl_load_acquire_u32(&object->again) - 1;
}

int shl_object_held(const struct shl_object *object) {
  if (is_descriptor_of(object, object->fd)) return object->fd;
  int again = found_again(object);
  return is_descriptor_of(object, again) ? again : -1;
}

// Of several threads that miss it at once, one keeps what it has opened.
int shl_object_descriptor(struct shl_object *object) {
  int flags = OPEN_FLAGS | (object->read_only ? O_RDONLY : O_RDWR);
  while (true) {
    uint32_t before = shl_load_acquire_u32(&object->again);
    int held = shl_object_held(object);
    if (held >= 0 || object->path[0] == '\0') return held;
    int fd = shl_sys_open(object->path, flags, 0);
    bool ours = is_descriptor_of(object, fd);
    if (ours && shl_cas_seq_cst_u32(&object->again, before, (uint32_t)fd + 1)) return fd;
    shl_sys_close(fd);
    if (!ours) return -1;
  }
}

void shl_object_close(struct shl_object *object) {
  if (object == NULL) return;
  shl_object_leave_gate(object);
  // A number that was lost once stays another's, whatever that has opened there.
  int again = found_again(object);
  int own = again >= 0 ? again : object->fd;
  if (is_descriptor_of(object, own)) shl_sys_close(own);
  free(object);
}

int shl_object_reopen(const struct shl_object *object) {
  char path[64];
  int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (object->read_only ? O_RDONLY : O_RDWR);
  int held = shl_object_held(object);
  if (held >= 0) {
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", held);
    int fd = shl_sys_open(path, flags, 0);
    if (fd >= 0 || errno != ENOENT) return fd;
  }
  int fd = -1;
  errno = ENOENT;
  if (object->path[0] != '\0') fd = shl_sys_open(object->path, flags | O_NOFOLLOW, 0);
  if (fd < 0 || is_descriptor_of(object, fd)) return fd;
  shl_sys_close(fd);
  errno = ENOENT;
  return -1;
}

shoal_status shl_object_duplicate(const struct shl_object *object, int *out) {
  int held = shl_object_held(object);
  if (held < 0) {
    return shl_fail(SHOAL_E_SYSTEM, EBADF, "The region's descriptor was closed by the program.");
  }
  int fd = shl_sys->duplicate(held);
  if (fd < 0) return shl_object_failure(errno, "Duplicating the descriptor", shown_name(object));
  *out = fd;
  return SHOAL_OK;
}
