// SPDX-License-Identifier: MIT
#include "tests/random/model.h"

#include <string.h>

#include "tests/harness/harness.h"
#include "tests/random/pattern.h"

static shoal_heap_stats read_stats(const struct model *model) {
  shoal_heap_stats stats = {.size = sizeof stats};
  EXPECT_OK(shoal_stats(model->heap, &stats));
  return stats;
}

void model_begin(struct model *model, shoal_heap *heap) {
  memset(model, 0, sizeof *model);
  model->heap = heap;
  shoal_heap_stats stats = read_stats(model);
  model->data = stats.metadata;
  model->capacity = stats.capacity;
  model_audit(model);
}

// returns: how many blocks start below `off`.
static uint64_t place_of(const struct model *model, shoal_off off) {
  uint64_t low = 0, high = model->count;
  while (low < high) {
    uint64_t middle = (low + high) / 2;
    if (model->blocks[middle].off < off) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

static bool is_apart(const struct model *model, const struct model_block *block, uint64_t place) {
  const struct model_block *before = place > 0 ? &model->blocks[place - 1] : NULL;
  const struct model_block *after = place < model->count ? &model->blocks[place] : NULL;
  if (before != NULL && before->off + before->bytes > block->off) return false;
  return after == NULL || block->off + block->bytes <= after->off;
}

static bool is_inside(const struct model *model, const struct model_block *block) {
  bool begins = block->off >= model->data && block->off < model->capacity;
  return begins && block->bytes <= model->capacity - block->off;
}

static void insert(struct model *model, const struct model_block *block, uint64_t place) {
  struct model_block *at = &model->blocks[place];
  memmove(at + 1, at, (size_t)(model->count - place) * sizeof *at);
  *at = *block;
  model->count++;
  model->bytes += block->bytes;
}

bool model_add(struct model *model, shoal_off off, uint64_t asked, uint64_t alignment) {
  void *start = shoal_ptr(model->heap, off);
  struct model_block block = {.off = off,
                              .asked = asked,
                              .alignment = alignment,
                              .bytes = shoal_usable_size(model->heap, start),
                              .mark = ++model->marks << 32};
  uint64_t place = place_of(model, off);
  const char *wrong = NULL;
  if (model->count == MODEL_BLOCKS_MAX) wrong = "is more than the model can hold";
  if (block.bytes < asked) wrong = "is too small";
  if (off % alignment != 0) wrong = "is not aligned";
  if (!is_inside(model, &block)) wrong = "lies outside the data";
  if (!is_apart(model, &block, place)) wrong = "overlaps a live block";
  if (wrong != NULL) {
    FAIL("the block of %llu bytes at 0x%llx, asked as %llu bytes aligned to %llu, %s",
         (unsigned long long)block.bytes, (unsigned long long)off, (unsigned long long)asked,
         (unsigned long long)alignment, wrong);
    return false;
  }
  insert(model, &block, place);
  pattern_fill(start, block.bytes, block.mark);
  return true;
}

static void verify(const struct model *model, const struct model_block *block) {
  uint64_t byte = pattern_differs(shoal_ptr(model->heap, block->off), block->bytes, block->mark);
  if (byte == block->bytes) return;
  FAIL("byte %llu of the live block of %llu bytes at 0x%llx has changed", (unsigned long long)byte,
       (unsigned long long)block->bytes, (unsigned long long)block->off);
}

void model_verify(const struct model *model) {
  for (uint64_t i = 0; i < model->count; i++) verify(model, &model->blocks[i]);
}

struct model_block model_take(struct model *model, uint64_t index) {
  struct model_block *at = &model->blocks[index];
  struct model_block block = *at;
  verify(model, &block);
  model->count--;
  model->bytes -= block.bytes;
  memmove(at, at + 1, (size_t)(model->count - index) * sizeof *at);
  return block;
}

void model_put_back(struct model *model, const struct model_block *block) {
  insert(model, block, place_of(model, block->off));
}

// A walk under comparison. Private to the process.
struct comparison {
  const struct model *model;
  uint64_t next;
};

static int compare_block(void *context, const shoal_block *block) {
  struct comparison *comparison = context;
  const struct model *model = comparison->model;
  const struct model_block *expected = &model->blocks[comparison->next];
  bool known = comparison->next < model->count;
  if (known && expected->off == block->off && expected->bytes == block->bytes) {
    comparison->next++;
    return 0;
  }
  FAIL("block %llu of the walk is %llu bytes at 0x%llx, the model has %llu at 0x%llx",
       (unsigned long long)comparison->next, (unsigned long long)block->bytes,
       (unsigned long long)block->off, (unsigned long long)(known ? expected->bytes : 0),
       (unsigned long long)(known ? expected->off : 0));
  return 1;
}

static void report(void *context, shoal_off off, const char *text) {
  (void)context;
  FAIL("the check says of 0x%llx: %s", (unsigned long long)off, text);
}

static uint64_t count_set(const uint64_t *words, unsigned count) {
  uint64_t set = 0;
  for (unsigned i = 0; i < count; i++) set += words[i] != 0 ? 1 : 0;
  return set;
}

static void audit_sums(const struct model *model) {
  shoal_heap_stats stats = read_stats(model);
  EXPECT_EQ(stats.capacity,
            stats.metadata + stats.live + stats.cached + stats.free + stats.uncommitted);
  EXPECT_EQ(stats.committed, stats.live + stats.cached + stats.free);
  EXPECT_EQ(model->bytes, stats.live);
  EXPECT_EQ(model->count, stats.live_blocks);
  EXPECT_EQ(model->data, stats.metadata);
  EXPECT_EQ(count_set(model->roots, MODEL_ROOTS), stats.roots);
  EXPECT_EQ(count_set(model->pins, MODEL_PINS), stats.pins);
}

void model_audit(const struct model *model) {
  struct comparison comparison = {.model = model};
  EXPECT_OK(shoal_check(model->heap, report, NULL));
  audit_sums(model);
  EXPECT_OK(shoal_walk(model->heap, compare_block, &comparison));
  EXPECT_EQ(model->count, comparison.next);
}

void model_audit_empty(const struct model *model) {
  model_audit(model);
  shoal_heap_stats stats = read_stats(model);
  EXPECT_EQ(0, stats.live + stats.cached + stats.free + stats.committed);
  EXPECT_EQ(0, stats.slabs + stats.runs + stats.huge_runs + stats.chunks_mixed);
  EXPECT_EQ(stats.capacity, stats.metadata + stats.uncommitted);
  uint64_t all = stats.uncommitted;
  shoal_off off = shoal_alloc(model->heap, all, 0);
  EXPECT_EQ(model->data, off);
  if (off == 0) return;
  EXPECT_EQ(all, shoal_usable_size(model->heap, shoal_ptr(model->heap, off)));
  EXPECT_OK(shoal_free_offset(model->heap, off));
  EXPECT_OK(shoal_trim(model->heap, SHOAL_TRIM_CHUNKS));
  model_audit(model);
}
