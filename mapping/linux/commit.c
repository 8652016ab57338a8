// SPDX-License-Identifier: MIT
// Backing and giving back, by fallocate(2) on the object's descriptor. A program that has closed
// the descriptor under us is served through the mapping instead: MADV_POPULATE_WRITE fails where a
// store would raise SIGBUS, MADV_REMOVE punches the same hole.
//
// A crash leaves pages backed or not; whoever commits them next does it again.
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "base/fail.h"
#include "mapping/linux/object_part.h"
#include "mapping/linux/syscall.h"

static const char *shown_name(const struct shl_object *object) {
  return object->path[0] != '\0' ? object->path : "the region";
}

shoal_status shl_view_commit(struct shl_object *object, const struct shl_view *view,
                             uint64_t offset, uint64_t bytes) {
  if (object == NULL) return SHOAL_OK;
  int fd = shl_object_descriptor(object);
  int result = fd >= 0 ? shl_sys_fallocate(fd, 0, (int64_t)offset, (int64_t)bytes)
                       : shl_sys_madvise(view->base + offset, bytes, MADV_POPULATE_WRITE);
  if (result == 0) return SHOAL_OK;
  int code = fd < 0 && errno == EFAULT ? ENOSPC : errno;
  return shl_object_failure(code, "Backing a part", shown_name(object));
}

shoal_status shl_view_give_back(struct shl_object *object, const struct shl_view *view,
                                uint64_t offset, uint64_t bytes) {
  int result;
  if (object == NULL) {
    result = shl_sys_madvise(view->base + offset, bytes, MADV_DONTNEED);
  } else {
    int fd = shl_object_descriptor(object);
    int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    result = fd >= 0 ? shl_sys_fallocate(fd, mode, (int64_t)offset, (int64_t)bytes)
                     : shl_sys_madvise(view->base + offset, bytes, MADV_REMOVE);
  }
  if (result == 0) return SHOAL_OK;
  const char *name = object != NULL ? shown_name(object) : "private memory";
  return shl_object_failure(errno, "Giving back a part", name);
}

shoal_status shl_view_flush(struct shl_object *object, const struct shl_view *view) {
  if (object == NULL || object->kind != SHOAL_KIND_FILE) return SHOAL_OK;
  if (shl_sys_msync(view->base, view->bytes, MS_SYNC) != 0) {
    return shl_object_failure(errno, "Flushing", shown_name(object));
  }
  int fd = shl_object_descriptor(object);
  if (fd >= 0 && shl_sys_fdatasync(fd) != 0) {
    return shl_object_failure(errno, "Syncing", shown_name(object));
  }
  return SHOAL_OK;
}
