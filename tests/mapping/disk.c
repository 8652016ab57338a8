// SPDX-License-Identifier: MIT
#define _GNU_SOURCE

#include "tests/mapping/disk.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/harness/harness.h"

enum { PAGE_BYTES = 4096, CAPACITY = 8 << 20 };

char disk_heap_path[FOLDER_PATH_BYTES];
static int filler = -1;
static char filler_path[FOLDER_PATH_BYTES];
static bool is_mounted;

void disk_make(void) {
  folder_make();
  (void)folder_path(disk_heap_path, "heap");
  is_mounted = folder_mount_tmpfs(DISK_BYTES);
  filler = open(folder_path(filler_path, "filler"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

void disk_remove(void) {
  if (filler >= 0) (void)close(filler);
  folder_remove();
}

bool disk_is_mounted(void) {
  return is_mounted;
}

uint64_t disk_free_pages(void) {
  struct statvfs disk;
  EXPECT_EQ(0, statvfs(filler_path, &disk));
  return disk.f_bfree * disk.f_bsize / PAGE_BYTES;
}

void disk_leave(uint64_t pages) {
  EXPECT_EQ(0, ftruncate(filler, 0));
  uint64_t have = disk_free_pages();
  if (have <= pages) return;
  EXPECT_EQ(0, fallocate(filler, 0, 0, (off_t)((have - pages) * PAGE_BYTES)));
  EXPECT_EQ(pages, disk_free_pages());
}

shoal_status disk_open_heap(unsigned flags, shoal_heap **out) {
  shoal_options options = {.size = sizeof options,
                           .flags = flags,
                           .capacity = CAPACITY,
                           .max_processes = 4,
                           .max_threads = 8};
  return shoal_open(disk_heap_path, &options, out);
}
