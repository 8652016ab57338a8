// SPDX-License-Identifier: MIT
// Root records: what a reader sees, and what recovery makes of one.
//
// A record is one line, so that one read of 64 bytes from afar resolves a root; its name stands in
// a table beside it. Records are found by linear probing from hash modulo root_count.
//
//   version     {busy, slot, count}: who changes the record; not busy again: count + 1
//   name_hash   0 never used, 1 removed, otherwise a name's
//   check       sum over all that never changes after creation, `generation` and the name included;
//               0: no root. Its store is the commit of a creation (last) and of a removal (first)
//   off         may change later, by one store
//
// Invariants
//   I1  A root stands in a record iff its check is not 0.
//   I2  A record that was busy once is never "never used" again: a probe that passed it may have
//       gone on to a record behind it.
//   I3  Two creations of a record's roots differ in generation, so equal sums read before and after
//       a copy mean that all of it belongs to one root.
// Readers look at check alone: they neither wait nor store, whatever dead or stopped processes
// hold.
// A crash leaves J = ROOT(i) and the record busy for the dead slot: with check set it is let go as
// it is, otherwise emptied.
#include "alloc/root.h"

#include <string.h>

#include "base/fail.h"

enum { COPY_TRIES = 64 };  // each further try means that a root was removed and another made there

static const uint64_t fnv_offset = UINT64_C(0xcbf29ce484222325);
static const uint64_t fnv_prime = UINT64_C(0x100000001b3);

static uint64_t mix(uint64_t hash, const void *bytes, size_t count) {
  const unsigned char *byte = bytes;
  for (size_t i = 0; i < count; i++) hash = (hash ^ byte[i]) * fnv_prime;
  return hash;
}

bool shl_root_name(const char *name, uint64_t words[SHL_ROOT_WORDS]) {
  memset(words, 0, SHL_ROOT_NAME_BYTES);
  if (name == NULL || name[0] == '\0') return false;
  size_t length = 0;
  while (length < SHL_ROOT_NAME_BYTES && name[length] != '\0') length++;
  if (length == SHL_ROOT_NAME_BYTES) return false;
  memcpy(words, name, length);
  return true;
}

uint64_t shl_root_hash(const uint64_t words[SHL_ROOT_WORDS]) {
  char name[SHL_ROOT_NAME_BYTES];
  memcpy(name, words, sizeof name);
  size_t length = 0;
  while (length < sizeof name && name[length] != '\0') length++;
  uint64_t hash = mix(fnv_offset, name, length);
  return hash > SHL_ROOT_REMOVED ? hash : fnv_offset;
}

uint64_t shl_root_check(const struct shl_root_copy *copy) {
  const uint64_t parts[] = {copy->root.size,         copy->root.type_id, copy->root.type_version,
                            copy->root.flags,        copy->hash,         copy->generation};
  uint64_t sum = mix(mix(fnv_offset, parts, sizeof parts), copy->name, sizeof copy->name);
  return sum != 0 ? sum : 1;
}

static void read_fields(const shoal_heap *heap, uint32_t index, struct shl_root_copy *out) {
  const struct shl_root_rec *record = &heap->roots[index];
  out->root.off = shl_load_acquire_u64(&record->off);
  out->root.size = shl_load_acquire_u64(&record->size);
  out->root.type_id = shl_load_acquire_u64(&record->type_id);
  out->root.type_version = shl_load_acquire_u32(&record->type_version);
  out->root.flags = shl_load_acquire_u32(&record->flags);
  out->hash = shl_load_acquire_u64(&record->name_hash);
  out->generation = shl_load_acquire_u64(&record->generation);
  for (unsigned w = 0; w < SHL_ROOT_WORDS; w++) {
    out->name[w] = shl_load_acquire_u64(&heap->root_names[index].bytes[w]);
  }
}

bool shl_root_copy(const shoal_heap *heap, uint32_t index, struct shl_root_copy *out) {
  const struct shl_root_rec *record = &heap->roots[index];
  for (unsigned i = 0; i < COPY_TRIES; i++) {
    out->check = shl_load_acquire_u64(&record->check);
    if (out->check == 0) return false;
    read_fields(heap, index, out);
    if (shl_load_acquire_u64(&record->check) == out->check) {
      return shl_root_check(out) == out->check;
    }
  }
  return false;
}

// Whether no probe goes past the record.
static bool ends_probe(const struct shl_root_rec *record) {
  bool busy = shl_root_decode(shl_load_acquire_u64(&record->version)).busy;
  return !busy && shl_load_acquire_u64(&record->name_hash) == SHL_ROOT_UNUSED;
}

uint32_t shl_root_find(const shoal_heap *heap, uint64_t hash, const uint64_t name[SHL_ROOT_WORDS],
                       struct shl_root_copy *out) {
  for (uint32_t i = 0; i < heap->root_count; i++) {
    uint32_t index = (uint32_t)((hash % heap->root_count + i) % heap->root_count);
    if (ends_probe(&heap->roots[index])) break;
    if (shl_load_acquire_u64(&heap->roots[index].name_hash) != hash) continue;
    if (!shl_root_copy(heap, index, out)) continue;
    if (memcmp(out->name, name, SHL_ROOT_NAME_BYTES) == 0) return index;
  }
  return heap->root_count;
}

void shl_root_empty(shoal_heap *heap, uint32_t index) {
  struct shl_root_rec *record = &heap->roots[index];
  shl_store_release_u64(&record->check, 0);
  shl_store_release_u64(&record->name_hash, SHL_ROOT_REMOVED);
  shl_store_release_u64(&record->off, 0);
  shl_store_release_u64(&record->size, 0);
  shl_store_release_u64(&record->type_id, 0);
  shl_store_release_u32(&record->type_version, 0);
  shl_store_release_u32(&record->flags, 0);
  for (unsigned w = 0; w < SHL_ROOT_WORDS; w++) {
    shl_store_release_u64(&heap->root_names[index].bytes[w], 0);
  }
}

void shl_root_let_go(shoal_heap *heap, uint32_t index) {
  shl_a64 *version = &heap->roots[index].version;
  uint64_t count = shl_root_decode(shl_load_relaxed_u64(version)).count;
  shl_store_seq_cst_u64(version, shl_root_encode((struct shl_root_version){.count = count + 1}));
}

bool shl_root_take_over(shoal_heap *heap, uint32_t index, uint64_t version, uint32_t slot_id) {
  struct shl_root_version next = {
      .busy = true, .slot = slot_id, .count = shl_root_decode(version).count + 1};
  if (!shl_cas_seq_cst_u64(&heap->roots[index].version, version, shl_root_encode(next))) {
    return false;
  }
  if (shl_load_acquire_u64(&heap->roots[index].check) == 0) shl_root_empty(heap, index);
  shl_root_let_go(heap, index);
  return true;
}

void shl_root_recover(shoal_heap *heap, uint32_t index, uint32_t slot_id) {
  if (index >= heap->root_count) return;
  uint64_t word = shl_load_acquire_u64(&heap->roots[index].version);
  struct shl_root_version version = shl_root_decode(word);
  if (!version.busy || version.slot != slot_id) return;
  (void)shl_root_take_over(heap, index, word, slot_id);
}

shoal_status shoal_root_get(shoal_heap *heap, const char *name, shoal_root *out) {
  if (heap == NULL || out == NULL) return shl_fail(SHOAL_E_ARGUMENT, 0, "shoal_root_get: a null.");
  uint64_t words[SHL_ROOT_WORDS];
  if (!shl_root_name(name, words)) {
    return shl_fail(SHOAL_E_NAME, 0, "A root's name has 1 to 63 bytes.");
  }
  struct shl_root_copy copy;
  if (shl_root_find(heap, shl_root_hash(words), words, &copy) == heap->root_count) {
    return shl_fail(SHOAL_E_NOT_FOUND, 0, "The heap has no root \"%s\".", name);
  }
  *out = copy.root;
  return SHOAL_OK;
}
