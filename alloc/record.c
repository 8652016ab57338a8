// SPDX-License-Identifier: MIT
// A record's op is stored last and cleared first, so that whoever reads op with acquire order and
// finds it set may read what it names. The one standing record of a slot is stored by who acts as
// the slot; everybody reads it.
#include "alloc/record.h"

#include "alloc/class.h"

void shl_record_stand(struct shl_slot_rec *slot, const struct shl_record *record) {
  shl_store_relaxed_u64(&slot->record.dest, record->dest);
  shl_store_relaxed_u64(&slot->record.block, record->block);
  shl_store_relaxed_u64(&slot->record.second, record->second);
  shl_store_release_u64(&slot->record.op, record->op);
}

void shl_record_stand_for(struct shl_slot_rec *slot, const struct shl_record *record,
                          uint64_t off) {
  if (record->op == SHL_JA_NONE) return;
  struct shl_record whole = *record;
  if (record->op == SHL_JA_REALLOC_TO) {
    whole.second = off;
  } else {
    whole.block = off;
  }
  shl_record_stand(slot, &whole);
}

struct shl_record shl_record_read(const struct shl_slot_rec *slot) {
  uint64_t op = shl_load_acquire_u64(&slot->record.op);
  if (op == SHL_JA_NONE || op > SHL_JA_LAST) return (struct shl_record){.op = SHL_JA_NONE};
  return (struct shl_record){.op = (unsigned)op,
                             .dest = shl_load_acquire_u64(&slot->record.dest),
                             .block = shl_load_acquire_u64(&slot->record.block),
                             .second = shl_load_acquire_u64(&slot->record.second)};
}

uint64_t shl_record_new_block(const struct shl_record *record) {
  switch (record->op) {
    case SHL_JA_ALLOC_TO: return record->block;
    case SHL_JA_REALLOC_TO: return record->second;
    default: return 0;
  }
}

bool shl_record_is_reservation(const shoal_heap *heap, uint64_t dest) {
  uint64_t first = shl_region_offset(heap, shl_slot_page(heap, 1));
  if (dest < first) return false;
  uint64_t slot = 1 + (dest - first) / sizeof(struct shl_slot_rec);
  uint64_t begin = (dest - first) % sizeof(struct shl_slot_rec);
  return slot <= shl_slot_high_water(heap) &&
         begin >= offsetof(struct shl_slot_rec, reservations) &&
         begin < offsetof(struct shl_slot_rec, reservations) + SHL_RESERVATIONS * sizeof(shl_a64);
}

static bool is_root_check(const shoal_heap *heap, uint64_t dest) {
  uint64_t first = shl_region_offset(heap, &heap->roots[0].check);
  return dest >= first && (dest - first) % sizeof(struct shl_root_rec) == 0 &&
         (dest - first) / sizeof(struct shl_root_rec) < heap->root_count;
}

// Memory may have been given back under a dead caller's word.
static bool is_backed_data(shoal_heap *heap, uint64_t dest) {
  uint32_t chunk = (uint32_t)(dest >> SHL_CHUNK_SHIFT);
  if (!shl_chunk_known(heap, chunk)) return false;
  uint32_t committed = shl_load_acquire_u32(&shl_chunk_row(heap, chunk)->committed);
  return (committed >> (dest >> SHL_UNIT_SHIFT) % SHL_UNITS_PER_CHUNK & 1) != 0;
}

bool shl_record_may_be(shoal_heap *heap, uint64_t dest) {
  if (dest % sizeof(shl_a64) != 0 || dest >= heap->view.capacity) return false;
  return is_backed_data(heap, dest) || shl_record_is_reservation(heap, dest) ||
         is_root_check(heap, dest);
}

// The offset that bit `bit` stands for, when bits stand for equal steps from `start`.
struct steps {
  uint64_t start;
  uint64_t bytes;
};

static uint64_t bit_of(struct steps steps, uint64_t off) {
  if (off < steps.start || (off - steps.start) % steps.bytes != 0) return 0;
  uint64_t index = (off - steps.start) / steps.bytes;
  return index < 64 ? UINT64_C(1) << index : 0;
}

static uint64_t named_by_records(const shoal_heap *heap, struct steps steps, uint64_t bits) {
  uint64_t named = 0;
  uint32_t high = shl_slot_high_water(heap);
  for (uint32_t id = 1; id <= high; id++) {
    const struct shl_record_rec *record = &shl_slot_page(heap, id)->record;
    if (shl_load_acquire_u64(&record->op) == SHL_JA_NONE) continue;
    named |= bit_of(steps, shl_load_acquire_u64(&record->block));
    named |= bit_of(steps, shl_load_acquire_u64(&record->second));
  }
  return bits & named;
}

uint64_t shl_records_naming_blocks(const shoal_heap *heap, uint32_t unit, unsigned word,
                                   uint64_t bits) {
  uint64_t desc = shl_load_acquire_u64(shl_unit_desc(heap, unit));
  uint64_t size = shl_class_info(shl_desc_class(desc))->bytes;
  if (size == 0) return 0;
  struct steps steps = {.start = shl_unit_offset(unit) + 64 * size * word, .bytes = size};
  return named_by_records(heap, steps, bits);
}

uint64_t shl_records_naming_runs(const shoal_heap *heap, uint32_t chunk, unsigned word,
                                 uint64_t bits) {
  struct steps steps = {.start = shl_chunk_offset(chunk) + UINT64_C(64) * SHL_PAGE_BYTES * word,
                        .bytes = SHL_PAGE_BYTES};
  return named_by_records(heap, steps, bits);
}
