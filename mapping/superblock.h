// SPDX-License-Identifier: MIT
#ifndef SHL_MAPPING_SUPERBLOCK_H
#define SHL_MAPPING_SUPERBLOCK_H

#include <stdbool.h>

#include <shoal/status.h>

#include "base/atomic.h"

// The first page of every region, as stored: little-endian, fixed widths, offsets only.
//
//   0     superblock    who and what the region is, where its areas are; constant once READY
//   2048  heap words    the allocator's few heap-wide words (SHL_AREA_HEAP)
//   4096  areas         in the order of the area table; then the data
//
// A region is READY iff `magic` is SHL_MAGIC_READY; that store is the last of a format. All zero or
// SHL_MAGIC_FORMING: its creator died or has not come to it yet. Anything else: not ours.

enum {
  SHL_PAGE_BYTES = 4096,            // shoal's page, whatever the system's
  SHL_UNIT_BYTES = 65536,           // 16 pages; also the strictest mapping granularity (Windows)
  SHL_CHUNK_BYTES = 2097152,        // 32 units; unit of growth
  SHL_GUARD_BYTES = SHL_UNIT_BYTES, // inaccessible after the metadata and after the data
  SHL_SUPERBLOCK_BYTES = 2048,
  SHL_HEAP_WORDS_OFFSET = 2048,
  SHL_AREAS_MAX = 16,
  SHL_FORMAT_VERSION = 1
};

#define SHL_MAGIC_FORMING UINT64_C(0x474e494d52464853)  // "SHFRMING"
#define SHL_MAGIC_READY UINT64_C(0x31304c414f485321)    // "!SHOAL01"

// What an area holds. The numbers are stored and can never change.
enum {
  SHL_AREA_NONE = 0,
  SHL_AREA_PROCESS = 1,   // process records
  SHL_AREA_HEAP = 2,      // heap-wide words
  SHL_AREA_ROOT = 3,      // root records, then their names
  SHL_AREA_PIN = 4,       // pin records
  SHL_AREA_OWNER = 5,     // owner words and hints, one row a thread slot
  SHL_AREA_SLOT = 6,      // thread slot pages
  SHL_AREA_CHUNK = 7,     // chunk rows
  SHL_AREA_ROOM = 8,      // longest free run of each chunk
  SHL_AREA_HOT = 9,       // a slab's header and F, one row a unit
  SHL_AREA_REMOTE = 10,   // a slab's RB, one row a unit
  SHL_AREA_RUN = 11,      // D, page bitmap and zero bits, one page a chunk
  SHL_AREA_DATA = 12,     // blocks
  SHL_AREA_DESC = 13      // descriptors of units
};

// Who stores to an area: lines with one writer at a time need no coherence beyond hand-over.
enum { SHL_SHARING_SINGLE = 1, SHL_SHARING_MULTI = 2 };

// In shared memory. An area: bytes [offset, offset + bytes).
struct shl_area_rec {
  uint64_t offset;
  uint64_t bytes;
  uint32_t kind;
  uint32_t sharing;
};

// In shared memory, constant once READY but for the words marked.
struct shl_superblock_rec {
  shl_a64 magic;            // last store of a format
  uint32_t version;         // SHL_FORMAT_VERSION
  uint32_t header_bytes;    // sizeof(struct shl_superblock_rec)
  uint64_t compat;          // unknown bits are ignored
  uint64_t ro_compat;       // unknown bits allow READ_ONLY only
  uint64_t incompat;        // unknown bits are refused
  uint64_t layout_hash;     // over the sizes of all stored structures
  uint8_t uuid[16];         // of the region
  shl_a64 incarnation;      // bumped at create, restore and adopt
  uint64_t capacity;        // bytes of the region, a multiple of SHL_CHUNK_BYTES
  uint64_t base;            // the address wished for, 2 MiB aligned; 0 for PRIVATE
  uint64_t limit_bytes;     // committed data bytes allowed; 0: no limit but capacity
  uint64_t data_offset;     // first data byte, chunk-aligned
  uint64_t metadata_bytes;  // [0, metadata_bytes) is metadata; then the guard
  uint64_t coherence_domain;  // 1: one cache-coherent host
  uint32_t page_bytes;      // SHL_PAGE_BYTES
  uint32_t unit_bytes;      // SHL_UNIT_BYTES
  uint32_t chunk_bytes;     // SHL_CHUNK_BYTES
  uint32_t kind;            // shoal_kind
  uint32_t lifetime;        // shoal_lifetime
  uint32_t mode;            // permission bits
  uint32_t max_processes;
  uint32_t max_slots;       // thread slots: max_threads + max_processes
  uint32_t max_roots;
  uint32_t max_pins;
  uint64_t host_id;         // hash of the writers' machine id; changed by ADOPT
  shl_a64 boot_id[2];       // of the writers' kernel; changed once all slots are recovered
  uint32_t area_count;
  uint32_t reserved;
  struct shl_area_rec areas[SHL_AREAS_MAX];
};

_Static_assert(sizeof(struct shl_area_rec) == 24, "stored");
_Static_assert(sizeof(struct shl_superblock_rec) == 576, "stored");
_Static_assert(sizeof(struct shl_superblock_rec) <= SHL_SUPERBLOCK_BYTES, "fits its place");

// The area of `kind`; null where the table has none.
static inline const struct shl_area_rec *shl_superblock_area(
    const struct shl_superblock_rec *superblock, uint32_t kind) {
  for (uint32_t i = 0; i < superblock->area_count && i < SHL_AREAS_MAX; i++) {
    if (superblock->areas[i].kind == kind) return &superblock->areas[i];
  }
  return 0;
}

// What a region's first page says of its state.
enum shl_superblock_state {
  SHL_SUPERBLOCK_UNFORMED,  // never published: its creator died, or has not come to it yet
  SHL_SUPERBLOCK_READY,
  SHL_SUPERBLOCK_FOREIGN    // not a region
};

// Judges the copy of an object's first SHL_PAGE_BYTES bytes, 0 past the object's end.
enum shl_superblock_state shl_superblock_state(const unsigned char page[SHL_PAGE_BYTES]);

// Tests the copy of a READY superblock: everything that does not need the layout of the areas.
// returns: SHOAL_OK; VERSION, TRUNCATED, CORRUPT, with what is wrong.
shoal_status shl_superblock_test(const struct shl_superblock_rec *superblock, uint64_t object_bytes,
                                 bool read_only);

#endif
