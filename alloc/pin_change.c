// SPDX-License-Identifier: MIT
// Pinning and unpinning: which memory may be pinned, and what names a pin: {use 32, record 32}.
//
// A crash leaves a record of a dead process, or none: pin.c.
#include <shoal/inspect.h>

#include "alloc/census.h"
#include "alloc/chunk.h"
#include "alloc/pin.h"
#include "base/fail.h"

enum { ID_USE_SHIFT = 32 };

static bool block_holds(shoal_heap *heap, shoal_off off, size_t len) {
  shoal_block block;
  if (len == 0 || !shl_block_find(heap, off, &block)) return false;
  return off - block.off < block.bytes && len <= block.bytes - (off - block.off);
}

static bool holds_memory(const shoal_heap *heap, uint32_t first, uint32_t count) {
  for (uint32_t chunk = first; chunk < first + count; chunk++) {
    uint64_t word = shl_load_seq_cst_u64(&shl_chunk_row(heap, chunk)->word);
    struct shl_chunk_word decoded = shl_chunk_decode(word);
    if (decoded.state != SHL_CHUNK_MIXED && !shl_chunk_is_of_run(decoded)) return false;
  }
  return true;
}

static shoal_status refuse_range(shoal_off off, size_t len) {
  return shl_fail(SHOAL_E_ARGUMENT, 0, "[0x%llx, +%zu) lies in no allocated block.",
                  (unsigned long long)off, len);
}

shoal_status shoal_pin(shoal_heap *heap, shoal_off off, size_t len, shoal_pin_id *out) {
  if (heap == NULL || out == NULL) return shl_fail(SHOAL_E_ARGUMENT, 0, "shoal_pin: a null.");
  *out = 0;
  shoal_status status = shl_handle_may_store(heap);
  if (status != SHOAL_OK) return status;
  if (!block_holds(heap, off, len)) return refuse_range(off, len);
  uint32_t index = 0;
  if (!shl_pin_take(heap, &index)) {
    return shl_fail(SHOAL_E_LIMIT, 0, "max_pins (%u) pins stand.", (unsigned)heap->pin_count);
  }
  uint32_t first = (uint32_t)(off >> SHL_CHUNK_SHIFT);
  uint32_t count = (uint32_t)((off + len - 1) >> SHL_CHUNK_SHIFT) - first + 1;
  uint64_t word = shl_pin_write(heap, index, first, count);
  if (!holds_memory(heap, first, count)) {
    (void)shl_pin_release(heap, index, word);
    return refuse_range(off, len);
  }
  *out = (uint64_t)shl_pin_decode(word).use << ID_USE_SHIFT | ((uint64_t)index + 1);
  return SHOAL_OK;
}

shoal_status shoal_unpin(shoal_heap *heap, shoal_pin_id pin) {
  if (heap == NULL) return shl_fail(SHOAL_E_ARGUMENT, 0, "shoal_unpin: a null heap.");
  shoal_status status = shl_handle_may_store(heap);
  if (status != SHOAL_OK) return status;
  uint64_t number = pin & UINT32_MAX;
  if (number >= 1 && number <= heap->pin_count) {
    uint32_t index = (uint32_t)number - 1;
    uint64_t word = shl_load_seq_cst_u64(&heap->pins[index].op);
    struct shl_pin_op op = shl_pin_decode(word);
    bool mine = op.state == SHL_PIN_PINNED && op.use == pin >> ID_USE_SHIFT &&
                shl_pin_is_of(op, heap->region->process, heap->region->process_generation);
    if (mine && shl_pin_release(heap, index, word)) return SHOAL_OK;
  }
  return shl_fail(SHOAL_E_ARGUMENT, 0, "0x%llx names no pin of this process.",
                  (unsigned long long)pin);
}
