// SPDX-License-Identifier: MIT
#ifndef WORD_INDEX_LAYOUT_H
#define WORD_INDEX_LAYOUT_H

// All that the index keeps in the heap, and nothing else: no logic. Blocks name each other by
// offset, numbers have a fixed width, and there is no pointer: every process reads the same.
//
//   root "word_index" -> index_rec -> files     an array of file_rec, each -> its path
//                                  -> order     file numbers, the largest file first
//                                  -> desks     an array of desk_rec, each -> batch_rec
//                                  -> map_rec   -> segments of buckets -> entry_rec -> ...
//                                                                         word_rec  -> hits
#include <shoal/offset.h>
#include <stdatomic.h>
#include <stdint.h>

#define INDEX_ROOT "word_index"

/// The root's type: "word_idx", read as a little-endian number, and its version.
#define INDEX_TYPE UINT64_C(0x7864695f64726f77)
enum { INDEX_VERSION = 2 };

/// Segment 0 holds the first FIRST_BUCKETS buckets, segment n the next FIRST_BUCKETS << (n - 1):
/// doubling the buckets adds one segment and moves nothing. 32 segments are 2^40 buckets, more
/// than the largest heap could fill.
enum { FIRST_BUCKETS = 512, MAP_SEGMENTS = 32, CACHE_LINE = 64 };

/// In shared memory: what all entries of the map's one list begin with. A word's order is odd, a
/// bucket's, of which each bucket has one to start its walks from, is even.
struct entry_rec {
  _Atomic uint64_t next;  ///< The entry of the next higher order; 0 ends. Changed by CAS.
  uint64_t order;         ///< The hash, its bits reversed. Constant once linked.
};

/// In shared memory: a word; its text follows. Linked once, by whoever met the word first.
struct word_rec {
  struct entry_rec entry;
  _Atomic uint32_t holder;     ///< The worker that appends hits, counted from 1; 0: nobody.
  uint32_t length;             ///< Bytes of text behind the record. Constant.
  _Atomic uint64_t total;      ///< Occurrences: the sum over the hits. Written by the holder.
  shoal_off hits;              ///< Encoded hits: hits.h. Written by the holder, who may move it.
  _Atomic uint64_t hit_bytes;  ///< How many of them count. Written by the holder.
};

/// In shared memory: a word of a batch; its text follows, then its lines as hits.h encodes them.
struct batch_word_rec {
  uint64_t hash;
  uint64_t total;
  uint64_t line_count;
  uint64_t line_bytes;
  uint32_t length;          ///< Of the text.
  _Atomic uint32_t merged;  ///< 1: the map has it.
};

/// In shared memory: all that is in one file; `count` words follow, each on a multiple of 8.
struct batch_rec {
  uint64_t count;
  uint64_t total;  ///< Occurrences of all words.
  uint64_t bytes;  ///< Of record and words.
};

/// In shared memory: what one worker is at, by its number. Nobody else reads it but the builder,
/// who reads `steps`, and the worker of the same number that follows a dead one.
struct desk_rec {
  _Atomic uint64_t file;     ///< The number, counted from 1, of the file taken last.
  shoal_off batch;           ///< What it holds: batch.c.
  _Atomic uint64_t counted;  ///< `file` iff `batch` is complete: then the file counts as it says.
  shoal_off fresh;           ///< A block on its way into the map: word_map.c.
  _Atomic uint64_t kind;     ///< What it is, an enum fresh_kind.
  _Atomic uint64_t word;     ///< The word that was held last: hits.c.
  _Atomic uint64_t entry;    ///< The batch_word_rec that is being appended to it; 0: none.
  uint64_t hit_bytes;        ///< The word's, before that.
  uint64_t total;            ///< The word's, before that.
  _Atomic uint64_t steps;    ///< Grows with all that need not be done again.
  uint8_t apart[48];
};

enum fresh_kind { FRESH_UNFINISHED = 0, FRESH_WORD = 1, FRESH_BUCKET = 2, FRESH_SEGMENT = 3 };

/// In shared memory: the map of words.
struct map_rec {
  _Atomic uint64_t words;  ///< Count of words linked; the map grows by it.
  uint8_t apart[CACHE_LINE - 8];      ///< Keeps `words`, often written, from what all read.
  _Atomic uint64_t buckets;           ///< Count in use, a power of two; it only grows.
  _Atomic uint64_t segments[MAP_SEGMENTS];  ///< Arrays of offsets of bucket entries; 0: none yet.
};

/// What became of a file. In file_rec.state, below the number of the worker that took it.
enum file_state {
  FILE_WAITING = 0,
  FILE_TAKEN = 1,
  FILE_INDEXED = 2,
  FILE_BINARY = 3,      ///< Skipped: a NUL byte in its first 8 KiB.
  FILE_UNREADABLE = 4   ///< Skipped: file_rec.error says why.
};
enum { FILE_STATE_BITS = 8 };

/// In shared memory: one file. The builder fills it before there are workers; what follows `state`
/// is written by the worker that took the file.
struct file_rec {
  shoal_off path;          ///< A string, as found from the paths given.
  uint64_t bytes;          ///< Of the file, when it was found.
  _Atomic uint32_t state;  ///< An enum file_state and a worker; the store of INDEXED commits.
  uint32_t error;          ///< The errno of an unreadable file.
  uint64_t words;          ///< Occurrences in it.
};

/// In shared memory: the index.
struct index_rec {
  _Atomic uint64_t epoch;      ///< Odd while the index changes: 1 during build, later by drops.
  _Atomic uint32_t stop;       ///< 1 asks the workers to end at once: the build has failed.
  uint32_t workers;            ///< Count asked for.
  shoal_off files;             ///< An array of file_rec. Constant once there are workers.
  uint64_t file_count;         ///< Of both arrays. Constant once there are workers.
  shoal_off order;             ///< An array of uint32_t, file numbers. Constant as well.
  shoal_off desks;             ///< An array of desk_rec, `workers` of them. Constant as well.
  uint8_t apart[CACHE_LINE - 48];
  _Atomic uint64_t next_file;  ///< Where in `order` the next worker looks for a waiting file.
  _Atomic uint64_t bytes_done;  ///< Bytes of the files behind; for the progress line only.
  uint8_t apart_from_map[CACHE_LINE - 16];
  struct map_rec map;
};

_Static_assert(sizeof(struct entry_rec) == 16, "the smallest block holds a bucket's entry");
_Static_assert(sizeof(struct word_rec) == 48, "the text follows at 48");
_Static_assert(sizeof(struct file_rec) == 32, "stored in arrays");
_Static_assert(sizeof(struct batch_word_rec) == 40, "the text follows at 40");
_Static_assert(sizeof(struct batch_rec) == 24, "the first word follows at 24");
_Static_assert(sizeof(struct desk_rec) == 2 * CACHE_LINE, "on lines of its own");
_Static_assert(offsetof(struct map_rec, buckets) == CACHE_LINE, "apart from the count of words");
_Static_assert(sizeof(struct map_rec) == CACHE_LINE + 8 + 8 * MAP_SEGMENTS, "no padding");
_Static_assert(offsetof(struct index_rec, next_file) == CACHE_LINE, "on a line of its own");
_Static_assert(offsetof(struct index_rec, map) == 2 * CACHE_LINE, "on lines of its own");

#endif
