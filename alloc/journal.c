// SPDX-License-Identifier: MIT
// Reading other slots' standing records. A record's op is stored last and cleared first, so that
// whoever reads op with acquire order and finds it set may read the blocks it names.
#include "alloc/journal.h"

#include "alloc/class.h"

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
  uint64_t size = shl_classes[shl_desc_class(desc) % SHL_CLASS_TAGGED].bytes;
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
