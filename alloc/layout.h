// SPDX-License-Identifier: MIT
#ifndef SHL_ALLOC_LAYOUT_H
#define SHL_ALLOC_LAYOUT_H

#include "base/atomic.h"
#include "mapping/superblock.h"

// Everything stored behind the superblock, and no logic. All of it lies in shared memory. In the
// order of the region, with who stores there:
//
//   heap words   SHL_AREA_HEAP    one record                            many
//   roots        SHL_AREA_ROOT    64 B each, then 64 B names            many, one at a time
//   pins         SHL_AREA_PIN     32 B each                             the pin's process
//   owner rows   SHL_AREA_OWNER   640 B a slot: owner word, HS, H       many
//   slot pages   SHL_AREA_SLOT    4 KiB a slot: J, JA, hands, lists     the slot's owner
//   chunk rows   SHL_AREA_CHUNK   128 B a chunk: cw, cd, RP             many; never given back
//   descriptors  SHL_AREA_DESC    8 B a unit                            many; never given back
//   room         SHL_AREA_ROOM    2 B a chunk                           many, a cache
//   hot rows     SHL_AREA_HOT     640 B a unit: slab header, F          the slab's owner
//   remote rows  SHL_AREA_REMOTE  512 B a unit: RB                      many
//   run pages    SHL_AREA_RUN     4 KiB a chunk: D, bitmap, zero        the holder of the claim
//   data         SHL_AREA_DATA    chunks
//
// Words: a chunk is 32 units is 512 pages. A run is contiguous pages of one chunk; a slab is a run
// cut into equal blocks, whose cells are those of its first unit. A block is free iff its bit is in
// F (the owner's), in A (the owner's hand) or in RB (freed by others, not yet collected).
//
// Chunk, hot, remote and run rows exist for data chunks only: row 0 is the first data chunk's.
// Truth: cw (chunks), D (runs and slabs), F, A, RB (blocks), a slot's lists, the records. Caches,
// which recovery recomputes: page bitmap, N, room, zero.

enum {
  SHL_UNITS_PER_CHUNK = 32,
  SHL_PAGES_PER_UNIT = 16,
  SHL_PAGES_PER_CHUNK = 512,
  SHL_WORDS_PER_SLAB = 64,    // 65536 / 16 / 64: the smallest class fills one unit
  SHL_CLASS_COUNT = 73,       // 1 to 72; 0 is none
  SHL_CLASS_TAGGED = 128,     // added to the class in the class byte of a slab of tagged blocks
  SHL_TAG_BYTES = 8,          // that a tagged block of a slab or a run keeps at its end
  SHL_HINT_WORDS = 64,        // chunk number modulo 4096 picks a bit
  SHL_RESERVATIONS = 32,      // open reservations a slot
  SHL_SLOT_MAX = 65535,
  SHL_ROOT_NAME_BYTES = 64    // a name and its NUL
};

// cw: {state 4, slot 16, x 22, spare 5}. CLAIM, MIXED, FREEING, TRIM name the slot that acts, HEAD
// the one that allocated; x is the chunk count of HEAD, the head chunk of CONT, and of CLAIM where
// the chunk is taken into a run or out of it; spare are the units of the last chunk that a run
// under HEAD does not have.
enum {
  SHL_CHUNK_FREE = 0,
  SHL_CHUNK_MIXED = 1,    // cut into runs; slot 0: unclaimed
  SHL_CHUNK_CLAIM = 2,    // head of a huge run being made
  SHL_CHUNK_HEAD = 3,     // first chunk of a huge run
  SHL_CHUNK_CONT = 4,     // a further chunk of one
  SHL_CHUNK_FREEING = 5,  // head of a huge run being freed
  SHL_CHUNK_TRIM = 6      // being given back to the system
};

// D: {pages 10, kind 2}, at the run's first page; 0 elsewhere.
enum { SHL_RUN_BLOCK = 1, SHL_RUN_SLAB = 2, SHL_RUN_TAGGED = 3 };

// Slab states.
enum { SHL_SLAB_FULL = 0, SHL_SLAB_PARTIAL = 1 };

// Owner word states.
enum { SHL_OWNER_FREE = 0, SHL_OWNER_ORPHAN = 1, SHL_OWNER_OWNED = 2 };

// Heap-wide words, on a line of their own each where several processes store often.
struct shl_heap_rec {
  shl_a64 chunk_high_water;  // chunks [first, this) have been used; only grows
  shl_a64 slot_high_water;   // slots [1, this] have been taken; only grows
  shl_a64 committed_bytes;   // of data, kept only where limit_bytes is set; a cache
  uint64_t first_chunk;      // data_offset / chunk bytes, constant
  shl_a64 deaths;            // slots recovered after their owner's death; a count for people
  uint64_t reserved[59];
};

struct shl_root_rec {
  shl_a64 version;       // {busy 1, slot 16, count 47}
  shl_a64 off;
  shl_a64 size;
  shl_a64 type_id;
  shl_a32 type_version;
  shl_a32 flags;
  shl_a64 name_hash;     // 0: never used; 1: removed
  shl_a64 generation;    // of this record's roots
  shl_a64 check;         // hash over what never changes after creation; 0: no root
};

struct shl_root_name_rec {
  shl_a64 bytes[SHL_ROOT_NAME_BYTES / 8];
};

struct shl_pin_rec {
  shl_a64 op;           // {state 2, process 14, generation 24, use 24}; 0: free; stored last
  shl_a64 process;      // {process 14, generation 24, use 24}; `use` stays when it is free
  shl_a64 first_chunk;
  shl_a64 chunk_count;
};

// {state 2, process 14, process generation 24, generation 24}: every change by compare and swap
// with generation + 1.
struct shl_owner_rec {
  shl_a64 word;
  shl_a64 thread;        // the owner's thread id; 0: the process's own slot
  shl_a64 thread_start;  // that thread's start time
  uint64_t pad0[5];
  shl_a64 hint_summary;  // HS: bit j set: some bit of H[j] is
  uint64_t pad1[7];
  shl_a64 hints[SHL_HINT_WORDS];  // H: bit k set: some chunk = k modulo 4096 has dirty slabs
};

// The blocks of one class that a thread allocates from.
struct shl_hand_rec {
  shl_a64 blocks;   // A: bit i set: block i of the word is free and the hand's
  shl_a64 base;     // offset of the word's block 0
  shl_a32 size;     // bytes a block
  shl_a32 ref;      // {unit 26, word 6} of the word; 0: none
  shl_a32 head;     // first partial slab of the class: its unit
  uint32_t reserved;
};

// JA: the standing record of a call with a caller's slot. op is stored last and cleared first.
struct shl_record_rec {
  shl_a64 op;
  shl_a64 dest;
  shl_a64 block;
  shl_a64 second;
};

struct shl_slot_rec {
  shl_a64 journal;  // J
  struct shl_record_rec record;
  uint64_t pad0[3];
  shl_a64 reservations[SHL_RESERVATIONS];
  shl_a32 cursor;  // chunk that last had room
  uint8_t pad1[60];
  struct shl_hand_rec hands[SHL_CLASS_COUNT];
  shl_a32 tagged_heads[SHL_CLASS_COUNT + 1];  // the same of the classes' tagged slabs
  shl_a64 unsettled;  // bytes on their way between the committed sum and a chunk's bits
  uint64_t reserved[134];
};

// One load of `word` reads a descriptor, whole-word stores make and end it; `pending` and
// `journalled` alone are stored apart.
union shl_desc_rec {
  shl_a64 word;
  struct {
    shl_a16 owner;       // slot
    shl_a8 class_index;  // the class byte; 0: no slab
    shl_a8 pending;      // not 0: RB may have bits; else the owner's frees need not look there
    shl_a8 back;         // units back to the slab's first
    shl_a8 journalled;   // jf: a record has named one of its blocks; sticky
    uint8_t pad[2];
  } part;
};

struct shl_chunk_rec {
  shl_a64 word;         // cw
  shl_a32 dirty;        // cd: bit u: the slab whose first unit is u has bits in RB
  shl_a32 committed;    // bit u: the 64 KiB of unit u are backed
  shl_a16 meta;         // bit p: metadata page p is backed: hot 0-4, remote 5-8, run page 9
  shl_a8 journalled;    // cjf: a record has named one of its runs; sticky while MIXED
  shl_a8 stale;         // not 0: what is not in `committed` may be backed, with old bytes
  uint8_t pad0[4];
  shl_a32 free_since;   // milliseconds, when it became FREE
  uint8_t pad1[4];
  shl_a64 tag;          // of the huge run whose head it is; 0: none. Of other chunks 0, or stale
  uint8_t pad2[24];
  shl_a64 remote_pages[8];  // RP: bit p: the run that starts at page p was freed
};

struct shl_hot_rec {
  shl_a8 state;
  uint8_t pad0[7];
  shl_a32 prev;      // units
  shl_a32 next;
  shl_a64 nonempty;  // N: bit w: F[w] is not 0
  shl_a64 free[SHL_WORDS_PER_SLAB];  // F: its first five words lie on the header's line
  uint8_t pad1[104];
};

struct shl_remote_rec {
  shl_a64 freed[SHL_WORDS_PER_SLAB];  // RB
};

struct shl_run_rec {
  shl_a32 pages[SHL_PAGES_PER_CHUNK];  // D
  shl_a64 used[8];                     // page bitmap, recomputed from D
  shl_a64 zero[8];                     // bit p: page p is backed and was never handed out since
  uint64_t reserved[240];
};

enum {
  SHL_META_HOT_PAGES = 5,
  SHL_META_REMOTE_PAGES = 4,
  SHL_META_REMOTE_FIRST = 5,
  SHL_META_RUN_PAGE = 9
};

_Static_assert(sizeof(struct shl_heap_rec) == 512, "stored");
_Static_assert(sizeof(struct shl_root_rec) == 64, "one line, one remote get");
_Static_assert(sizeof(struct shl_root_name_rec) == 64, "stored");
_Static_assert(sizeof(struct shl_pin_rec) == 32, "stored");
_Static_assert(sizeof(struct shl_owner_rec) == 640, "ten lines, no power of two");
_Static_assert(sizeof(struct shl_hand_rec) == 32, "two to a line");
_Static_assert(sizeof(struct shl_slot_rec) == 4096, "one page");
_Static_assert(sizeof(union shl_desc_rec) == 8, "one load");
_Static_assert(sizeof(struct shl_chunk_rec) == 128, "two lines");
_Static_assert(sizeof(struct shl_hot_rec) == 640, "ten lines, no power of two");
_Static_assert(sizeof(struct shl_remote_rec) == 512, "stored");
_Static_assert(sizeof(struct shl_run_rec) == 4096, "one page");
_Static_assert(sizeof(struct shl_hot_rec) * SHL_UNITS_PER_CHUNK ==
                   SHL_META_HOT_PAGES * SHL_PAGE_BYTES,
               "a chunk's hot rows fill whole pages");
_Static_assert(sizeof(struct shl_remote_rec) * SHL_UNITS_PER_CHUNK ==
                   SHL_META_REMOTE_PAGES * SHL_PAGE_BYTES,
               "a chunk's remote rows fill whole pages");

#endif
