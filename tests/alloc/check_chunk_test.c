// SPDX-License-Identifier: MIT
// Goal: the check sees each way in which chunks and runs can contradict themselves. Method: break
// one field of a real heap and read what is reported.
#include "alloc/chunk.h"
#include "alloc/journal.h"
#include "alloc/run.h"
#include "tests/alloc/populated.h"
#include "tests/harness/harness.h"

static uint32_t chunk_of(shoal_off off) {
  return (uint32_t)(off >> SHL_CHUNK_SHIFT);
}

static void set_word(struct populated *populated, uint32_t chunk, uint64_t word) {
  shl_store_relaxed_u64(&shl_chunk_row(populated->heap, chunk)->word, word);
}

static shl_a32 *run_word(const struct populated *populated, unsigned further) {
  unsigned page = (unsigned)(populated->run >> SHL_PAGE_SHIFT) % SHL_PAGES_PER_CHUNK;
  return &shl_run_page(populated->heap, chunk_of(populated->run))->pages[page + further];
}

static void raise_mark_past_the_end(struct populated *populated) {
  shl_store_relaxed_u64(&populated->heap->words->chunk_high_water,
                        (uint64_t)populated->heap->chunk_end + 1);
}

static void raise_slot_mark_past_the_end(struct populated *populated) {
  shl_store_relaxed_u64(&populated->heap->words->slot_high_water,
                        (uint64_t)populated->heap->slot_count + 1);
}

static void move_data(struct populated *populated) {
  populated->heap->words->first_chunk++;
}

static void lay_area_over_another(struct populated *populated) {
  struct shl_superblock_rec *superblock = populated->heap->region->superblock;
  superblock->areas[2].offset = superblock->areas[3].offset;
}

static void name_no_state(struct populated *populated) {
  set_word(populated, chunk_of(populated->run), 9);
}

static void give_free_chunk_a_slot(struct populated *populated) {
  set_word(populated, chunk_of(populated->huge), shl_chunk_encode(SHL_CHUNK_FREE, 1, 0));
}

static void hold_chunk_without_journal(struct populated *populated) {
  set_word(populated, chunk_of(populated->run),
           shl_chunk_encode(SHL_CHUNK_MIXED, populated->slot, 0));
}

static void trim_chunk_without_journal(struct populated *populated) {
  set_word(populated, chunk_of(populated->huge) + 2,
           shl_chunk_encode(SHL_CHUNK_TRIM, populated->slot, 0));
}

static void lengthen_huge(struct populated *populated) {
  set_word(populated, chunk_of(populated->huge),
           shl_chunk_encode(SHL_CHUNK_HEAD, populated->slot, 1 << 20));
}

static void lengthen_huge_by_one(struct populated *populated) {
  uint32_t head = chunk_of(populated->huge);
  ASSERT_OK(shl_chunk_raise(populated->heap, head + POPULATED_HUGE_CHUNKS));
  set_word(populated, head,
           shl_chunk_encode(SHL_CHUNK_HEAD, populated->slot, POPULATED_HUGE_CHUNKS + 1));
}

static void empty_huge(struct populated *populated) {
  set_word(populated, chunk_of(populated->huge),
           shl_chunk_encode(SHL_CHUNK_HEAD, populated->slot, 0));
}

static void shorten_huge(struct populated *populated) {
  set_word(populated, chunk_of(populated->huge),
           shl_chunk_encode(SHL_CHUNK_HEAD, populated->slot, 1));
}

static void give_chunk_a_head_above(struct populated *populated) {
  uint32_t head = chunk_of(populated->huge);
  set_word(populated, head + 1, shl_chunk_encode(SHL_CHUNK_CONT, 0, head + 2));
}

static void give_huge_no_owner(struct populated *populated) {
  set_word(populated, chunk_of(populated->huge),
           shl_chunk_encode(SHL_CHUNK_HEAD, 0, POPULATED_HUGE_CHUNKS));
}

static void claim_chunk_for_a_head_above(struct populated *populated) {
  uint32_t chunk = chunk_of(populated->huge) + POPULATED_HUGE_CHUNKS;
  ASSERT_OK(shl_chunk_raise(populated->heap, chunk));
  set_word(populated, chunk, shl_chunk_encode(SHL_CHUNK_CLAIM, populated->slot, chunk + 1));
}

static void give_part_spare_units(struct populated *populated) {
  uint32_t head = chunk_of(populated->huge);
  set_word(populated, head + 1,
           shl_chunk_encode(SHL_CHUNK_CONT, 0, head) | UINT64_C(1) << 42);
}

static void unback_huge(struct populated *populated) {
  shl_store_relaxed_u32(&shl_chunk_row(populated->heap, chunk_of(populated->huge) + 1)->committed,
                        0x7fffffff);
}

static void put_slab_into_huge(struct populated *populated) {
  uint32_t unit = chunk_of(populated->huge) * SHL_UNITS_PER_CHUNK + 3;
  shl_store_relaxed_u64(shl_unit_desc(populated->heap, unit),
                        shl_desc_make(populated->slot, 1, 0));
}

static void put_pending_into_huge(struct populated *populated) {
  shl_store_relaxed_u64(&populated_row(populated, populated->huge)->remote_pages[7], 1);
}

static void put_run_into_huge(struct populated *populated) {
  uint32_t chunk = chunk_of(populated->huge);
  ASSERT_OK(shl_chunk_back_meta(populated->heap, chunk, 1U << SHL_META_RUN_PAGE));
  shl_store_relaxed_u32(&shl_run_page(populated->heap, chunk)->pages[3],
                        shl_run_encode(1, SHL_RUN_BLOCK));
}

static void exaggerate_room(struct populated *populated) {
  shl_store_relaxed_u16(shl_room(populated->heap, chunk_of(populated->run)), 513);
}

static void invent_metadata_pages(struct populated *populated) {
  struct shl_chunk_rec *row = populated_row(populated, populated->run);
  shl_store_relaxed_u16(&row->meta, (uint16_t)(shl_load_relaxed_u16(&row->meta) | 1U << 10));
}

static void unback_run_page(struct populated *populated) {
  struct shl_chunk_rec *row = populated_row(populated, populated->run);
  unsigned meta = shl_load_relaxed_u16(&row->meta) & ~(1U << SHL_META_RUN_PAGE);
  shl_store_relaxed_u16(&row->meta, (uint16_t)meta);
}

static void forget_used_page(struct populated *populated) {
  unsigned page = (unsigned)(populated->run >> SHL_PAGE_SHIFT) % SHL_PAGES_PER_CHUNK;
  shl_a64 *used = &shl_run_page(populated->heap, chunk_of(populated->run))->used[page / 64];
  shl_store_relaxed_u64(used, shl_load_relaxed_u64(used) & ~(UINT64_C(1) << page % 64));
}

static void call_used_page_zero(struct populated *populated) {
  unsigned page = (unsigned)(populated->run >> SHL_PAGE_SHIFT) % SHL_PAGES_PER_CHUNK;
  shl_a64 *zero = &shl_run_page(populated->heap, chunk_of(populated->run))->zero[page / 64];
  shl_store_relaxed_u64(zero, shl_load_relaxed_u64(zero) | UINT64_C(1) << page % 64);
}

static void call_unbacked_page_zero(struct populated *populated) {
  struct shl_chunk_rec *row = populated_row(populated, populated->run);
  shl_store_relaxed_u32(&row->committed, shl_load_relaxed_u32(&row->committed) & 0x7fffffff);
  shl_store_relaxed_u64(&shl_run_page(populated->heap, chunk_of(populated->run))->zero[7],
                        UINT64_C(1) << 63);
}

static void leave_descriptor_behind(struct populated *populated) {
  uint32_t unit = (chunk_of(populated->run) + 1) * SHL_UNITS_PER_CHUNK - 1;
  shl_store_relaxed_u64(shl_unit_desc(populated->heap, unit),
                        shl_desc_make(populated->slot, 1, 0));
}

static void leave_pending_inside_run(struct populated *populated) {
  unsigned page = (unsigned)(populated->run >> SHL_PAGE_SHIFT) % SHL_PAGES_PER_CHUNK + 1;
  struct shl_chunk_rec *row = populated_row(populated, populated->run);
  shl_store_relaxed_u64(&row->remote_pages[page / 64], UINT64_C(1) << page % 64);
}

static void start_run_inside_run(struct populated *populated) {
  shl_store_relaxed_u32(run_word(populated, 2), shl_run_encode(1, SHL_RUN_BLOCK));
}

static void lead_run_past_chunk(struct populated *populated) {
  shl_store_relaxed_u32(run_word(populated, 0), shl_run_encode(512, SHL_RUN_BLOCK));
}

static void give_run_no_kind(struct populated *populated) {
  shl_store_relaxed_u32(run_word(populated, 0), shl_run_encode(POPULATED_RUN_PAGES, 0));
}

static void call_run_a_slab(struct populated *populated) {
  shl_store_relaxed_u32(run_word(populated, 0), shl_run_encode(POPULATED_RUN_PAGES, SHL_RUN_SLAB));
}

static void unback_run(struct populated *populated) {
  struct shl_chunk_rec *row = populated_row(populated, populated->run);
  unsigned unit = populated_unit(populated->run) % SHL_UNITS_PER_CHUNK;
  shl_store_relaxed_u32(&row->committed,
                        shl_load_relaxed_u32(&row->committed) & ~(UINT32_C(1) << unit));
}

static void broken_chunks_are_reported(void) {
  static const struct corruption rows[] = {
      {"chunk mark", raise_mark_past_the_end, "high-water mark lies outside"},
      {"slot mark", raise_slot_mark_past_the_end, "high-water mark lies outside"},
      {"first chunk", move_data, "where data begins"},
      {"areas", lay_area_over_another, "areas overlap"},
      {"state", name_no_state, "no state that exists"},
      {"FREE with a slot", give_free_chunk_a_slot, "holds what its state has no use for"},
      {"MIXED by nobody", hold_chunk_without_journal, "journal knows nothing"},
      {"TRIM by nobody", trim_chunk_without_journal, "journal knows nothing"},
      {"HEAD past the mark", lengthen_huge, "leads past the chunks in use"},
      {"HEAD over another's chunk", lengthen_huge_by_one, "does not name its head"},
      {"HEAD of none", empty_huge, "leads past the chunks in use"},
      {"CONT not counted", shorten_huge, "head that does not count it"},
      {"CONT of a later head", give_chunk_a_head_above, "head that cannot be its own"},
      {"CLAIM for a head above", claim_chunk_for_a_head_above,
       "holds what its state has no use for"},
      {"CONT of so many units", give_part_spare_units, "holds what its state has no use for"},
      {"HEAD without owner", give_huge_no_owner, "holds what its state has no use for"},
      {"huge not backed", unback_huge, "huge run's chunks are not backed"},
      {"slab in a huge run", put_slab_into_huge, "has a slab's descriptor"},
      {"RP in a huge run", put_pending_into_huge, "has freed runs"},
      {"D in a huge run", put_run_into_huge, "has a run"},
      {"room", exaggerate_room, "room is larger"},
      {"meta past the pages", invent_metadata_pages, "said to be backed wrongly"},
      {"MIXED without run page", unback_run_page, "said to be backed wrongly"},
      {"bitmap", forget_used_page, "bitmap differs"},
      {"zero bit on a used page", call_used_page_zero, "in use is said to be untouched"},
      {"zero bit without backing", call_unbacked_page_zero, "not backed is said to be untouched"},
      {"descriptor without slab", leave_descriptor_behind, "leads to no slab"},
      {"RP inside a run", leave_pending_inside_run, "stands inside another run"},
      {"D inside a run", start_run_inside_run, "begins inside another"},
      {"D past the chunk", lead_run_past_chunk, "leads past its chunk"},
      {"D without kind", give_run_no_kind, "no length or no kind"},
      {"D of a slab without descriptors", call_run_a_slab, "no descriptor that fits"},
      {"run not backed", unback_run, "run's pages are not backed"},
  };
  populated_expect_reports(rows, sizeof rows / sizeof rows[0]);
}

// What a journal names is under way, or was cut short: it waits for recovery and is no
// contradiction.
static void a_journal_excuses_what_it_names(void) {
  struct populated populated;
  ASSERT(populated_open(&populated));
  uint32_t chunk = chunk_of(populated.run);
  hold_chunk_without_journal(&populated);
  forget_used_page(&populated);
  shl_journal_set(populated_page(&populated), SHL_J_CHUNK, chunk, 0);
  EXPECT(populated_is_clean(&populated));
  shl_journal_set(populated_page(&populated), SHL_J_CHUNK, chunk + 1, 0);
  EXPECT_STATUS(SHOAL_E_CORRUPT, shoal_check(populated.heap, NULL, NULL));
  shl_journal_clear(populated_page(&populated));
  populated_close(&populated);
}

SUITE(check_chunk, TEST(broken_chunks_are_reported), TEST(a_journal_excuses_what_it_names))
