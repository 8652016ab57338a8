// SPDX-License-Identifier: MIT
#include "tests/alloc/result.h"

#include <string.h>

#include <shoal/inspect.h>

#include "alloc/block.h"
#include "alloc/census.h"
#include "alloc/pin.h"
#include "alloc/root.h"
#include "alloc/tag.h"
#include "tests/harness/harness.h"

const char *const result_names[RESULT_PARTS] = {
    "blocks", "bytes", "places of blocks", "roots", "names of roots", "pins", "places of pins",
    "word"};

uint64_t result_stir(uint64_t sum, uint64_t word) {
  sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
  sum = (sum ^ sum >> 32) * UINT64_C(0xd6e8feb86659fd93);
  return sum ^ sum >> 29;
}

// Blocks on the way into a tally. Private to the process.
struct visit {
  shoal_heap *heap;
  struct tally tally;
};

static int add_block(void *context, const shoal_block *block) {
  struct visit *visit = context;
  struct shl_place place;
  if (shl_block_at(visit->heap, block->off, &place) != 0) return 1;
  bool tagged = shl_tag_read(visit->heap, block->off, &place) != 0;
  visit->tally.blocks++;
  visit->tally.bytes += block->bytes + (place.tagged ? SHL_TAG_BYTES : 0);
  visit->tally.sum += result_stir(result_stir(block->off, block->bytes), tagged ? 1 : 0);
  return 0;
}

static struct tally tally_of(shoal_heap *heap, shoal_off off) {
  struct visit visit = {.heap = heap};
  shoal_block block;
  bool found = shl_block_find(heap, off, &block) && block.off == off;
  EXPECT(found && add_block(&visit, &block) == 0);
  return visit.tally;
}

void tally_add(struct tally *tally, shoal_heap *heap, shoal_off off) {
  struct tally one = tally_of(heap, off);
  tally->blocks += one.blocks;
  tally->bytes += one.bytes;
  tally->sum += one.sum;
}

void tally_take(struct tally *tally, shoal_heap *heap, shoal_off off) {
  struct tally one = tally_of(heap, off);
  tally->blocks -= one.blocks;
  tally->bytes -= one.bytes;
  tally->sum -= one.sum;
}

static uint64_t sum_of_root(const struct shl_root_copy *copy) {
  const shoal_root *root = &copy->root;
  const uint64_t words[] = {root->off, root->size, root->type_id, root->type_version, root->flags};
  uint64_t sum = 0;
  for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) sum = result_stir(sum, words[i]);
  for (unsigned i = 0; i < SHL_ROOT_WORDS; i++) sum = result_stir(sum, copy->name[i]);
  return sum;
}

static void read_roots(const shoal_heap *heap, struct result *out) {
  for (uint32_t i = 0; i < heap->root_count; i++) {
    struct shl_root_copy copy;
    if (!shl_root_copy(heap, i, &copy)) continue;
    out->part[RESULT_ROOTS]++;
    out->part[RESULT_NAMED] += sum_of_root(&copy);
  }
}

// Those of the dead count for nothing.
static void read_pins(const shoal_heap *heap, struct result *out) {
  for (uint32_t i = 0; i < heap->pin_count; i++) {
    const struct shl_pin_rec *pin = &heap->pins[i];
    struct shl_pin_op op = shl_pin_decode(shl_load_acquire_u64(&pin->op));
    const struct shl_region *region = heap->region;
    if (op.state != SHL_PIN_PINNED || region->is_dead(region, op.process, op.generation)) continue;
    uint64_t sum = result_stir(1, shl_load_acquire_u64(&pin->first_chunk));
    out->part[RESULT_PINS]++;
    out->part[RESULT_PINNED] += result_stir(sum, shl_load_acquire_u64(&pin->chunk_count));
  }
}

bool result_read(shoal_heap *heap, const struct tally *others, const shoal_off *word,
                  struct result *out) {
  struct visit visit = {.heap = heap};
  shoal_heap_stats stats = {.size = sizeof stats};
  bool read = shoal_walk(heap, add_block, &visit) == SHOAL_OK &&
              shoal_stats(heap, &stats) == SHOAL_OK;
  *out = (struct result){.part = {[RESULT_BLOCKS] = visit.tally.blocks,
                                  [RESULT_BYTES] = visit.tally.bytes,
                                  [RESULT_PLACES] = visit.tally.sum,
                                  [RESULT_WORD] = word != NULL ? *word : 0}};
  result_less(out, others);
  read_roots(heap, out);
  read_pins(heap, out);
  return read && visit.tally.blocks == stats.live_blocks && visit.tally.bytes == stats.live &&
         out->part[RESULT_ROOTS] == stats.roots &&
         stats.capacity ==
             stats.metadata + stats.live + stats.cached + stats.free + stats.uncommitted;
}

void result_less(struct result *result, const struct tally *tally) {
  result->part[RESULT_BLOCKS] -= tally->blocks;
  result->part[RESULT_BYTES] -= tally->bytes;
  result->part[RESULT_PLACES] -= tally->sum;
}

bool result_is(const struct result *a, const struct result *b) {
  return memcmp(a, b, sizeof *a) == 0;
}
