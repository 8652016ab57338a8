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

enum { USE_SHIFT = 38 };

static struct shl_pin_op changing_by(const shoal_heap *heap) {
  return (struct shl_pin_op){.state = SHL_PIN_CHANGING,
                             .process = heap->region->process,
                             .generation = heap->region->process_generation & 0xffffff};
}

bool shl_pin_is_of(struct shl_pin_op op, uint32_t process, uint32_t generation) {
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

bool shl_pin_release(shoal_heap *heap, uint32_t index, uint64_t word) {
  struct shl_pin_rec *pin = &heap->pins[index];
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
    if (!shl_pin_is_of(shl_pin_decode(word), process, generation)) continue;
    (void)shl_pin_release(heap, i, word);
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

void shl_pins_drop_dead(shoal_heap *heap) {
  for (uint32_t i = 0; i < heap->pin_count; i++) {
    uint64_t word = shl_load_seq_cst_u64(&heap->pins[i].op);
    struct shl_pin_op op = shl_pin_decode(word);
    if (op.state == SHL_PIN_FREE || !is_dead(heap, op)) continue;
    (void)shl_pin_release(heap, i, word);
  }
}

bool shl_pin_take(shoal_heap *heap, uint32_t *index) {
  if (claim_free(heap, index)) return true;
  shl_pins_drop_dead(heap);
  return claim_free(heap, index);
}

uint64_t shl_pin_write(shoal_heap *heap, uint32_t index, uint32_t first, uint32_t count) {
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
