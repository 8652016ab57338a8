// SPDX-License-Identifier: MIT
#define _GNU_SOURCE

#include "tests/mapping/place.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shoal/inspect.h>

#include "alloc/handle.h"
#include "tests/harness/harness.h"

void place_choose(struct place *place, enum place_kind kind) {
  char unique[TEST_NAME_BYTES];
  const char *folder = getenv("TEST_TMPDIR");
  place->kind = kind;
  (void)test_unique_name(unique);
  if (kind == PLACE_FILE) {
    (void)snprintf(place->name, sizeof place->name, "%s/%s", folder != NULL ? folder : "/tmp",
                   unique);
  } else {
    (void)snprintf(place->name, sizeof place->name, "%s", unique);
  }
}

void place_read(struct place *place, const char *kind, const char *name) {
  place->kind = (enum place_kind)(kind[0] - '0');
  (void)snprintf(place->name, sizeof place->name, "%s", name);
}

shoal_status place_open(const struct place *place, unsigned flags, shoal_heap **out) {
  shoal_options options = {.size = sizeof options,
                           .flags = flags,
                           .capacity = PLACE_CAPACITY,
                           .max_processes = PLACE_PROCESSES,
                           .max_threads = PLACE_THREADS};
  if (place->kind == PLACE_PERSIST) options.lifetime = SHOAL_LIFETIME_PERSIST;
  return shoal_open(place->name, &options, out);
}

static const char *path_of(const struct place *place, char path[PLACE_NAME_BYTES + 32]) {
  const char *folder = place->kind == PLACE_FILE ? "" : "/dev/shm/shoal.";
  (void)snprintf(path, PLACE_NAME_BYTES + 32, "%s%s", folder, place->name);
  return path;
}

uint64_t place_inode(const struct place *place) {
  char path[PLACE_NAME_BYTES + 32];
  struct stat status;
  return lstat(path_of(place, path), &status) == 0 ? status.st_ino : 0;
}

void place_clear(const struct place *place) {
  char path[PLACE_NAME_BYTES + 32];
  (void)unlink(path_of(place, path));
}

int place_open_object(const struct place *place) {
  char path[PLACE_NAME_BYTES + 32];
  int fd = open(path_of(place, path), O_RDWR | O_CLOEXEC);
  EXPECT(fd >= 0);
  return fd;
}

uint64_t place_uuid(const shoal_heap *heap) {
  uint64_t half;
  memcpy(&half, heap->region->header.uuid, sizeof half);
  return half;
}

void place_expect_works(shoal_heap *heap) {
  static const size_t sizes[] = {16, 100, 4000, 30000, 70000, SHL_CHUNK_BYTES + 1};
  enum { COUNT = sizeof sizes / sizeof sizes[0] };
  shoal_off blocks[COUNT];
  for (unsigned i = 0; i < COUNT; i++) {
    blocks[i] = shoal_alloc(heap, sizes[i], 0);
    EXPECT_NE(0, blocks[i]);
    if (blocks[i] != 0) memset(shoal_ptr(heap, blocks[i]), (int)i + 1, sizes[i]);
  }
  for (unsigned i = 0; i < COUNT; i++) {
    const unsigned char *bytes = shoal_ptr(heap, blocks[i]);
    if (blocks[i] != 0) EXPECT(bytes[0] == i + 1 && bytes[sizes[i] - 1] == i + 1);
    EXPECT_OK(shoal_free_offset(heap, blocks[i]));
  }
  EXPECT_OK(shoal_check(heap, NULL, NULL));
}
