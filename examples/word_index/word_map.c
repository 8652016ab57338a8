// SPDX-License-Identifier: MIT
// The shared hash map: a split-ordered list. All words stand in one linked list in the order of
// their bit-reversed hashes, and the buckets are only short cuts into it:
//
//   bucket 0      bucket 2      bucket 1      bucket 3
//   000...0 -> w -> 010...0 -> w -> 100...0 -> w -> 110...0 -> w -> w      (orders, ascending)
//
// Bucket b holds the words whose hash ends in b's bits, and reversed bits make these neighbours.
// When the count of buckets doubles, bucket b's words are those of b and of b + count, one behind
// the other; the new bucket puts its own entry between them when somebody first looks for it. So
// the map grows while all use it: no word moves, nobody waits, and there is no lock.
//
// A word is added by one CAS on its predecessor's `next`. Entries are never taken out while workers
// add (index.h sees to that), so a `next` once read stays part of the list, and a failed CAS means
// only that somebody else added something right here: look again from the predecessor.
//
// What is to be linked passes over the desk of the worker, which says what a death leaves:
//
//   fresh = a block, by shoal_alloc_to; filled; kind; linked (C); fresh = 0; kind = 0
//
// kind 0: not linked. Otherwise it is linked iff it is found in its place, since nothing is taken
// out: word_map_inherit looks, and frees it if not. Dead after the CAS but before counting, a
// worker leaves `words` too low, by which the map grows a little later; only word_map_each compares
// it, to bound its walk, and the builder counts again after a death.
//
// Source: Shalev and Shavit, "Split-Ordered Lists: Lock-Free Extensible Hash Tables", JACM 2006.
#include "examples/word_index/word_map.h"

#include <shoal/exact.h>
#include <string.h>

#include "examples/word_index/heap_range.h"
#include "examples/word_index/report.h"

/// Words per bucket before the buckets are doubled. More makes walks longer, fewer spends a bucket
/// and its entry, 24 bytes, on fewer words.
enum { WORDS_PER_BUCKET = 2 };

/// A place in the list: between `before` and the entry at `next`, or at `found`.
struct place {
  struct entry_rec *before;
  shoal_off next;
  struct entry_rec *found;
};

static uint64_t reverse_bits(uint64_t n) {
  n = (n >> 1 & UINT64_C(0x5555555555555555)) | (n & UINT64_C(0x5555555555555555)) << 1;
  n = (n >> 2 & UINT64_C(0x3333333333333333)) | (n & UINT64_C(0x3333333333333333)) << 2;
  n = (n >> 4 & UINT64_C(0x0f0f0f0f0f0f0f0f)) | (n & UINT64_C(0x0f0f0f0f0f0f0f0f)) << 4;
  n = (n >> 8 & UINT64_C(0x00ff00ff00ff00ff)) | (n & UINT64_C(0x00ff00ff00ff00ff)) << 8;
  n = (n >> 16 & UINT64_C(0x0000ffff0000ffff)) | (n & UINT64_C(0x0000ffff0000ffff)) << 16;
  return n >> 32 | n << 32;
}

static uint64_t word_order(uint64_t hash) {
  return reverse_bits(hash) | 1;
}

static bool is_word(const struct entry_rec *entry) {
  return entry->order % 2 == 1;
}

static struct entry_rec *entry_at(const struct word_map *map, shoal_off off) {
  struct entry_rec *entry = heap_range(map->heap, off, sizeof *entry);
  if (entry == NULL || off % sizeof off != 0) return NULL;
  if (is_word(entry) && heap_range(map->heap, off, sizeof(struct word_rec)) == NULL) return NULL;
  return entry;
}

static bool has_text(const struct word_map *map, const struct word_rec *word,
                     const struct word_key *key) {
  const char *text = word_text(map->heap, word, key->length);
  return text != NULL && word->length == key->length && memcmp(text, key->text, key->length) == 0;
}

/// Walks from `from` to the place of `order`; `key` tells words of the same hash apart, a null one
/// asks for a bucket's entry.
static struct place locate(const struct word_map *map, struct entry_rec *from, uint64_t order,
                           const struct word_key *key) {
  struct place place = {.before = from};
  for (;;) {
    // Pairs with the CAS in place_entry: what is read through it is what was there before.
    place.next = atomic_load_explicit(&place.before->next, memory_order_acquire);
    struct entry_rec *entry = entry_at(map, place.next);
    if (entry == NULL || entry->order > order || entry->order < place.before->order) break;
    if (entry->order == order &&
        (key == NULL || has_text(map, (struct word_rec *)(void *)entry, key))) {
      place.found = entry;
      break;
    }
    place.before = entry;
  }
  return place;
}

/// A block on the desk to be filled and linked.
/// returns: null, and has said why, iff there is no memory.
static void *take_fresh(const struct word_map *map, uint64_t bytes, unsigned flags) {
  shoal_status status = shoal_alloc_to(map->heap, &map->desk->fresh, bytes, flags);
  if (status == SHOAL_OK) return shoal_ptr(map->heap, map->desk->fresh);
  report_status(status, "no memory in the heap for the map");
  return NULL;
}

/// Says that the block is filled, and what it is.
static void offer_fresh(const struct word_map *map, enum fresh_kind kind) {
  atomic_store_explicit(&map->desk->kind, kind, memory_order_release);
}

/// The block is linked, and so the map's; or it is not, and freed.
static void end_fresh(const struct word_map *map, bool linked) {
  if (linked) {
    map->desk->fresh = 0;
  } else {
    (void)shoal_free_from(map->heap, &map->desk->fresh);
  }
  atomic_store_explicit(&map->desk->kind, FRESH_UNFINISHED, memory_order_release);
}

/// Links the desk's block `fresh` where it belongs, or frees it where its like is in the list.
static struct entry_rec *place_entry(const struct word_map *map, struct entry_rec *from,
                                     struct entry_rec *fresh, const struct word_key *key) {
  shoal_off off = shoal_offset(map->heap, fresh);
  offer_fresh(map, key == NULL ? FRESH_BUCKET : FRESH_WORD);
  for (;;) {
    struct place place = locate(map, from, fresh->order, key);
    if (place.found != NULL) {
      end_fresh(map, false);
      return place.found;
    }
    atomic_store_explicit(&fresh->next, place.next, memory_order_relaxed);
    if (atomic_compare_exchange_strong_explicit(&place.before->next, &place.next, off,
                                                memory_order_acq_rel, memory_order_relaxed)) {
      end_fresh(map, true);
      return fresh;
    }
    from = place.before;
  }
}

/// The segment that holds bucket `bucket`, and the bucket's place in it.
static unsigned find_segment(uint64_t bucket, uint64_t *place) {
  unsigned segment = 0;
  uint64_t begin = 0;
  uint64_t end = FIRST_BUCKETS;
  while (bucket >= end) {
    begin = end;
    end *= 2;
    segment++;
  }
  *place = bucket - begin;
  return segment;
}

static uint64_t segment_buckets(unsigned segment) {
  return segment == 0 ? FIRST_BUCKETS : (uint64_t)FIRST_BUCKETS << (segment - 1);
}

/// The slot of `bucket`: where its entry's offset stands. Null iff its segment is not there.
static _Atomic uint64_t *bucket_slot(const struct word_map *map, uint64_t bucket) {
  uint64_t place = 0;
  unsigned segment = find_segment(bucket, &place);
  shoal_off off = atomic_load_explicit(&map->rec->segments[segment], memory_order_acquire);
  _Atomic uint64_t *slots = shoal_ptr(map->heap, off);
  return slots == NULL ? NULL : slots + place;
}

static bool add_segment(const struct word_map *map, uint64_t bucket) {
  uint64_t place = 0;
  unsigned segment = find_segment(bucket, &place);
  if (take_fresh(map, segment_buckets(segment) * sizeof(uint64_t), SHOAL_ZERO) == NULL) {
    return false;
  }
  offer_fresh(map, FRESH_SEGMENT);
  shoal_off none = 0;
  bool linked = atomic_compare_exchange_strong_explicit(&map->rec->segments[segment], &none,
                                                        map->desk->fresh, memory_order_acq_rel,
                                                        memory_order_relaxed);
  end_fresh(map, linked);
  return true;
}

/// The bucket without its highest bit: whose words it took over.
static uint64_t parent_bucket(uint64_t bucket) {
  uint64_t bit = FIRST_BUCKETS;
  if (bucket < bit) bit = 1;
  while (bit * 2 <= bucket) bit *= 2;
  return bucket - bit;
}

/// The nearest entry at or before `bucket`'s place that is there already.
static struct entry_rec *nearest_bucket(const struct word_map *map, uint64_t bucket) {
  for (;;) {
    _Atomic uint64_t *slot = bucket_slot(map, bucket);
    shoal_off off = slot == NULL ? 0 : atomic_load_explicit(slot, memory_order_acquire);
    struct entry_rec *entry = entry_at(map, off);
    if (entry != NULL || bucket == 0) return entry;
    bucket = parent_bucket(bucket);
  }
}

/// The entry of `bucket`, made now where this is the first time that somebody asks.
static struct entry_rec *take_bucket(const struct word_map *map, uint64_t bucket) {
  if (bucket_slot(map, bucket) == NULL && !add_segment(map, bucket)) return NULL;
  _Atomic uint64_t *slot = bucket_slot(map, bucket);
  shoal_off off = atomic_load_explicit(slot, memory_order_acquire);
  if (off != 0) return shoal_ptr(map->heap, off);
  struct entry_rec *parent = take_bucket(map, parent_bucket(bucket));
  if (parent == NULL) return NULL;
  struct entry_rec *fresh = take_fresh(map, sizeof *fresh, 0);
  if (fresh == NULL) return NULL;
  fresh->order = reverse_bits(bucket);
  struct entry_rec *entry = place_entry(map, parent, fresh, NULL);
  atomic_store_explicit(slot, shoal_offset(map->heap, entry), memory_order_release);
  return entry;
}

static uint64_t key_bucket(const struct word_map *map, const struct word_key *key) {
  uint64_t buckets = atomic_load_explicit(&map->rec->buckets, memory_order_relaxed);
  return key->hash & (buckets - 1);
}

static void count_word(const struct word_map *map) {
  uint64_t words = atomic_fetch_add_explicit(&map->rec->words, 1, memory_order_relaxed) + 1;
  uint64_t buckets = atomic_load_explicit(&map->rec->buckets, memory_order_relaxed);
  uint64_t most = segment_buckets(MAP_SEGMENTS - 1) * 2;
  if (words <= buckets * WORDS_PER_BUCKET || buckets >= most) return;
  (void)atomic_compare_exchange_strong_explicit(&map->rec->buckets, &buckets, buckets * 2,
                                                memory_order_relaxed, memory_order_relaxed);
}

static struct word_rec *create_word(const struct word_map *map, const struct word_key *key) {
  struct word_rec *word = take_fresh(map, sizeof *word + key->length, 0);
  if (word == NULL) return NULL;
  *word = (struct word_rec){.entry = {.order = word_order(key->hash)}, .length = key->length};
  memcpy(word + 1, key->text, key->length);
  return word;
}

bool word_map_init(shoal_heap *heap, struct map_rec *rec) {
  struct entry_rec *first = shoal_calloc(heap, 1, sizeof *first);
  _Atomic uint64_t *slots = shoal_calloc(heap, FIRST_BUCKETS, sizeof *slots);
  if (first == NULL || slots == NULL) {
    report_no_memory("the map");
    return false;
  }
  atomic_store_explicit(slots, shoal_offset(heap, first), memory_order_relaxed);
  atomic_store_explicit(&rec->segments[0], shoal_offset(heap, slots), memory_order_relaxed);
  atomic_store_explicit(&rec->buckets, FIRST_BUCKETS, memory_order_relaxed);
  return true;
}

struct word_rec *word_map_find(const struct word_map *map, const struct word_key *key) {
  struct entry_rec *from = nearest_bucket(map, key_bucket(map, key));
  if (from == NULL) return NULL;
  return (struct word_rec *)(void *)locate(map, from, word_order(key->hash), key).found;
}

struct word_rec *word_map_intern(const struct word_map *map, const struct word_key *key) {
  struct entry_rec *from = take_bucket(map, key_bucket(map, key));
  if (from == NULL) return NULL;
  struct place place = locate(map, from, word_order(key->hash), key);
  if (place.found != NULL) return (struct word_rec *)(void *)place.found;
  struct word_rec *fresh = create_word(map, key);
  if (fresh == NULL) return NULL;
  struct entry_rec *entry = place_entry(map, place.before, &fresh->entry, key);
  if (entry == &fresh->entry) count_word(map);
  return (struct word_rec *)(void *)entry;
}

struct word_rec *word_map_remove(const struct word_map *map, const struct word_key *key) {
  struct entry_rec *from = nearest_bucket(map, key_bucket(map, key));
  if (from == NULL) return NULL;
  struct place place = locate(map, from, word_order(key->hash), key);
  if (place.found == NULL) return NULL;
  shoal_off next = atomic_load_explicit(&place.found->next, memory_order_relaxed);
  atomic_store_explicit(&place.before->next, next, memory_order_release);
  (void)atomic_fetch_sub_explicit(&map->rec->words, 1, memory_order_relaxed);
  return (struct word_rec *)(void *)place.found;
}

bool word_map_each(const struct word_map *map, word_visitor *visit, void *context) {
  uint64_t left = atomic_load_explicit(&map->rec->words, memory_order_relaxed);
  uint64_t order = 0;
  shoal_off off = 0;
  struct entry_rec *entry = nearest_bucket(map, 0);
  if (entry == NULL) return false;
  while ((off = atomic_load_explicit(&entry->next, memory_order_acquire)) != 0) {
    entry = entry_at(map, off);
    if (entry == NULL || entry->order < order) return false;
    order = entry->order;
    if (!is_word(entry)) continue;
    if (left-- == 0 || !visit(context, (const struct word_rec *)(void *)entry)) return false;
  }
  return left == 0;
}

/// Whether the entry, whose content is whole, is in the list.
static bool is_linked(const struct word_map *map, struct entry_rec *entry) {
  if (is_word(entry)) {
    struct word_rec *word = (struct word_rec *)(void *)entry;
    const struct word_key key = {(const char *)(word + 1), word->length,
                                 reverse_bits(entry->order & ~UINT64_C(1))};
    struct entry_rec *from = nearest_bucket(map, key_bucket(map, &key));
    return from != NULL && locate(map, from, entry->order, &key).found == entry;
  }
  uint64_t bucket = reverse_bits(entry->order);
  struct entry_rec *from = nearest_bucket(map, parent_bucket(bucket));
  return from != NULL && locate(map, from, entry->order, NULL).found == entry;
}

static bool is_segment(const struct word_map *map, shoal_off off) {
  for (unsigned i = 0; i < MAP_SEGMENTS; i++) {
    if (atomic_load_explicit(&map->rec->segments[i], memory_order_acquire) == off) return true;
  }
  return false;
}

void word_map_inherit(const struct word_map *map) {
  shoal_off fresh = map->desk->fresh;
  bool linked = false;
  switch ((enum fresh_kind)atomic_load_explicit(&map->desk->kind, memory_order_acquire)) {
    case FRESH_UNFINISHED:
      break;
    case FRESH_WORD:
    case FRESH_BUCKET:
      linked = fresh != 0 && is_linked(map, shoal_ptr(map->heap, fresh));
      break;
    case FRESH_SEGMENT:
      linked = is_segment(map, fresh);
      break;
  }
  end_fresh(map, linked);
}

/// The entry behind `entry`; null at the end.
static struct entry_rec *next_entry(const struct word_map *map, const struct entry_rec *entry) {
  return shoal_ptr(map->heap, atomic_load_explicit(&entry->next, memory_order_acquire));
}

void word_map_recount(const struct word_map *map) {
  uint64_t words = 0;
  struct entry_rec *entry = nearest_bucket(map, 0);
  for (; entry != NULL; entry = next_entry(map, entry)) words += is_word(entry);
  atomic_store_explicit(&map->rec->words, words, memory_order_relaxed);
}

uint64_t word_map_free(const struct word_map *map) {
  uint64_t freed = 0;
  struct entry_rec *entry = nearest_bucket(map, 0);
  while (entry != NULL) {
    struct entry_rec *next = next_entry(map, entry);
    shoal_off hits = is_word(entry) ? ((struct word_rec *)(void *)entry)->hits : 0;
    if (hits != 0) freed += shoal_free_offset(map->heap, hits) == SHOAL_OK;
    shoal_free(map->heap, entry);
    freed++;
    entry = next;
  }
  for (unsigned i = 0; i < MAP_SEGMENTS; i++) {
    shoal_off off = atomic_exchange_explicit(&map->rec->segments[i], 0, memory_order_relaxed);
    if (off != 0) freed += shoal_free_offset(map->heap, off) == SHOAL_OK;
  }
  return freed;
}
