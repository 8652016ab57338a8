// SPDX-License-Identifier: MIT
// Judging a superblock before anything else is believed of a region. Works on a copy: what another
// process changes meanwhile cannot undo a test.
#include "mapping/superblock.h"

#include <string.h>

#include "base/align.h"
#include "base/fail.h"
#include "mapping/request.h"

static uint64_t magic_of(const unsigned char *page) {
  uint64_t magic;
  memcpy(&magic, page, sizeof magic);
  return magic;
}

enum shl_superblock_state shl_superblock_state(const unsigned char page[SHL_PAGE_BYTES]) {
  uint64_t magic = magic_of(page);
  if (magic == SHL_MAGIC_READY) return SHL_SUPERBLOCK_READY;
  if (magic == SHL_MAGIC_FORMING) return SHL_SUPERBLOCK_UNFORMED;
  for (unsigned i = 0; i < SHL_PAGE_BYTES; i++) {
    if (page[i] != 0) return SHL_SUPERBLOCK_FOREIGN;
  }
  return SHL_SUPERBLOCK_UNFORMED;
}

static shoal_status test_version(const struct shl_superblock_rec *superblock, bool read_only) {
  if (superblock->version != SHL_FORMAT_VERSION) {
    return shl_fail(SHOAL_E_VERSION, 0, "The region has format version %u, this library knows %d.",
                    superblock->version, SHL_FORMAT_VERSION);
  }
  if (superblock->incompat != 0) {
    return shl_fail(SHOAL_E_VERSION, 0, "The region needs features %#llx that this library lacks.",
                    (unsigned long long)superblock->incompat);
  }
  if (superblock->ro_compat != 0 && !read_only) {
    return shl_fail(SHOAL_E_VERSION, 0,
                    "The region has features %#llx that allow this library READ_ONLY only.",
                    (unsigned long long)superblock->ro_compat);
  }
  bool same_units = superblock->header_bytes == sizeof *superblock &&
                    superblock->page_bytes == SHL_PAGE_BYTES &&
                    superblock->unit_bytes == SHL_UNIT_BYTES &&
                    superblock->chunk_bytes == SHL_CHUNK_BYTES && superblock->coherence_domain == 1;
  if (same_units) return SHOAL_OK;
  return shl_fail(SHOAL_E_VERSION, 0,
                  "The region's header, page, unit or chunk size, or its coherence domain, is not "
                  "this library's.");
}

static shoal_status test_size(const struct shl_superblock_rec *superblock, uint64_t object_bytes) {
  uint64_t capacity = superblock->capacity;
  if (capacity < SHL_CAPACITY_MIN || capacity > SHL_CAPACITY_MAX ||
      !shl_is_aligned(capacity, SHL_CHUNK_BYTES)) {
    return shl_fail(SHOAL_E_CORRUPT, 0, "The header's capacity of %llu bytes is none.",
                    (unsigned long long)capacity);
  }
  if (object_bytes < capacity) {
    return shl_fail(SHOAL_E_TRUNCATED, 0, "The object has %llu of the %llu bytes its header says.",
                    (unsigned long long)object_bytes, (unsigned long long)capacity);
  }
  if (object_bytes > capacity) {
    return shl_fail(SHOAL_E_CORRUPT, 0, "The object has %llu bytes, its header says %llu.",
                    (unsigned long long)object_bytes, (unsigned long long)capacity);
  }
  return SHOAL_OK;
}

static bool is_base_possible(const struct shl_superblock_rec *superblock) {
  return shl_is_aligned(superblock->base, SHL_CHUNK_BYTES) &&
         superblock->base >= SHL_ADDRESS_MIN && superblock->base < SHL_ADDRESS_MAX &&
         superblock->capacity <= SHL_ADDRESS_MAX - superblock->base;
}

// A FILE that would go with its last process could cost somebody a file.
static bool is_lifetime_possible(const struct shl_superblock_rec *superblock) {
  if (superblock->lifetime == SHOAL_LIFETIME_PERSIST) return true;
  return superblock->lifetime == SHOAL_LIFETIME_LAST_DETACH && superblock->kind != SHOAL_KIND_FILE;
}

shoal_status shl_superblock_test(const struct shl_superblock_rec *superblock, uint64_t object_bytes,
                                 bool read_only) {
  if (object_bytes < sizeof *superblock) {
    return shl_fail(SHOAL_E_TRUNCATED, 0, "The object's %llu bytes are less than a header.",
                    (unsigned long long)object_bytes);
  }
  shoal_status status = test_version(superblock, read_only);
  if (status == SHOAL_OK) status = test_size(superblock, object_bytes);
  if (status != SHOAL_OK) return status;
  bool possible = is_base_possible(superblock) && superblock->area_count <= SHL_AREAS_MAX &&
                  superblock->max_processes != 0 && superblock->max_slots != 0 &&
                  is_lifetime_possible(superblock);
  if (possible) return SHOAL_OK;
  return shl_fail(SHOAL_E_CORRUPT, 0,
                  "The header's base 0x%llx, area count %u, table sizes or lifetime %u cannot be.",
                  (unsigned long long)superblock->base, superblock->area_count,
                  superblock->lifetime);
}
