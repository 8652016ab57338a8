// SPDX-License-Identifier: MIT
// Pins: a record says which chunks must keep their pages, and whose wish that is.
//
//   pin    op 0 -> CHANGING(me) by compare and swap; chunks; op = PINNED(me, use) seq_cst (the
//          commit); then look at the chunks: none may be TRIM
//   unpin  op PINNED(me, use) -> CHANGING(me) by compare and swap (the commit); chunks 0; op = 0
//   trim   chunk word -> TRIM by compare and swap; then read all ops (seq_cst)
//
// Of a pin and a trim at once, one sees the other: each stores first and looks afterwards. A pin's
// chunks hold an allocated block, so that they are not being trimmed unless the caller is wrong.
//
// The record names its process in op itself, hence each change is decided by one compare and swap,
// whoever tries, and no thread slot or journal is needed. `use`, kept in the process word while the
// record is free, makes names of earlier pins differ.
// A crash leaves op PINNED or CHANGING with the dead process in it; its pins do not count from then
// on and are dropped by whoever recovers it, or needs a record.
#include "alloc/pin.h"

#include <shoal/inspect.h>

#include "alloc/census.h"
#include "alloc/chunk.h"
#include "base/fail.h"

enum { USE_SHIFT = 38, ID_USE_SHIFT = 32 };

static struct shl_pin_op changing_by(const shoal_heap *heap) {
  return (struct shl_pin_op){.state = SHL_PIN_CHANGING,
                             .process = heap->region->process,
                             .generation = heap->region->process_generation & 0xffffff};
}

static bool is_of(struct shl_pin_op op, uint32_t process, uint32_t generation) {
  return op.state != SHL_PIN_FREE && op.process == process &&
         op.generation == (generation & 0xffffff);
}

static bool is_dead(const shoal_heap *heap, struct shl_pin_op op) {
  return heap->region->is_dead(heap->region, op.process, op.generation);
}

bool shl_pin_covers(const shoal_heap *heap, uint32_t chunk) {
  for (uint32_t i = 0; i < heap->pin_count; i++) {
    const struct shl_pin_rec *pin = &heap->pins[i];
    struct shl_pin_op op = shl_pin_decode(shl_load_seq_cst_u64(&pin->op));
    if (op.state != SHL_PIN_PINNED) continue;
    uint64_t first = shl_load_acquire_u64(&pin->first_chunk);
    uint64_t count = shl_load_acquire_u64(&pin->chunk_count);
    if (chunk < first || chunk - first >= count) continue;
    if (!is_dead(heap, op)) return true;
  }
  return false;
}

// Empties a record whose op is `word`, unless another does.
// returns: whether it was done here.
static bool release_record(shoal_heap *heap, struct shl_pin_rec *pin, uint64_t word) {
  if (!shl_cas_seq_cst_u64(&pin->op, word, shl_pin_encode(changing_by(heap)))) return false;
  shl_store_release_u64(&pin->first_chunk, 0);
  shl_store_release_u64(&pin->chunk_count, 0);
  uint64_t use = shl_load_relaxed_u64(&pin->process) >> USE_SHIFT;
  shl_store_release_u64(&pin->process, use << USE_SHIFT);
  shl_store_seq_cst_u64(&pin->op, 0);
  return true;
}

void shl_pins_drop(shoal_heap *heap, uint32_t process, uint32_t generation) {
  for (uint32_t i = 0; i < heap->pin_count; i++) {
    uint64_t word = shl_load_seq_cst_u64(&heap->pins[i].op);
    if (!is_of(shl_pin_decode(word), process, generation)) continue;
    (void)release_record(heap, &heap->pins[i], word);
  }
}

static bool claim_free(shoal_heap *heap, uint32_t *index) {
  uint64_t mine = shl_pin_encode(changing_by(heap));
  for (uint32_t i = 0; i < heap->pin_count; i++) {
    if (shl_load_relaxed_u64(&heap->pins[i].op) != 0) continue;
    *index = i;
    if (shl_cas_seq_cst_u64(&heap->pins[i].op, 0, mine)) return true;
  }
  return false;
}

static void drop_dead(shoal_heap *heap) {
  for (uint32_t i = 0; i < heap->pin_count; i++) {
    uint64_t word = shl_load_seq_cst_u64(&heap->pins[i].op);
    struct shl_pin_op op = shl_pin_decode(word);
    if (op.state == SHL_PIN_FREE || !is_dead(heap, op)) continue;
    (void)release_record(heap, &heap->pins[i], word);
  }
}

static bool block_holds(shoal_heap *heap, shoal_off off, size_t len) {
  shoal_block block;
  if (len == 0 || !shl_block_find(heap, off, &block)) return false;
  return off - block.off < block.bytes && len <= block.bytes - (off - block.off);
}

static bool holds_memory(const shoal_heap *heap, uint32_t first, uint32_t count) {
  for (uint32_t chunk = first; chunk < first + count; chunk++) {
    uint64_t word = shl_load_seq_cst_u64(&shl_chunk_row(heap, chunk)->word);
    unsigned state = shl_chunk_decode(word).state;
    bool holds = state == SHL_CHUNK_MIXED || state == SHL_CHUNK_HEAD || state == SHL_CHUNK_CONT;
    if (!holds) return false;
  }
  return true;
}

static uint64_t write_record(shoal_heap *heap, uint32_t index, uint32_t first, uint32_t count) {
  struct shl_pin_rec *pin = &heap->pins[index];
  struct shl_pin_op op = changing_by(heap);
  uint64_t use = ((shl_load_relaxed_u64(&pin->process) >> USE_SHIFT) + 1) & 0xffffff;
  op.state = SHL_PIN_PINNED;
  op.use = (uint32_t)use;
  uint64_t whose = (uint64_t)op.process | (uint64_t)op.generation << 14;
  shl_store_release_u64(&pin->process, whose | use << USE_SHIFT);
  shl_store_release_u64(&pin->first_chunk, first);
  shl_store_release_u64(&pin->chunk_count, count);
  uint64_t word = shl_pin_encode(op);
  shl_store_seq_cst_u64(&pin->op, word);
  return word;
}

static shoal_status refuse_range(shoal_off off, size_t len) {
  return shl_fail(SHOAL_E_ARGUMENT, 0, "[0x%llx, +%zu) lies in no allocated block.",
                  (unsigned long long)off, len);
}

shoal_status shoal_pin(shoal_heap *heap, shoal_off off, size_t len, shoal_pin_id *out) {
  if (heap == NULL || out == NULL) return shl_fail(SHOAL_E_ARGUMENT, 0, "shoal_pin: a null.");
  *out = 0;
  if (heap->read_only) return shl_fail(SHOAL_E_READ_ONLY, 0, "A READ_ONLY heap pins nothing.");
  if (!block_holds(heap, off, len)) return refuse_range(off, len);
  uint32_t index = 0;
  if (!claim_free(heap, &index)) {
    drop_dead(heap);
    if (!claim_free(heap, &index)) {
      return shl_fail(SHOAL_E_LIMIT, 0, "max_pins (%u) pins stand.", (unsigned)heap->pin_count);
    }
  }
  uint32_t first = (uint32_t)(off >> SHL_CHUNK_SHIFT);
  uint32_t count = (uint32_t)((off + len - 1) >> SHL_CHUNK_SHIFT) - first + 1;
  uint64_t word = write_record(heap, index, first, count);
  if (!holds_memory(heap, first, count)) {
    (void)release_record(heap, &heap->pins[index], word);
    return refuse_range(off, len);
  }
  *out = (uint64_t)shl_pin_decode(word).use << ID_USE_SHIFT | ((uint64_t)index + 1);
  return SHOAL_OK;
}

shoal_status shoal_unpin(shoal_heap *heap, shoal_pin_id pin) {
  if (heap == NULL) return shl_fail(SHOAL_E_ARGUMENT, 0, "shoal_unpin: a null heap.");
  if (heap->read_only) return shl_fail(SHOAL_E_READ_ONLY, 0, "A READ_ONLY heap pins nothing.");
  uint64_t number = pin & UINT32_MAX;
  if (number >= 1 && number <= heap->pin_count) {
    struct shl_pin_rec *record = &heap->pins[number - 1];
    uint64_t word = shl_load_seq_cst_u64(&record->op);
    struct shl_pin_op op = shl_pin_decode(word);
    bool mine = op.state == SHL_PIN_PINNED && op.use == pin >> ID_USE_SHIFT &&
                is_of(op, heap->region->process, heap->region->process_generation);
    if (mine && release_record(heap, record, word)) return SHOAL_OK;
  }
  return shl_fail(SHOAL_E_ARGUMENT, 0, "0x%llx names no pin of this process.",
                  (unsigned long long)pin);
}
