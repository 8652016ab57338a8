// SPDX-License-Identifier: MIT
// Goal: the check sees each way in which a slab can contradict itself. Method: break one field of a
// real heap and read what is reported.
#include "tests/alloc/populated.h"
#include "tests/harness/harness.h"

static void change_owner(struct populated *populated) {
  uint64_t desc = shl_load_relaxed_u64(shl_unit_desc(populated->heap, populated->full));
  shl_store_relaxed_u64(shl_unit_desc(populated->heap, populated->full), desc | 0xff00);
}

static void change_second_unit(struct populated *populated) {
  uint32_t unit = populated_unit(populated->wide);
  uint32_t first = unit - shl_desc_back(shl_load_relaxed_u64(shl_unit_desc(populated->heap, unit)));
  shl_a64 *second = shl_unit_desc(populated->heap, first + 1);
  shl_store_relaxed_u64(second, shl_load_relaxed_u64(second) + 1);
}

static void clear_second_unit(struct populated *populated) {
  uint32_t unit = populated_unit(populated->wide);
  uint32_t first = unit - shl_desc_back(shl_load_relaxed_u64(shl_unit_desc(populated->heap, unit)));
  shl_store_relaxed_u64(shl_unit_desc(populated->heap, first + 1), 0);
}

static void change_class(struct populated *populated) {
  struct shl_slab_view slab = populated_slab(populated, populated->full);
  shl_store_relaxed_u64(shl_unit_desc(populated->heap, populated->full),
                        shl_desc_make(slab.owner, 90, 0));
}

static void unback_metadata(struct populated *populated) {
  struct shl_chunk_rec *row = populated_row(populated, shl_unit_offset(populated->full));
  shl_store_relaxed_u16(&row->meta, 1 << SHL_META_RUN_PAGE);
}

static void change_state(struct populated *populated) {
  shl_store_relaxed_u8(&populated_hot(populated, populated->full)->state, 2);
}

static void free_past_the_last_block(struct populated *populated) {
  struct shl_slab_view slab = populated_slab(populated, populated_unit(populated->wide));
  shl_a64 *word = &populated_hot(populated, slab.unit)->free[0];
  shl_store_relaxed_u64(word, shl_load_relaxed_u64(word) | UINT64_C(1) << 63);
}

static void free_what_is_in_hand(struct populated *populated) {
  uint64_t blocks = shl_load_relaxed_u64(&populated_hand(populated)->blocks);
  unsigned word = shl_load_relaxed_u32(&populated_hand(populated)->ref) & 63;
  shl_a64 *free = &populated_hot(populated, populated->current)->free[word];
  shl_store_relaxed_u64(free, shl_load_relaxed_u64(free) | (blocks & (0 - blocks)));
}

static void free_remotely_what_is_free(struct populated *populated) {
  const struct shl_hot_rec *hot = populated_hot(populated, populated->relisted);
  struct shl_remote_rec *remote = shl_remote_row(populated->heap, populated->relisted);
  shl_store_relaxed_u64(&remote->freed[0], shl_load_relaxed_u64(&hot->free[0]));
}

static void clear_summary(struct populated *populated) {
  shl_store_relaxed_u64(&populated_hot(populated, populated->relisted)->nonempty, 0);
}

static void free_in_full_slab(struct populated *populated) {
  shl_store_relaxed_u64(&populated_hot(populated, populated->full)->free[3], 4);
}

static void clear_dirty(struct populated *populated) {
  struct shl_chunk_rec *row = populated_row(populated, shl_unit_offset(populated->full));
  shl_store_relaxed_u32(&row->dirty, 0);
}

static void clear_hint(struct populated *populated) {
  struct shl_owner_rec *owner = shl_owner_row(populated->heap, populated->slot);
  for (unsigned i = 0; i < SHL_HINT_WORDS; i++) shl_store_relaxed_u64(&owner->hints[i], 0);
}

static void clear_hint_summary(struct populated *populated) {
  shl_store_relaxed_u64(&shl_owner_row(populated->heap, populated->slot)->hint_summary, 0);
}

static void claim_to_be_partial(struct populated *populated) {
  shl_store_relaxed_u8(&populated_hot(populated, populated->full)->state, SHL_SLAB_PARTIAL);
}

// The list ends before `relisted`, which stays behind as a ring of its own.
static void leave_a_ring(struct populated *populated) {
  struct shl_slot_rec *page = populated_page(populated);
  struct shl_hot_rec *hot = populated_hot(populated, populated->relisted);
  unsigned class_index = shl_class_of(POPULATED_SMALL_BYTES);
  uint32_t next = shl_load_relaxed_u32(&hot->next);
  shl_store_relaxed_u32(&page->hands[class_index].head, next);
  shl_store_relaxed_u32(&populated_hot(populated, next)->prev, 0);
  shl_store_relaxed_u32(&hot->prev, populated->relisted);
  shl_store_relaxed_u32(&hot->next, populated->relisted);
}

static void broken_slabs_are_reported(void) {
  static const struct corruption rows[] = {
      {"owner past the slots", change_owner, "owner is no thread slot"},
      {"second unit's owner", change_second_unit, "units disagree"},
      {"second unit without descriptor", clear_second_unit, "units disagree"},
      {"class that does not exist", change_class, "no descriptor that fits"},
      {"metadata not backed", unback_metadata, "metadata pages are not backed"},
      {"state", change_state, "state does not exist"},
      {"F past the last block", free_past_the_last_block, "past its last block"},
      {"F and A", free_what_is_in_hand, "in its slab and in a hand"},
      {"F and RB", free_remotely_what_is_free, "free already"},
      {"N without a word of F", clear_summary, "summary misses a word"},
      {"F in a full slab", free_in_full_slab, "full slab has free blocks"},
      {"RB without dirty bit", clear_dirty, "no hint at its owner"},
      {"RB without hint", clear_hint, "no hint at its owner"},
      {"RB without hint summary", clear_hint_summary, "no hint at its owner"},
      {"PARTIAL and not listed", claim_to_be_partial, "not on its owner's list"},
      {"a ring beside the list", leave_a_ring, "not on its owner's list"},
  };
  populated_expect_reports(rows, sizeof rows / sizeof rows[0]);
}

// N may say more than F, dirty and hints may be stale: nobody relies on their absence.
static void stale_caches_contradict_nothing(void) {
  struct populated populated;
  ASSERT(populated_open(&populated));
  struct shl_hot_rec *hot = populated_hot(&populated, populated.relisted);
  shl_store_relaxed_u64(&hot->nonempty, 0xffff);
  shl_store_relaxed_u32(&populated_row(&populated, populated.run)->dirty, UINT32_MAX);
  shl_store_relaxed_u64(&shl_owner_row(populated.heap, populated.slot)->hint_summary, UINT64_MAX);
  EXPECT(populated_is_clean(&populated));
  populated_close(&populated);
}

SUITE(check_slab, TEST(broken_slabs_are_reported), TEST(stale_caches_contradict_nothing))
